"""Reminders of what could not be verified in earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.state.unverified import AGAIN, Unverified, listed

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.workspace import Workspace


def remind(workspace: Workspace, name: str, console: Console) -> list[dict[str, str]]:
    """Tell in one line what is still unverified about a committed installation; as data too.

    `name` is empty for one that is not committed.
    """
    if not name:
        return []
    left = Unverified(workspace.repository, name).left()
    if left:
        which = f" --installation {name}" if len(workspace.installations()) > 1 else ""
        console.say(f"still not verified {listed(left)}; try again: {AGAIN}{which}")
    return [one.to_json() for one in left]

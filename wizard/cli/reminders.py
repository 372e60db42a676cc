"""Reminders of what could not be verified in earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.state.unverified import RETRY_COMMAND, UnverifiedHistory, format_unverified

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.workspace import Workspace


def report_unverified(workspace: Workspace, name: str, console: Console) -> list[dict[str, str]]:
    """Tell in one line what is still unverified about a committed installation; as data too.

    `name` is empty for one that is not committed.
    """
    if not name:
        return []
    left = UnverifiedHistory(workspace.repository, name).remaining_probes()
    if left:
        which = f" --installation {name}" if len(workspace.installations()) > 1 else ""
        console.say(
            f"still not verified {format_unverified(left)}; try again: {RETRY_COMMAND}{which}"
        )
    return [one.to_json() for one in left]

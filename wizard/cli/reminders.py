"""Reminders of probes that earlier runs could not verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.state.unverified import RETRY_COMMAND, UnverifiedHistory, format_unverified

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.workspace import Workspace


def report_unverified(workspace: Workspace, name: str, console: Console) -> list[dict[str, str]]:
    """Print the unverified probes of an installation in one line, and return them as data.

    `name` is empty for an installation that is not committed.
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

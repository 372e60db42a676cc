"""The overview of an installation as plain sentences, for `ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.terminal import escape_unprintable
from wizard.manifests.overview import render_sentences
from wizard.workspace.overview import derive_overview

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


def show_overview(workspace: Workspace, proposal: Proposal, console: Console) -> None:
    """Print the parts and connections of a proposal; what it changes says so."""
    overview, changed = derive_overview(workspace, proposal)
    console.say("Overview:")
    for line in render_sentences(overview, changed):
        console.say(f"  {escape_unprintable(line)}")
    console.say("")

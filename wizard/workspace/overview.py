"""The overview of a proposal, and what differs from the committed installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.overview import build_overview
from wizard.workspace.consequences import read_installed

if TYPE_CHECKING:
    from wizard.manifests.contribution import Link
    from wizard.manifests.overview import Overview, Part
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


def derive_overview(
    workspace: Workspace, proposal: Proposal
) -> tuple[Overview, frozenset[Part | Link]]:
    """Return the overview of a proposal, and its parts and connections that are not committed.

    Nothing counts as changed if nothing is committed, or if this version cannot render it.
    """
    existing, made = proposal.existing, proposal.rendering
    overview = build_overview(made.release, made.total)
    data = workspace.committed_answers(existing) if existing else None
    if data is None:
        return overview, frozenset()
    before = read_installed(data, lambda found: workspace.with_assets(found, existing, None))
    earlier = build_overview(before.rendering.release, before.rendering.total) if before else None
    return overview, overview.find_changes(earlier)

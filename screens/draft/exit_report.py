"""The outcome of the screens, printed to the terminal after they close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from screens.draft.draft import Draft
    from wizard.apply.progress import RunSummary
    from wizard.workspace.proposal import CommitResult


@dataclass
class ExitReport:
    """The last commit and the last `apply` of this session; None if there was none.

    `uncommitted` holds answers that were not committed, with their typed fingerprints.
    """

    committed: CommitResult | None = None
    applied: RunSummary | None = None
    uncommitted: tuple[Mapping[str, Any], tuple[str, ...]] | None = None

    def keep_answers(self, draft: Draft) -> None:
        """Record the answers of a draft as not committed, without unreadable ones."""
        fingerprints = (*draft.option_fingerprints, *draft.typed_fingerprints)
        self.uncommitted = (draft.legible_data, fingerprints)

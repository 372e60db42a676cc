"""What the screens came to, told once they are closed so that it stays in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.apply.progress import RunSummary
    from wizard.workspace.proposal import CommitResult


@dataclass
class ExitReport:
    """The last commit and the last `apply` since the screens were opened; None for neither.

    `left` are the answers that came to no commit, with the fingerprints typed for them.
    """

    committed: CommitResult | None = None
    applied: RunSummary | None = None
    uncommitted: tuple[Mapping[str, Any], tuple[str, ...]] | None = None

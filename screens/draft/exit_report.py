"""What the screens came to, told once they are closed so that it stays in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.apply.progress import Applied
    from wizard.workspace.workspace import Committed


@dataclass
class Ending:
    """The last commit and the last `apply` since the screens were opened; None for neither.

    `left` are the answers that came to no commit, with the fingerprints typed for them.
    """

    committed: Committed | None = None
    applied: Applied | None = None
    left: tuple[Mapping[str, Any], tuple[str, ...]] | None = None

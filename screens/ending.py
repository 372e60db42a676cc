"""What the screens came to, told once they are closed so that it stays in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.applying.progress import Applied
    from wizard.workflow import Committed


@dataclass
class Ending:
    """The last commit and the last `apply` since the screens were opened; None for neither."""

    committed: Committed | None = None
    applied: Applied | None = None

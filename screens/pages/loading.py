"""The first frame, shown while the repository is read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from screens.text import plain
from screens.widgets.fields import Line


class LoadingScreen(Screen[None]):
    """Shown until the first page is ready."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "app.quit", show=False, priority=True)
    ]

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def compose(self) -> ComposeResult:
        """Yield header and status in the same places as on a page."""
        with Horizontal(id="header"):
            yield Line(plain(self.where), id="where")
        yield Vertical(id="body")
        yield Line("reading the repository ...", id="status")

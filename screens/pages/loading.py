"""What is on screen while the repository is read: the header of every page, and that it is read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from screens.text import plain
from screens.widgets.fields import Line


class LoadingScreen(Screen[None]):
    """Stands until the first page can be made."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "app.quit", show=False, priority=True)
    ]

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def compose(self) -> ComposeResult:
        """Where a page has its header and its status."""
        with Horizontal(id="header"):
            yield Line(plain(self.where), id="where")
        yield Vertical(id="body")
        yield Line("reading the repository ...", id="status")

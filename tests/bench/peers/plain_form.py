"""The least a form in Textual costs: labels and inputs, nothing that validates or is saved."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label


class PlainForm(App[None]):
    """So many labelled inputs; the first has the focus."""

    CSS = "Horizontal { height: 1; } Label { width: 20; } Input { width: 1fr; }"

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.fields = fields

    def compose(self) -> ComposeResult:
        """Yield the rows."""
        with VerticalScroll():
            for number in range(self.fields):
                with Horizontal():
                    yield Label(f"Field {number}")
                    yield Input(f"value {number}", compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Focus the first input."""
        self.query(Input).first().focus()

"""The least a Textual program costs: the yardstick for the first paint of the screens."""

from textual.app import App, ComposeResult
from textual.widgets import Label


class Trivial(App[None]):
    def compose(self) -> ComposeResult:
        yield Label("A trivial program that shows one line of text and nothing else")


Trivial().run()

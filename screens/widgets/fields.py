"""Fields one row high whose state is a character; keys of a form instead of Textual's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.actions import SkipAction
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from screens.text import plain, replace_unprintable

MOVE_BINDINGS: list[BindingType] = [
    Binding("enter", "screen.forward", "next field", show=False),
    Binding("up", "screen.field(-1)", "field above", show=False),
    Binding("down", "screen.field(1)", "field below", show=False),
]


class Line(Static):
    """Text in a place of fixed size: another text draws it again and moves nothing."""

    def put(self, text: str) -> None:
        """Show this text, if it is another one."""
        if text != getattr(self, "_shown", ""):
            self._shown = text
            self.update(plain(text), layout=False)


class TextField(Input):
    """One line of text; characters that do not print are shown as replacement characters."""

    BINDINGS: ClassVar[list[BindingType]] = MOVE_BINDINGS

    def __init__(self, value: str = "", *, placeholder: str = "", classes: str = "") -> None:
        super().__init__(
            value, placeholder=placeholder, classes=classes, compact=True, select_on_focus=False
        )

    def validate(self, value: str) -> None:
        """The whole section is validated elsewhere; Textual would style the field once more."""

    def action_copy(self) -> None:
        """Copy the selection; what is not shown is given to no clipboard either."""
        if self.password:
            raise SkipAction
        super().action_copy()

    def action_cut(self) -> None:
        """Cut the selection; what is not shown is only deleted."""
        if self.password:
            self.delete_selection()
        else:
            super().action_cut()

    @property
    def _value(self) -> Text:
        shown = "•" * len(self.value) if self.password else replace_unprintable(self.value)
        return Text(shown, no_wrap=True, overflow="ignore", end="")


class Tick(Widget, can_focus=True):
    """Yes or no: `[X] yes`, `[ ] no`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_BINDINGS,
        Binding("space", "turn", "yes or no", show=False),
    ]
    value: reactive[bool] = reactive(default=False)

    @dataclass
    class Changed(Message):
        """The person turned it."""

        tick: Tick

    def __init__(self, *, value: bool) -> None:
        super().__init__()
        self.set_reactive(Tick.value, value)

    def render(self) -> RenderResult:
        """State as a character and a word."""
        return Content("[X] yes" if self.value else "[ ] no")

    def action_turn(self) -> None:
        """Turn it and say so."""
        self.value = not self.value
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """A click is a turn."""
        self.action_turn()


class Door(Widget, can_focus=True):
    """A line that leads to another page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "open", show=False),
        *MOVE_BINDINGS[1:],
    ]
    text: reactive[str] = reactive("")

    @dataclass
    class Opened(Message):
        """The person wants to go there."""

        door: Door

    def render(self) -> RenderResult:
        """What is behind it."""
        return Content(f"{self.text} >")

    def action_open(self) -> None:
        """Go there."""
        self.post_message(self.Opened(self))

    def on_click(self) -> None:
        """A click opens too."""
        self.action_open()


class PasteArea(TextArea):
    """Several lines; enter on an empty line goes on, so that enter alone never gets stuck."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, text: str, *, placeholder: str = "") -> None:
        super().__init__(
            text,
            placeholder=placeholder,
            compact=True,
            show_line_numbers=False,
            soft_wrap=False,
            tab_behavior="focus",
            highlight_cursor_line=False,
        )

    def get_line(self, line_index: int) -> Text:
        """One line as it is shown."""
        return Text(replace_unprintable(self.document.get_line(line_index)), end="", no_wrap=True)

    def on_focus(self) -> None:
        """The cursor goes to the end: enter there leads on, wherever it was left."""
        self.move_cursor(self.document.end)

    def on_blur(self) -> None:
        """Whose key it is stands at the start of a line."""
        self.scroll_to(x=0, animate=False)

    async def on_key(self, event: events.Key) -> None:
        """Enter on an empty line leaves."""
        row, _ = self.cursor_location
        if event.key == "enter" and not self.document.get_line(row).strip():
            event.stop()
            event.prevent_default()
            await self.screen.run_action("forward")

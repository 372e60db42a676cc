"""Fields of one row that show their state as a character, with the keys of a form."""

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
    """Text in an area of fixed size, so that new text needs no new layout."""

    def put(self, text: str) -> None:
        """Show this text; does nothing if it is already shown."""
        if text != getattr(self, "_shown", ""):
            self._shown = text
            self.update(plain(text), layout=False)


class TextField(Input):
    """One line of text; non-printing characters are shown as replacement characters."""

    BINDINGS: ClassVar[list[BindingType]] = MOVE_BINDINGS

    def __init__(self, value: str = "", *, placeholder: str = "", classes: str = "") -> None:
        super().__init__(
            value, placeholder=placeholder, classes=classes, compact=True, select_on_focus=False
        )

    def validate(self, value: str) -> None:
        """Do nothing: the draft is validated elsewhere, and Textual would restyle the field."""

    def action_copy(self) -> None:
        """Copy the selection; a masked value is never copied."""
        if self.password:
            raise SkipAction
        super().action_copy()

    def action_cut(self) -> None:
        """Cut the selection; a masked value is only deleted."""
        if self.password:
            self.delete_selection()
        else:
            super().action_cut()

    @property
    def _value(self) -> Text:
        shown = "•" * len(self.value) if self.password else replace_unprintable(self.value)
        return Text(shown, no_wrap=True, overflow="ignore", end="")


class Tick(Widget, can_focus=True):
    """A yes-or-no field, shown as `[X] yes` or `[ ] no`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_BINDINGS,
        Binding("space", "turn", "yes or no", show=False),
    ]
    value: reactive[bool] = reactive(default=False)

    @dataclass
    class Changed(Message):
        """The user changed the value."""

        tick: Tick

    def __init__(self, *, value: bool) -> None:
        super().__init__()
        self.set_reactive(Tick.value, value)

    def render(self) -> RenderResult:
        """Return the state as a character and a word."""
        return Content("[X] yes" if self.value else "[ ] no")

    def action_turn(self) -> None:
        """Invert the value and post the change."""
        self.value = not self.value
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Invert the value."""
        self.action_turn()


class Door(Widget, can_focus=True):
    """A line that opens another page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "open", show=False),
        *MOVE_BINDINGS[1:],
    ]
    text: reactive[str] = reactive("")

    @dataclass
    class Opened(Message):
        """The user wants to open the page."""

        door: Door

    def render(self) -> RenderResult:
        """Return the text and a `>`."""
        return Content(f"{self.text} >")

    def action_open(self) -> None:
        """Ask for the page to be opened."""
        self.post_message(self.Opened(self))

    def on_click(self) -> None:
        """Ask for the page to be opened."""
        self.action_open()


class PasteArea(TextArea):
    """A field of several lines; enter on an empty line goes on to the next field."""

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
        """Return one line as it is shown."""
        return Text(replace_unprintable(self.document.get_line(line_index)), end="", no_wrap=True)

    def on_focus(self) -> None:
        """Move the cursor to the end, where enter goes on to the next field."""
        self.move_cursor(self.document.end)

    def on_blur(self) -> None:
        """Scroll back to the host name at the start of the line."""
        self.scroll_to(x=0, animate=False)

    async def on_key(self, event: events.Key) -> None:
        """Go on to the next field on enter in an empty line."""
        row, _ = self.cursor_location
        if event.key == "enter" and not self.document.get_line(row).strip():
            event.stop()
            event.prevent_default()
            await self.screen.run_action("forward")

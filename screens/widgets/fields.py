"""Fields of one row that show their state as a character, with the keys of a form."""

from __future__ import annotations

import re
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
from textual.visual import VisualType
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from screens.text import plain, replace_unprintable

MOVE_BINDINGS: list[BindingType] = [
    Binding("enter", "screen.forward", "next field", show=False),
    Binding("up", "screen.field(-1)", "field above", show=False),
    Binding("down", "screen.field(1)", "field below", show=False),
]

_MARKUP = re.compile(r"\[[^\[\]]*\]")


class Line(Static):
    """Text in an area of fixed size, so that new text needs no new layout."""

    def put(self, text: str, *, layout: bool = False) -> None:
        """Show this text, in an area of the size it needs with `layout`; nothing if it is shown."""
        if text != getattr(self, "_shown", ""):
            self._shown = text
            self.update(plain(text), layout=layout)


class KeyBar(Static):
    """The keys of a page in one line: what does not fit is left out, never cut.

    The first keys and the last one stay longest; `f1` lists all of them.
    """

    _all = ""

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show these keys, in markup, with two spaces between them."""
        del layout
        self._all = content if isinstance(content, str) else ""
        self._fit()

    def on_mount(self) -> None:
        """Show the first keys."""
        self._fit()

    def on_resize(self) -> None:
        """Fit the keys to the new width."""
        self._fit()

    def _fit(self) -> None:
        width = self.content_size.width
        super().update(fit_keys(self._all, width) if width else self._all, layout=False)


def fit_keys(markup: str, width: int) -> str:
    """Return as many of these keys as fit into a width, without those before the last one."""
    keys = [part for part in markup.split("  ") if part.strip()]
    while len(keys) > 1 and sum(len(_MARKUP.sub("", key)) + 2 for key in keys) - 2 > width:
        del keys[-2]
    return "  ".join(key.strip() for key in keys)


class TextField(Input):
    """One line of text; non-printing characters are shown as replacement characters."""

    BINDINGS: ClassVar[list[BindingType]] = MOVE_BINDINGS

    @dataclass
    class PasteRefused(Message):
        """Several lines were pasted into a field for one line; nothing was taken."""

        lines: int

    def __init__(self, value: str = "", *, placeholder: str = "", classes: str = "") -> None:
        """Arriving in the field selects its value, so that typing replaces it."""
        super().__init__(
            value, placeholder=placeholder, classes=classes, compact=True, select_on_focus=True
        )

    def _on_paste(self, event: events.Paste) -> None:
        """Take a line, without the line ends around it; refuse several lines."""
        event.stop()
        event.prevent_default()
        lines = event.text.strip("\r\n").splitlines()
        if len(lines) > 1:
            self.app.bell()
            self.post_message(self.PasteRefused(len(lines)))
        elif lines:
            self.replace(lines[0], *self.selection)

    def validate(self, value: str) -> None:
        """Do nothing: the draft is validated elsewhere, and Textual would restyle the field."""

    def action_copy(self) -> None:
        """Copy the selection; a masked value is never copied.

        The page hears ctrl+c, too: a value is selected without anybody asking for it.
        """
        if not self.password:
            super().action_copy()
        raise SkipAction

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

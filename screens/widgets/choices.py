"""Lists that mark the highlighted option, and the field that opens one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events, on
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets._select import SelectOverlay

from screens.widgets.fields import MOVE_BINDINGS


class MarkedOptionList(OptionList):
    """A list that marks the highlighted option with `>`, not only with a colour."""

    def render_line(self, y: int) -> Strip:
        """Return one line; the first line of the highlighted option begins with the mark."""
        return _mark_highlighted(self, super().render_line(y), y)


class Overlay(SelectOverlay):
    """The open list of a choice."""

    DEFAULT_CSS = """
    Overlay {
        height: auto; max-height: 12; overlay: screen; constrain: inside inflect; offset: -2 1;
        border: none; padding: 0; background: $panel;
    }
    """

    def render_line(self, y: int) -> Strip:
        """Return one line, with the same mark."""
        return _mark_highlighted(self, super().render_line(y), y)


def _mark_highlighted(options: OptionList, strip: Strip, y: int) -> Strip:
    number = options.scroll_offset.y + y
    if number < len(options._lines) and options._lines[number] == (options.highlighted, 0):
        style = next(iter(strip)).style
        return Strip([Segment("> ", style), *strip.crop(2)])
    return strip


class Choice(Widget, can_focus=True):
    """A field for one of a few choices: left and right change it, space opens the list.

    Textual's Select consists of six widgets, which slows down opening a page. This is a single
    widget; its list exists only while it is open.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_BINDINGS,
        Binding("space", "open", "open the list", show=False),
        Binding("left", "turn(-1)", "previous choice", show=False),
        Binding("right", "turn(1)", "next choice", show=False),
    ]
    value: reactive[str] = reactive("", init=False)
    expanded: reactive[bool] = reactive(default=False, init=False)

    @dataclass
    class Changed(Message):
        """The value changed."""

        choice: Choice
        value: str

    def __init__(
        self, choices: Sequence[tuple[str, str]], value: object, *, classes: str = ""
    ) -> None:
        """`choices` are names and labels; a `value` that is not among them shows as not chosen."""
        super().__init__(classes=classes)
        self.labels = dict(choices)
        self.names = list(self.labels)
        self.set_reactive(Choice.value, value if isinstance(value, str) else "")

    def render(self) -> RenderResult:
        """Return the label, cut to the width, and an arrow at the end."""
        label, width = self.labels.get(self.value, "choose"), self.size.width - 2
        text = label if len(label) <= width else f"{label[: max(0, width - 1)]}…"
        return Content(f"{text:<{max(0, width)}} {'▲' if self.expanded else '▼'}")

    def watch_value(self, value: str) -> None:
        """Post the change."""
        self.post_message(self.Changed(self, value))

    def action_turn(self, step: int) -> None:
        """Select the next or previous choice; stops at the ends."""
        here = self.names.index(self.value) if self.value in self.names else -1
        self.value = self.names[min(max(here + step, 0), len(self.names) - 1)]

    async def action_open(self) -> None:
        """Open the list over the rows below."""
        if self.expanded:
            return
        self.expanded = True
        overlay = Overlay()
        overlay.styles.width = max(self.size.width, *map(len, self.labels.values())) + 3
        overlay.add_options([Text(label) for label in self.labels.values()])
        await self.mount(overlay)
        overlay.select(self.names.index(self.value) if self.value in self.names else 0)
        overlay.focus(scroll_visible=False)

    async def on_click(self, event: events.Click) -> None:
        """Open or close the list."""
        if self.expanded:
            self.focus()
        elif event.widget is self:
            await self.action_open()

    @on(SelectOverlay.UpdateSelection)
    def _select_name(self, event: SelectOverlay.UpdateSelection) -> None:
        event.stop()
        self.focus()
        self.value = self.names[event.option_index]

    @on(SelectOverlay.Dismiss)
    async def _close(self, event: SelectOverlay.Dismiss) -> None:
        event.stop()
        if not event.lost_focus:
            self.focus()
            return
        self.expanded = False
        await self.query(Overlay).remove()

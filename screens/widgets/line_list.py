"""A list above a page that shows one of several objects, such as hosts or keys, at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from screens.text import plain

_MARKS = {"ok": "$text-success", "!": "$text-error"}


@dataclass(frozen=True, slots=True)
class ListLine:
    """One object in the list: its mark (`ok`, `!` or none), its name, and a note on it."""

    mark: str
    name: str
    note: str


class LineList(Widget, can_focus=True):
    """One line per object; up and down choose the one that the page shows. Hidden for one alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "choose(-1)", "line above", show=False),
        Binding("down", "choose(1)", "line below", show=False),
        Binding("enter", "screen.forward", "go on", show=False),
    ]
    lines: reactive[tuple[ListLine, ...]] = reactive((), layout=True)
    chosen: reactive[int] = reactive(0)

    @dataclass
    class Chosen(Message):
        """The user chose the object with this number."""

        number: int

    def put(self, lines: Sequence[ListLine], chosen: int) -> None:
        """Show these objects; the chosen one stays visible."""
        self.lines, self.chosen = tuple(lines), chosen
        self.display = len(lines) > 1
        self.styles.height = min(len(lines), 5)

    def render(self) -> RenderResult:
        """Return the visible lines, with a `>` before the chosen one."""
        height, first = max(1, self.size.height), self._first
        width = max((len(one.name) for one in self.lines), default=0)
        shown = [
            self._line(number, one, width)
            for number, one in list(enumerate(self.lines))[first : first + height]
        ]
        return Content("\n").join(shown)

    @property
    def _first(self) -> int:
        """The number of the first visible line."""
        height = max(1, self.size.height)
        return max(0, min(self.chosen - height // 2, len(self.lines) - height))

    def _line(self, number: int, line: ListLine, width: int) -> Content:
        is_chosen = number == self.chosen
        style = "bold reverse" if is_chosen and self.has_focus else "bold" if is_chosen else ""
        return Content.assemble(
            plain("> " if is_chosen else "  "),
            plain(f"{line.mark:<3}", _MARKS.get(line.mark, "")),
            plain(f"{line.name:<{width}}", style),
            plain(f"  {line.note}", "$text-muted"),
        )

    def action_choose(self, step: int) -> None:
        """Choose the line above or below; below the last one, the next field gets the focus."""
        there = self.chosen + step
        if 0 <= there < len(self.lines):
            self.post_message(self.Chosen(there))
        elif step > 0:
            self.screen.focus_next()

    def on_click(self, event: events.Click) -> None:
        """Choose the clicked line."""
        number = self._first + event.y
        if 0 <= number < len(self.lines):
            self.post_message(self.Chosen(number))

    def on_focus(self) -> None:
        """Show the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Remove the focus."""
        self.refresh()

"""One question as one row: label, field, and a mark when its answer needs attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from screens.draft import HOST_KEYS
from screens.values import (
    SECRET_KINDS,
    WITH_ARGUMENT,
    from_text,
    secret_parts,
    secret_value,
    to_text,
)
from screens.widgets import Choice, Door, Line, TextField, Tick
from wizard.fields import FieldSpec

LABEL_WIDTH = 20


class Row(Horizontal):
    """The row of one question; says what was answered and holds no rule about it."""

    @dataclass
    class Answered(Message):
        """The person changed the answer."""

        item: FieldSpec
        value: object

    def __init__(self, item: FieldSpec, value: object) -> None:
        super().__init__()
        self.item = item
        self.answer = value
        self.parts: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Label, the field of the question's kind, mark."""
        yield Static(self._label(), classes="label")
        yield from self._field()
        yield Line(classes="mark")

    def _label(self) -> Content:
        indent = "  " if self.item.group else ""
        return Content((indent + self.item.title)[:LABEL_WIDTH])

    def _field(self) -> Iterator[Widget]:
        item, value = self.item, self.answer
        if item.key == HOST_KEYS:
            yield Door()
        elif item.kind == "bool":
            yield Tick(value=value is True)
        elif item.kind == "choice":
            choices = [(choice, item.label(choice)) for choice in item.choices]
            yield from _framed(Choice(choices, value))
        elif item.kind == "secret":
            yield from self._secret()
        else:
            narrow = "narrow" if item.kind == "int" else ""
            yield from _framed(TextField(to_text(item, value), classes=narrow))

    def _secret(self) -> Iterator[Widget]:
        kind, argument = secret_parts(self.answer)
        self.parts[kind] = argument
        yield from _framed(Choice(list(SECRET_KINDS.items()), kind, classes="kind"))
        yield from _framed(TextField(argument, classes="argument"), "argument")

    def on_mount(self) -> None:
        """A secret without an argument has no second field."""
        self._show_argument()

    def _show_argument(self) -> None:
        if self.item.kind == "secret":
            kind = self.query_one(Choice).value
            for widget in self.query(".argument"):
                widget.display = kind in WITH_ARGUMENT

    @property
    def fields(self) -> list[Widget]:
        """What takes the focus, from left to right."""
        found = self.query("TextField, Choice, Tick, Door")
        return [widget for widget in found if widget.display]

    def mark(self, *, wrong: bool) -> None:
        """Show or take away the mark of a problem.

        What stands in the place of a reference is usually the secret itself: it is hidden.
        """
        if wrong == self.has_class("wrong"):
            return
        if self.item.kind == "secret":
            self.query_one(TextField).password = wrong
        self.query_one(".mark", Line).put("!" if wrong else "")
        self.set_class(wrong, "wrong")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.item.kind == "secret":
            kind = str(self.query_one(Choice).value)
            self.parts[kind] = event.value
            self._say(secret_value(kind, event.value, self.answer))
        else:
            self._say(from_text(self.item, event.value))

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        if event.value is Select.NULL:
            return
        chosen = str(event.value)
        if self.item.kind != "secret":
            self._say(chosen)
            return
        if chosen == secret_parts(self.answer)[0] and self.answer:
            return
        argument = self.parts.get(chosen, "")
        self._say(secret_value(chosen, argument, self.answer))
        with self.prevent(Input.Changed):
            self.query_one(TextField).value = argument
        self._show_argument()

    @on(Tick.Changed)
    def _turned(self, event: Tick.Changed) -> None:
        event.stop()
        self._say(event.tick.value)

    def _say(self, value: object) -> None:
        # Widgets also report the value they were made with; that is nobody's answer.
        if value == self.answer and type(value) is type(self.answer):
            return
        self.answer = value
        self.post_message(self.Answered(self.item, value))


def _framed(field: Widget, classes: str = "") -> Iterator[Widget]:
    """The field between brackets: its extent shows without any colour."""
    yield Static(Content("["), classes=f"bracket {classes}")
    yield field
    yield Static(Content("]"), classes=f"bracket {classes}")

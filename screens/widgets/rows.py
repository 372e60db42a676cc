"""One question as one row: label, field, and a mark if the answer needs attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.draft.values import (
    KINDS_WITH_ARGUMENT,
    SECRET_KINDS,
    from_text,
    secret_parts,
    secret_value,
    to_text,
)
from screens.text import plain
from screens.widgets.choices import Choice
from screens.widgets.fields import Door, TextField, Tick
from wizard.answers.explain import describe_empty
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import FieldSpec
from wizard.answers.secret_kinds import reference_kinds
from wizard.probes.addresses import ADDRESS_BY_QUESTION

LABEL_WIDTH, MARK_WIDTH = 20, 3
# Room for the section's title, too, on a page with questions of several sections.
GUIDED_LABEL_WIDTH = 28
# Width of the mark next to a host, for a word such as `ok 15.18`.
WORD_WIDTH = 10
# Widths of fields with a fixed width, by class; the same as in wizard.tcss.
FIXED_WIDTHS = {"narrow": 10, "kind": 14}
# Colour only repeats the characters.
_STYLES = {"!": "$text-error", "ok": "$text-success"}


class Row(Horizontal):
    """The row of one question; posts its answer and does not validate it.

    The row itself paints label, brackets and mark: with a widget for each, a page of twenty
    questions would take twice as long to open.
    """

    @dataclass
    class Answered(Message):
        """The user changed the answer."""

        item: FieldSpec
        value: object

    def __init__(
        self, item: FieldSpec, value: object, *, label: str = "", guide: str | None = None
    ) -> None:
        """`label` replaces the title; `guide` is shown in a second line."""
        super().__init__()
        self.label, self.guide = label, guide
        self.label_width = LABEL_WIDTH if guide is None else GUIDED_LABEL_WIDTH
        self.set_class(guide is not None, "guided")
        self.item = item
        self.answer = value
        self.parts: dict[str, str] = {}
        self.is_highlighted = False
        self.is_changed = False
        self.outcome = ""
        self.mark_width = MARK_WIDTH
        place = ADDRESS_BY_QUESTION.get(item.key)
        if place is not None and place.is_host(item.key):
            self.mark_width = WORD_WIDTH
            self.add_class("host")

    def compose(self) -> ComposeResult:
        """Yield the field for the question's kind, two fields for a secret."""
        item, value = self.item, self.answer
        if item.key in HOST_KEY_QUESTIONS:
            yield Door()
        elif item.kind == "bool":
            yield Tick(value=value is True)
        elif len(item.choices) == 1:
            yield Static(plain(item.label(item.choices[0])))
        elif item.kind == "choice":
            yield Choice([(choice, item.label(choice)) for choice in item.choices], value)
        elif item.kind == "secret":
            yield from self._secret()
        else:
            narrow = "narrow" if item.kind == "int" else ""
            text = to_text(item, value)
            yield TextField(text, classes=narrow, placeholder=describe_empty(item))

    def _secret(self) -> Iterator[Widget]:
        kind, argument = secret_parts(self.answer)
        self.parts[kind] = argument
        taken = {*reference_kinds(self.item.key), kind}
        labels = [(one, label) for one, label in SECRET_KINDS.items() if one in taken]
        yield Choice(labels, kind, classes="kind")
        field = TextField(argument, classes="argument")
        field.display = kind in KINDS_WITH_ARGUMENT
        yield field

    def render(self) -> Content:
        """Return label, brackets and mark; the brackets show the fields without colour."""
        width = self.label_width
        label = self.label or ("  " if self.item.group else "") + self.item.title
        sign = "~" if self.is_changed else "*" if self.item.ask.required else " "
        label = label[: width - 1].ljust(width - 1) + sign
        outcome = "!" if self.has_class("wrong") else self.outcome
        brackets = "".join(map(self._brackets, self.fields))
        return Content.assemble(
            (label, "bold $foreground" if self.is_highlighted else ""),
            brackets,
            (
                f" {outcome:<{self.mark_width - 1}}"[: self.mark_width],
                _STYLES.get(outcome[:2].strip(), ""),
            ),
            *([] if self.guide is None else [plain(f"\n  {self.guide}", "$text-muted")]),
        )

    def _brackets(self, field: Widget) -> str:
        """Return the brackets of a field and the space between; a tick and a door have none."""
        width = FIXED_WIDTHS.get(next(iter(field.classes & FIXED_WIDTHS.keys()), ""))
        if width is None:
            used = (
                self.label_width
                + self.mark_width
                + (FIXED_WIDTHS["kind"] + 2) * ("argument" in field.classes)
            )
            width = max(0, self.size.width - used - 2)
        if isinstance(field, (Tick, Door)):
            return " " * (width + 2)
        return f"[{'':<{width}}]"

    def on_descendant_focus(self) -> None:
        """Highlight the label while the row has the focus."""
        self.is_highlighted = True
        self.refresh()

    def on_descendant_blur(self) -> None:
        """Remove the highlight."""
        self.is_highlighted = False
        self.refresh()

    @property
    def fields(self) -> list[Widget]:
        """The visible fields, from left to right."""
        found = self.query("TextField, Choice, Tick, Door")
        return [widget for widget in found if widget.display]

    def show_changed(self, changed: bool) -> None:
        """Show or remove the mark of a changed answer."""
        if changed != self.is_changed:
            self.is_changed = changed
            self.refresh()

    def show_answer(self, value: object) -> None:
        """Show another answer in the fields; posts nothing."""
        self.answer = value
        with self.prevent(Input.Changed, Choice.Changed, Tick.Changed):
            for field in self.query("TextField, Choice, Tick"):
                if isinstance(field, Tick):
                    field.value = value is True
                elif self.item.kind == "secret":
                    kind, argument = secret_parts(value)
                    shown = kind in KINDS_WITH_ARGUMENT
                    if isinstance(field, Choice):
                        field.value = kind
                    elif isinstance(field, TextField):
                        field.value, field.display = argument, shown
                elif isinstance(field, Choice):
                    field.value = value if isinstance(value, str) else ""
                elif isinstance(field, TextField):
                    field.value = to_text(self.item, value)
        self.refresh()

    def show_guide(self, guide: str) -> None:
        """Show another text in the second line."""
        if guide != self.guide:
            self.guide = guide
            self.refresh()

    def mark(self, *, wrong: bool) -> None:
        """Show or remove the mark of a problem.

        An invalid reference is masked, because it is usually the secret itself.
        """
        if wrong == self.has_class("wrong"):
            return
        if self.item.kind == "secret":
            self.query_one(TextField).password = wrong
        self.set_class(wrong, "wrong")
        self.refresh()

    def show_outcome(self, outcome: str) -> None:
        """Show the probe outcome of the answer; shortened to a character in a narrow mark."""
        if self.mark_width == MARK_WIDTH and len(outcome) > MARK_WIDTH - 1:
            outcome = outcome[:2].strip() if outcome.startswith(("ok", "!")) else "?"
        if outcome != self.outcome:
            self.outcome = outcome
            self.refresh()

    @on(Input.Changed)
    def _read_text(self, event: Input.Changed) -> None:
        event.stop()
        if self.item.kind == "secret":
            kind = self.query_one(Choice).value
            self.parts[kind] = event.value
            self._set_answer(secret_value(kind, event.value, self.answer))
        else:
            self._set_answer(from_text(self.item, event.value))

    @on(Choice.Changed)
    def _read_choice(self, event: Choice.Changed) -> None:
        event.stop()
        chosen = event.value
        if self.item.kind != "secret":
            self._set_answer(chosen)
            return
        if chosen == secret_parts(self.answer)[0] and self.answer:
            return
        argument = self.parts.get(chosen, "")
        self._set_answer(secret_value(chosen, argument, self.answer))
        field = self.query_one(TextField)
        with self.prevent(Input.Changed):
            field.value = argument
        field.display = chosen in KINDS_WITH_ARGUMENT
        self.refresh()

    @on(Tick.Changed)
    def _read_tick(self, event: Tick.Changed) -> None:
        event.stop()
        self._set_answer(event.tick.value)

    def _set_answer(self, value: object) -> None:
        # Widgets also report their initial value, which is not an answer.
        if value == self.answer and type(value) is type(self.answer):
            return
        self.answer = value
        self.post_message(self.Answered(self.item, value))

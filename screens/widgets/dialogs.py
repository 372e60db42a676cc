"""Dialogs over a page: confirmation, message, finder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from screens.text import plain
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import TextField
from wizard.answers.explain import explain_question
from wizard.answers.questions import FieldSpec

KEY_HELP = """\
enter        next field, then next page; on Review: commit
up, down     field above or below
ctrl+n       next page            escape   back to where you came from
ctrl+p       find a question      ctrl+s   review
ctrl+t       list of the pages    ctrl+r   restore the answer
f1           help                 f5       run checks and probes
             Pre-flight: all probes; Host keys: scan the host
f2           overview             f3       colours
ctrl+q       quit; saves your answers first, if you like

* required   ~ changed   ! missing or invalid"""


class ConfirmDialog(ModalScreen[bool]):
    """A question with two answers; escape, ctrl+c and ctrl+q answer no.

    Enter answers no too, unless the user has just requested the action (`yes_first`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(False)", "no"),
        # Never yes: a user who quits in a hurry may not have read the question.
        Binding("ctrl+q,ctrl+c", "answer(False)", "no", priority=True, show=False),
    ]

    def __init__(
        self, title: str, text: str, yes: str, no: str, *, yes_first: bool = False
    ) -> None:
        super().__init__()
        self.yes_first = yes_first
        self.title_text, self.text, self.yes, self.no = title, text, yes, no

    def compose(self) -> ComposeResult:
        """Yield the question, then its answers; the first is highlighted."""
        answers = [Option(plain(self.no), id="no"), Option(plain(self.yes), id="yes")]
        with Vertical(classes="dialog"):
            yield Static(plain(self.title_text), classes="title")
            yield Static(plain(self.text))
            yield MarkedOptionList(*(answers[::-1] if self.yes_first else answers), compact=True)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Close with this answer."""
        self.dismiss(answer)


class QuitDialog(ModalScreen[str | None]):
    """How to quit with changes: enter saves them; returns `save`, `drop`, or None to stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Never quit: two quick ctrl+q are one wish, and the question may not have been read.
        Binding("escape,ctrl+q,ctrl+c", "stay", "stay", priority=True, show=False)
    ]

    def compose(self) -> ComposeResult:
        """Yield the question, then its answers; the first one loses nothing."""
        answers = {"save": "save and quit", "stay": "stay", "drop": "quit without saving"}
        with Vertical(classes="dialog"):
            yield Static("Quit?", classes="title")
            yield Static(
                "Your changes are not committed. Saved to a file here, they are offered to you at "
                "the next start."
            )
            yield MarkedOptionList(
                *(Option(text, id=name) for name, text in answers.items()), compact=True
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(None if event.option_id == "stay" else event.option_id)

    def action_stay(self) -> None:
        """Close and go on."""
        self.dismiss(None)


class MessageDialog(ModalScreen[None]):
    """A text to read; escape, enter, space or f1 closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,f1,space,ctrl+q,ctrl+c", "dismiss", "close", priority=True),
        Binding("up", "scroll(-1)", "up", show=False),
        Binding("down", "scroll(1)", "down", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]

    def __init__(self, title: str, text: Content) -> None:
        super().__init__()
        self.title_text, self.text = title, text

    def compose(self) -> ComposeResult:
        """Yield title and text."""
        with Vertical(classes="dialog"):
            yield Static(plain(self.title_text), classes="title")
            with VerticalScroll(can_focus=False):
                yield Static(self.text)
            yield Static("enter closes", classes="hint")

    def action_scroll(self, step: int) -> None:
        """Scroll the text."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)


def help_text(item: FieldSpec, problem: str = "") -> Content:
    """Return everything about one question: problem, help, key, type, default, condition, source.

    `problem` is what is wrong with the answer.
    """
    explanation = explain_question(item)
    rows = [("key", explanation.key)]
    if item.kind == "choice":
        rows += [
            ("choices" if number == 0 else "", _format_choice(item, choice))
            for number, choice in enumerate(item.choices)
        ]
    else:
        # The forms of a list are long: the example must be visible without scrolling.
        rows += [("example", explanation.example)] if explanation.example else []
        rows.append(("takes", explanation.takes))
    rows += [("default", _format_default(explanation.default)), ("asked with", explanation.when)]
    rows += [("source", explanation.source)] if explanation.source else []
    lines = [
        f"{'' if number else label:<12}{part}"
        for label, text in rows
        for number, part in enumerate(wrap(text, 48))
    ]
    wrong = [f"! {problem}", ""] if problem else []
    return plain("\n".join([*wrong, explanation.help, "", *lines]))


def _format_choice(item: FieldSpec, choice: str) -> str:
    label = item.label(choice)
    return choice if label == choice else f"{choice}: {label}"


def _format_default(value: object) -> str:
    return "(empty)" if value in ("", None, {}, []) else json.dumps(value, ensure_ascii=False)


class Finder(ModalScreen[str | None]):
    """Search for a question or a page by words; enter opens the highlighted one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p,ctrl+q", "cancel", "close", priority=True),
        Binding("ctrl+c", "cancel", show=False),
        # The field has these keys too. None has priority, or it would overtake typed letters.
        Binding("enter", "forward", show=False),
        Binding("up", "field(-1)", show=False),
        Binding("down", "field(1)", show=False),
    ]
    AUTO_FOCUS = "TextField"

    def __init__(
        self,
        entries: Sequence[tuple[str, str]],
        search: Callable[[str], Sequence[str]],
        *,
        title: str = "Find a question",
        placeholder: str = "words of its name, key or help",
    ) -> None:
        """`entries` are keys with their titles; `search` returns the keys for a text."""
        super().__init__()
        self.title_text, self.placeholder = title, placeholder
        self.entries = entries
        self.search = search
        self._pattern: str | None = None

    def compose(self) -> ComposeResult:
        """Yield the search line and the matches."""
        with Vertical(classes="dialog finder"):
            yield Static(plain(self.title_text), classes="title")
            yield TextField(placeholder=self.placeholder)
            options = MarkedOptionList(compact=True, markup=False)
            options.can_focus = False
            yield options
            yield Static("enter opens it, escape closes", classes="hint")

    def on_mount(self) -> None:
        """Show all entries until the user types."""
        self._search()

    @on(Input.Changed)
    def _search(self) -> None:
        """Show the matches of what is typed, unless they are shown already."""
        pattern = self.query_one(TextField).value.strip()
        if pattern != self._pattern:
            self._pattern = pattern
            self._show_matches(pattern)

    def on_key(self, event: events.Key) -> None:
        """Keep keys that are typed before the search line exists."""
        if self.focused is None and event.is_printable and event.character:
            self.query_one(TextField).insert_text_at_cursor(event.character)

    def _show_matches(self, pattern: str) -> None:
        titles = dict(self.entries)
        matches = [(key, titles[key]) for key in self.search(pattern)] if pattern else self.entries
        options = self.query_one(OptionList)
        options.clear_options()
        width = max((len(words) for _, words in self.entries), default=0)
        options.add_options(
            Option(plain(f"{words:<{width}}  {key}"), id=key) for key, words in matches
        )
        options.highlighted = 0 if matches else None

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_field(self, step: int) -> None:
        """Highlight the match above or below."""
        self._search()
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_forward(self) -> None:
        """Return the highlighted question."""
        self._search()
        option = self.query_one(OptionList).highlighted_option
        if option is not None:
            self.dismiss(option.id)

    def action_cancel(self) -> None:
        """Close without a choice."""
        self.dismiss(None)

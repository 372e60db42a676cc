"""The first page of a new installation: what no preset, default or machine can know."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from screens.pages.form import FormScreen, find_door
from screens.pages.proposal import may_apply
from screens.steps import START, START_TITLE
from screens.text import plain
from screens.widgets.fields import Line, TextField
from screens.widgets.rows import GUIDED_LABEL_WIDTH, Row
from wizard.answers.files import dump_value
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.open_questions import describe_place, find_unanswered
from wizard.answers.questions import FieldSpec, field_spec, field_specs
from wizard.questions.section import QuestionInfo

_INTRO = "Everything else has a default: ^t lists the other pages, enter goes on to the review."
_NOTHING = (
    "Nothing is missing: every question has an answer. "
    "Enter goes to the review, ^t lists the pages."
)
_CONTEXT = "cluster.context"
_CONTEXT_HELP = (
    "The kubeconfig context of Airflow's cluster. It is not saved: `--context` names it elsewhere."
)
# With one context there is nothing to choose.
_FEWEST_CONTEXTS = 2


class StartScreen(FormScreen):
    """The open questions of all sections, filled with what this machine knows."""

    has_steps = False
    # The first field may be one of a question that does not apply.
    AUTO_FOCUS: ClassVar[str | None] = ""
    keys = (
        "[@click=screen.forward]enter next[/]  [@click=screen.tune]^t tune[/]  "
        "[@click=screen.review]^s review[/]  [@click=screen.back]esc back[/]  "
        "[@click=screen.help]f1 help[/]  [@click=screen.leave]^q quit[/]"
    )

    def __init__(self, focus_key: str = "") -> None:
        super().__init__(START, focus_key)

    @cached_property
    def _open_keys(self) -> frozenset[str]:
        """The questions that the page asks if they apply.

        What was given decides, not what is typed: a question stays while it is answered.
        """
        unanswered = find_unanswered(self.draft.base)
        known = {key for key in self.host.suggestions if self._is_suggested(key, unanswered)}
        return unanswered | known | HOST_KEY_QUESTIONS.keys()

    def _is_suggested(self, key: str, unanswered: Collection[str]) -> bool:
        """Return whether the machine's value counts: something else may be given."""
        given = self.draft.initial_value(field_spec(key))
        value = self.host.suggestions[key].value
        return key in unanswered or given in (value, dump_value(field_spec(key).default))

    def content(self) -> Iterator[Widget]:
        """Yield title, introduction, a row with a guide for each question, and the message."""
        self.items = [one for one in field_specs() if one.key in self._open_keys]
        for item in filter(self.is_shown, self.items):
            if item.key in self.host.suggestions:
                value = self.host.suggestions[item.key].value
                self.host.draft = self.draft.with_suggestion(item, value)
        yield Static(START_TITLE, classes="title")
        yield Static(plain(_INTRO), id="intro", classes="intro")
        with VerticalScroll(id="rows", can_focus=False):
            for item in self.items:
                label, guide = _label(item), self._guide(item)
                yield Row(item, self.draft.value(item), label=label, guide=guide)
            if self._context_item is not None:
                now = self.host.context or str(self._context_item.default)
                guide = self._guide(self._context_item)
                yield Row(self._context_item, now, label="Cluster: Context", guide=guide)
            yield Static(_NOTHING, id="nothing")
            yield Line(id="message")

    def on_mount(self) -> None:
        """Show the rows; a value to complete is not selected, so that typing adds to it."""
        for row in self.query(Row):
            one = self.host.suggestions.get(row.item.key)
            if one is not None and one.partial and row.answer == one.value:
                row.query_one(TextField).select_on_focus = False
        super().on_mount()

    def is_shown(self, item: FieldSpec) -> bool:
        """Return whether the question applies; host keys only of a host that publishes none."""
        if item.key in HOST_KEY_QUESTIONS:
            return any(
                one.lacks_published_keys and find_door(one) == item.key
                for one in self.draft.git_hosts
            )
        if item.key == _CONTEXT:
            return may_apply(self.draft)
        return item.model.asked and item.applies(self.draft.answers)

    def problem_keys(self) -> list[str]:
        """Return the keys of this page's questions with a problem."""
        wrong = self.draft.problems.keys() | self._unproven_doors
        return [one.key for one in self.items if one.key in wrong and self.is_shown(one)]

    @property
    def _unproven_doors(self) -> frozenset[str]:
        """The doors behind which a key without proof is."""
        unproven = self.draft.unproven_questions
        hosts = [one for one in self.draft.git_hosts if one.question in unproven]
        return frozenset(map(find_door, hosts))

    @cached_property
    def _context_item(self) -> FieldSpec | None:
        """The question about the cluster of this session; None without a choice.

        It is none of the answers: each machine names its contexts as it likes.
        """
        contexts = self.host.contexts
        if contexts is None or len(contexts.names) < _FEWEST_CONTEXTS:
            return None
        return FieldSpec(
            _CONTEXT, "", "choice", "Context", _CONTEXT_HELP, contexts.current, contexts.names,
            QuestionInfo(), type(self.draft.answers.cluster),
        )  # fmt: skip

    def on_row_answered(self, event: Row.Answered) -> None:
        """Keep an answer; a context belongs to this session, not to the answers."""
        if event.item.key == _CONTEXT:
            # Textual calls the handlers of all base classes, too.
            event.prevent_default()
            self.host.context = str(event.value)

    def _guide(self, item: FieldSpec) -> str:
        """Return where the value is from, or where to find one."""
        if item.key == _CONTEXT and self.host.contexts is not None:
            return f"From {self.host.contexts.source}: where this session checks and applies."
        one = self.host.suggestions.get(item.key)
        if one is None or self.draft.value(item) != one.value:
            return describe_place(item)
        return f"From {one.source}" + ("; add the rest." if one.partial else ".")

    def _show_rows(self) -> None:
        super()._show_rows()
        for row in self.rows:
            row.show_guide(self._guide(row.item))
        self.query_one("#nothing").display = not self.rows
        self.query_one("#intro").display = bool(self.rows)

    def prepare_leave(self) -> None:
        """Report from now on what is missing here; probe nothing: other pages are not done."""
        self.host.touched.update(self.problem_keys())

    def open_door(self, key: str) -> None:
        """Open the page of the host keys; go on instead if they are proven."""
        if key in self._unproven_doors:
            super().open_door(key)
        else:
            self.begin(self.action_forward, "forward")

    async def action_forward(self) -> None:
        """Focus the next field; after the last one, open the review."""
        if not self._move_to_field(1):
            self.action_review()


def _label(item: FieldSpec) -> str:
    """Return the titles of section and question, or only that of the question if they are long."""
    label = f"{item.model.title}: {item.title}"
    return label if len(label) < GUIDED_LABEL_WIDTH else item.title

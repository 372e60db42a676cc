"""The form of any section: one row per question, help or error of the focused one below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from screens.background.reachability import ReachabilityChecks
from screens.draft.outcome import Outcome, derive_outcome
from screens.draft.values import to_text
from screens.pages.base import Page
from screens.steps import HOST_KEYS
from screens.text import fit_text, plain, pluralize
from screens.widgets.fields import Door, Line
from screens.widgets.preview import Preview
from screens.widgets.rows import Row
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import FieldSpec, field_specs
from wizard.answers.secret_kinds import describe_reading
from wizard.questions.section import Section
from wizard.workspace.git_hosts import BUNDLES, DAG_KEYS, GitHost

# One frame: faster keys are rendered together.
RENDER_SECONDS = 0.016
# While more keys are waiting, at most this many frames are left out.
MOST_SKIPPED = 15
PREVIEW_SECONDS = 0.15
# Most lines of help below a field, and one less than those of an error; f1 shows the rest.
MESSAGE_LINES = 3
_HINTS = {"choice": "left, right: change; space: list.", "bool": "space: yes or no."}


class FormScreen(Page):
    """All questions of one section; `focus_key` gets the initial focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "restore", "restore the answer", show=False, id="restore")
    ]

    def __init__(self, section: str, focus_key: str = "") -> None:
        super().__init__()
        self.page_name = section
        self.items = [item for item in field_specs() if item.section == section]
        self.focus_key = focus_key
        self._render_timer: Timer | None = None
        self._has_pending_changes = False
        self._skipped = 0
        self._preview_timer: Timer | None = None
        self._all_rows: list[Row] = []
        self._headings: list[Heading] = []
        self._reachability = ReachabilityChecks(self)

    @property
    def model(self) -> type[Section]:
        """The section's class, which holds its title and introduction."""
        section = getattr(self.draft.answers, self.page_name)
        assert isinstance(section, Section)  # noqa: S101
        return type(section)

    def content(self) -> Iterator[Widget]:
        """Yield title, introduction, rows under their group headings, and message."""
        yield Static(plain(self.model.title), classes="title")
        yield Static(plain(self.model.intro), classes="intro")
        with VerticalScroll(id="rows", can_focus=False):
            group = ""
            for item in self.items:
                if item.group and item.group != group:
                    yield Heading(item.group)
                group = item.group
                yield Row(item, self.draft.value(item))
            yield Line(id="message")

    def side_content(self) -> Iterator[Widget]:
        """Yield the live preview, which is hidden below 100 columns."""
        yield Preview()

    def on_mount(self) -> None:
        """Show the rows that apply and set the focus."""
        self._all_rows = list(self.query(Row))
        self._headings = list(self.query(Heading))
        self._show_rows()
        rows = self.rows
        fields = [field for row in rows for field in row.fields]
        wanted = [field for row in rows if row.item.key == self.focus_key for field in row.fields]
        if fields:
            (wanted or fields)[0].focus()

    @property
    def rows(self) -> list[Row]:
        """The rows of the questions that apply."""
        return [row for row in self._all_rows if row.display]

    def has_question(self, key: str) -> bool:
        """Return whether the row of this question is shown."""
        return any(row.item.key == key for row in self.rows)

    @property
    def focused_key(self) -> str:
        """The question with the focus, where the page is opened again on the way back."""
        row = self.focused_row
        return row.item.key if row is not None else ""

    @property
    def focused_row(self) -> Row | None:
        """The row with the focus."""
        return _find_row(self.focused)

    def _show_rows(self) -> None:
        keys = set(self.problem_keys())
        groups: set[str] = set()
        for row in self._all_rows:
            applies = self.is_shown(row.item)
            if row.display != applies:
                row.display = applies
            if applies:
                groups.add(row.item.group)
                row.mark(wrong=row.item.key in keys & self.host.touched)
                row.show_changed(changed=self.draft.is_changed(row.item))
                row.show_outcome(self._find_outcome(row.item.key).word)
            if row.item.key in HOST_KEY_QUESTIONS:
                row.query_one(Door).text = self._summarize_keys(row.item.key)
        for heading in self._headings:
            heading.display = heading.group in groups

    def is_shown(self, item: FieldSpec) -> bool:
        """Return whether the page asks this question now."""
        return item.applies(self.draft.answers)

    def problem_keys(self) -> list[str]:
        """Return the keys of this page's questions with a problem."""
        return self.draft.problem_keys(self.page_name)

    def _summarize_keys(self, question: str) -> str:
        """Return how many keys are accepted at the hosts to which this question's door leads."""
        draft = self.draft
        repository = HOST_KEY_QUESTIONS[question]
        hosts = [
            one
            for one in draft.git_hosts
            if find_door(one) == question or repository in one.repositories
        ]
        verdicts = [draft.verification.verdict_on(one.name) for one in hosts]
        accepted = sum(len(one.accepted) for one in verdicts if one)
        refused = sum(len(one.refused) for one in verdicts if one)
        if not any(verdicts):
            return "none"
        if not accepted and not refused:
            return "none yet" if any(one.required for one in hosts) else "none; optional"
        words = [f"{pluralize(accepted, 'key')} accepted"] if accepted else []
        words += [f"{refused} not accepted"] if refused else []
        # Of several hosts, name those without any key.
        none = [
            f"none of {one.name}"
            for one, verdict in zip(hosts, verdicts, strict=True)
            if one.required and verdict and not verdict.accepted and not verdict.refused
        ]
        return ", ".join([*words, *none])

    def _find_outcome(self, key: str) -> Outcome:
        return derive_outcome(self.host.session, self.draft, key, self._reachability.outcome(key))

    def show_lookups(self) -> None:
        """Show new probe results next to their questions."""
        self._show_rows()
        self.show_state()
        self.show_message()

    def prepare_leave(self) -> None:
        """Run the probes of the finished section, if the user agreed to them."""
        self.host.checks.probe_quietly(self.page_name)

    def on_row_answered(self, event: Row.Answered) -> None:
        """Keep a changed answer and redraw, at most once per frame."""
        self.host.draft = self.draft.with_answer(event.item, event.value)
        self._reachability.schedule_check(event.item.key, typed=True)
        self._has_pending_changes = True
        if self._render_timer is None:
            self._end_frame()

    def _end_frame(self) -> None:
        self._render_timer = None
        if not self._has_pending_changes:
            return
        if self.host.has_waiting_keys and self._skipped < MOST_SKIPPED:
            self._skipped += 1
            self._render_timer = self.set_timer(RENDER_SECONDS, self._end_frame)
        else:
            self._show_changes()

    def _show_changes(self) -> None:
        self._has_pending_changes, self._skipped = False, 0
        self._render_timer = self.set_timer(RENDER_SECONDS, self._end_frame)
        with self.app.batch_update():
            self._show_rows()
            self.show_state()
            self.show_message()
            if self._wide:
                self.query_one(Preview).update(self.draft)
        self._schedule_preview()

    @property
    def _wide(self) -> bool:
        return self.has_class("-wide")

    def _schedule_preview(self) -> None:
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = (
            self.set_timer(PREVIEW_SECONDS, self._follow_focus) if self._wide else None
        )

    def _follow_focus(self) -> None:
        self._preview_timer = None
        row = self.focused_row
        self.query_one(Preview).follow(self.draft, row.item if row else None)

    def on_resize(self) -> None:
        """Fit the message, and update the preview, which may have become visible."""
        self.call_after_refresh(self.show_message)
        self.call_after_refresh(self._schedule_preview)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show help and preview of the row that got the focus."""
        row = _find_row(event.widget)
        if row is not None:
            self._move_message(row)
            self.show_message()
            self._schedule_preview()
            self._reachability.schedule_check(row.item.key, typed=False)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Show the problem of a field once it lost the focus."""
        row = _find_row(event.widget)
        if row is not None:
            self.call_after_refresh(self._finish_row, row)

    def _finish_row(self, row: Row) -> None:
        if self.is_current and self.focused_row is not row:
            self.host.touched.add(row.item.key)
            self._show_rows()
            self.show_state()
            if row is self.rows[-1]:
                self.host.checks.probe_quietly(self.page_name)

    def _move_message(self, row: Row) -> None:
        """Put the message directly below a row."""
        line = self.query_one("#message", Line)
        self.query_one("#rows").move_child(line, after=row)
        self.call_after_refresh(line.scroll_visible, animate=False)

    def show_message(self) -> None:
        """Show the problem of the focused question if it lost the focus before, else its help."""
        row = self.focused_row
        line = self.query_one("#message", Line)
        if row is None:
            line.put("")
            return
        item = row.item
        problem = self.draft.problems.get(item.key, "")
        is_wrong = bool(problem) and item.key in self.host.touched
        outcome = self._find_outcome(item.key)
        help_text = _help(item, self.draft.value(item))
        text = f"! {problem}" if is_wrong else f"{outcome.summary}\n{help_text}".lstrip()
        hint = " ".join(filter(None, [self._describe_change(item), _HINTS.get(item.kind, "")]))
        # Before the first layout, the area has no size.
        width = line.content_size.width
        height = MESSAGE_LINES + is_wrong
        shown = fit_text(text, hint, width, height) if width else f"{text}\n{hint}".rstrip()
        line.put(shown, layout=True)
        line.set_class(is_wrong or outcome.is_fault, "wrong")

    def _describe_change(self, item: FieldSpec) -> str:
        """Return the initial answer of a changed question, and the key that restores it."""
        if not self.draft.is_changed(item):
            return ""
        before = to_text(item, self.draft.initial_value(item))
        if item.kind == "bool":
            before = "yes" if self.draft.initial_value(item) else "no"
        return f"Was {before or '(empty)'}; ^r restores it."

    def action_restore(self) -> None:
        """Give the focused question its initial answer again."""
        row = self.focused_row
        if row is None or not self.draft.is_changed(row.item):
            self.app.bell()
            return
        self.host.draft = self.draft.without_answer(row.item)
        row.show_answer(self.draft.value(row.item))
        self._show_changes()

    def action_back(self) -> None:
        """Stop the running probes; if none is running, open the previous page."""
        if not self.host.checks.stop():
            super().action_back()

    def action_field(self, step: int) -> None:
        """Focus the field above or below; stops at the ends."""
        self._move_to_field(step)

    def _move_to_field(self, step: int) -> bool:
        fields = [field for row in self.rows for field in row.fields]
        if self.focused not in fields:
            return False
        target = fields.index(self.focused) + step
        if not 0 <= target < len(fields):
            return False
        fields[target].focus()
        return True

    async def action_forward(self) -> None:
        """Focus the next field; after the last field, open the next page."""
        if not self._move_to_field(1):
            self.action_next()

    @on(Door.Opened)
    def _open_door(self, event: Door.Opened) -> None:
        row = _find_row(event.door)
        self.open_door(row.item.key if row else "")

    def open_door(self, key: str) -> None:
        """Open the page of the host keys that this question asks for."""
        self.host.go(HOST_KEYS, key)

    def action_help(self) -> None:
        """Show the help of the focused question."""
        row = self.focused_row
        self.host.show_help(row.item if row else None)


def find_door(host: GitHost) -> str:
    """Return the question at which the keys of a host are entered.

    Those of a bundle are kept beside it, and entered with those of the DAGs.
    """
    return DAG_KEYS if host.question == BUNDLES else host.question


class Heading(Static):
    """Title of a group of questions."""

    def __init__(self, group: str) -> None:
        super().__init__(plain(group))
        self.group = group


def _find_row(widget: Widget | None) -> Row | None:
    if widget is None:
        return None
    return next((node for node in widget.ancestors_with_self if isinstance(node, Row)), None)


def _help(item: FieldSpec, value: object) -> str:
    """Return the help with an example; of a secret, who reads it, where and when."""
    parts = [item.help]
    if item.kind == "secret":
        parts.append(describe_reading(value))
    if item.ask.example:
        parts.append(f"Such as {item.ask.example}")
    if item.ask.source:
        parts.append(f"[{item.ask.source}]")
    return " ".join(parts)

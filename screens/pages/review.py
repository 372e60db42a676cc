"""The review: consequences, planned files, findings, and the key that commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.draft.outside import LookupResult
from screens.pages import conflicts
from screens.pages.diff_view import find_lines, render_diff
from screens.pages.proposal import (
    NOTHING_TO_COMMIT,
    ProposalPage,
    format_consequence,
    list_remarks,
    may_apply,
)
from screens.steps import REVIEW
from screens.text import plain, pluralize, question_label
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import TextField
from screens.widgets.prompts import PromptDialog
from wizard.answers.questions import field_specs
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError
from wizard.git.changes import Conflict, FileChange, Side
from wizard.plan.diff import WITHHELD, DiffLine, diff_change
from wizard.plan.merge.sides import UNDECIDED, Decision
from wizard.plan.merge_base import STATE_DIR
from wizard.plan.plan import Plan

_PANES = ("above", "files", "diff", "checks")
KIND_LABELS = {"add": "+ new", "modify": "~ changed", "delete": "- deleted", "same": "= kept"}

# Literals of this module, so markup is safe.
_KEYS = (
    "[@click=screen.back]esc back[/]  tab next pane  [@click=screen.zoom]z zoom[/]  {find}"
    "[@click=screen.check]f5 refresh[/]  [@click=screen.leave]^q quit[/]"
)
_FIND = "[@click=screen.search]/ find[/]  "
_COMMIT = "[@click=screen.forward]enter commit[/]  "
_WHY = "[@click=screen.forward]enter details[/]  "
_THERE = "[@click=screen.forward]enter question[/]  "
_APPLY = "[@click=screen.apply]a apply[/]  "


class ReviewScreen(ProposalPage):
    """Consequences on top, files left, the diff of the highlighted one right, findings below.

    Tab moves between files, diff and findings, and `z` shows one of them alone, with long lines
    wrapped. `/` finds a text in the diff.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "focus_files", show=False),
        Binding("right", "focus_diff", show=False),
        Binding("a", "apply", "apply", show=False),
        Binding("m", "choose('mine')", show=False),
        Binding("n", "choose('new')", show=False),
        Binding("e", "edit", show=False),
        Binding("u", "undecide", show=False),
        Binding("z", "zoom", "zoom", show=False),
        Binding("slash", "search", "find in the diff", show=False),
    ]
    page_name = REVIEW
    keys = ""

    def content(self) -> Iterator[Widget]:
        """Yield consequences, files, diff, findings and steps."""
        with VerticalScroll(id="above"):
            yield Static(id="consequences")
        with Horizontal(id="review"):
            yield MarkedOptionList(id="files", compact=True)
            with VerticalScroll(id="diff"):
                yield Static(id="lines")
        with VerticalScroll(id="checks"):
            yield Static(id="findings")

    def on_mount(self) -> None:
        """Compute the changes at once."""
        self._diff: tuple[Sequence[DiffLine], str] = ((), "")
        self._search, self._match = "", 0
        self.query_one("#files").focus()
        self.action_check()

    def show_status(self) -> None:
        """Show what enter does now, or why it does nothing."""
        self.query_one("#keys", Static).update(self._key_hints())
        if self.block_reason:
            self.say(self.block_reason)
            return
        assert self.proposal is not None  # noqa: S101
        if self.faults:
            self.say(_format_fault_status(self.faults))
            return
        # As `git show --stat` counts: with the files of the merge base.
        files = pluralize(sum(one.differs for one in self.proposal.plan.changes), "file")
        branch = self.host.branch or self.proposal.answers.repository.branch
        self.say(f"enter commits {files} to {branch}")

    def _key_hints(self) -> str:
        if self.proposal is not None and conflicts.has_choices(self.proposal.plan):
            return conflicts.KEYS
        find = _FIND if self.proposal is not None and self.proposal.plan.differs else ""
        return self._enter_key() + _KEYS.format(find=find)

    def _enter_key(self) -> str:
        """Return the key hint of enter."""
        if self.block_reason == NOTHING_TO_COMMIT:
            return _APPLY if may_apply(self.draft) else ""
        if self.proposal is None and self.problems:
            return _THERE
        if self.block_reason and self.lacks_proof:
            return _THERE
        if self.block_reason:
            return _WHY if self.refusal is not None else ""
        return _WHY if self.faults else _COMMIT

    def action_check(self) -> None:
        """Compute the changes again."""
        self.propose()

    def show_proposal(self) -> None:
        """Show files, findings and steps of the proposal, or the problems instead."""
        files = self.query_one("#files", OptionList)
        files.clear_options()
        if self.proposal is not None:
            files.add_options(_file_options(self.proposal.plan))
            self._show_findings(self.proposal.plan)
        else:
            files.add_options(
                Option(
                    plain(f"! {question_label(problem.key) or 'the answers'}"),
                    id=f"problem {number}",
                )
                for number, problem in enumerate(self.problems)
            )
            self._show_findings(None)
        self._highlight_first(files)
        self.show_status()

    def _highlight_first(self, files: OptionList) -> None:
        numbers = [
            n for n in range(files.option_count) if not files.get_option_at_index(n).disabled
        ]
        files.highlighted = numbers[0] if numbers else None
        if not numbers:
            self.query_one("#lines", Static).update("")

    @on(OptionList.OptionHighlighted, "#files")
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        kind, _, rest = (event.option_id or "").partition(" ")
        lines = self.query_one("#lines", Static)
        self._diff = ((), "")
        if kind == "problem":
            problem = self.problems[int(rest)]
            lines.update(plain(f"{problem.key}\n\n{problem.message}".strip()))
        elif kind == "file" and self.proposal is not None:
            change = next(one for one in self.proposal.plan.changes if one.path == rest)
            if self.proposal.plan.may_contain_secret:
                lines.update(plain(WITHHELD))
                kind = "withheld"
            else:
                self._diff = (diff_change(change), change.note)
                lines.update(render_diff(*self._diff, self._search))
        elif kind == "conflict" and self.proposal is not None:
            one = self.proposal.plan.conflicts[int(rest)]
            lines.update(conflicts.render_conflict(one, adoptable=self._may_adopt(one)))
        lines.set_class(kind != "file", "words")
        self.query_one("#diff").scroll_home(animate=False)

    def _show_findings(self, plan: Plan | None) -> None:
        top = [format_consequence(one) for one in plan.consequences] if plan else []
        self.query_one("#consequences", Static).update(plain("\n".join(top)))
        self.query_one("#above").set_class(not top, "none")
        decisions = conflicts.describe_decisions(self.host.decisions)
        lines = list_remarks(plan, self.faults, decisions, above=True) if plan else []
        self.query_one("#findings", Static).update(plain("\n".join(lines)))

    @on(OptionList.OptionSelected, "#files")
    async def _enter(self) -> None:
        await self.action_forward()

    async def action_forward(self) -> None:
        """Commit, or open the question of the highlighted problem."""
        if self.proposal is None and self.problems:
            self._go_to_problem()
        else:
            self.commit_proposal()

    def _go_to_problem(self) -> None:
        number = self.query_one("#files", OptionList).highlighted or 0
        key = self.problems[number].key
        if any(item.key == key for item in field_specs()):
            self.host.go_to_question(key)
        else:
            self.app.bell()

    def show_lookups(self) -> None:
        """Show new probe results."""
        self.faults = self.host.session.faults(self.draft)
        self.show_state()

    def action_next(self) -> None:
        """Do nothing: the review is the last page, and ctrl+n must not commit."""

    def _conflict(self) -> Conflict | None:
        """Return the highlighted conflict; None if something else is highlighted."""
        option = self.query_one("#files", OptionList).highlighted_option
        kind, _, number = ((option and option.id) or "").partition(" ")
        plan = self.proposal.plan if self.proposal else None
        return plan.conflicts[int(number)] if plan and kind == "conflict" else None

    def _may_adopt(self, conflict: Conflict) -> bool:
        assert self.proposal is not None  # noqa: S101
        values = self.proposal.rendering.release.paths.values
        return bool(self.host.existing) and conflicts.is_adoptable(conflict, values)

    def action_choose(self, side: Side) -> None:
        """Decide the highlighted conflict for one side, and compute the changes again."""
        conflict = self._conflict()
        if conflict is None or side not in conflict.choices:
            self.app.bell()
            return
        self._decide(conflict, side)

    def action_edit(self) -> None:
        """Ask for a value that replaces both sides of the highlighted conflict."""
        conflict = self._conflict()
        if conflict is None or not conflicts.is_editable(conflict):
            self.app.bell()
            return
        field = TextField(conflicts.write_value(conflict))
        ask = PromptDialog(
            conflict.key, "The value, as YAML.", field, conflicts.read_value, "value"
        )
        self.host.push_screen(ask, lambda found: self._decide(conflict, found) if found else None)

    def _decide(self, conflict: Conflict, decision: Decision) -> None:
        self.host.decisions = conflicts.with_decision(self.host.decisions, conflict, decision)
        self.action_check()

    def action_undecide(self) -> None:
        """Take all decisions about conflicts back."""
        self.host.decisions = UNDECIDED
        self.action_check()

    def action_adopt(self) -> None:
        """Make the highlighted hand edit an answer, and compute the changes again."""
        conflict = self._conflict()
        if conflict is None or not self._may_adopt(conflict):
            self.app.bell()
            return
        self.begin(partial(self._adopt, conflict), "propose")

    async def _adopt(self, conflict: Conflict) -> None:
        host = self.host
        try:
            host.draft = await run_in_thread(
                conflicts.adopt_edit, host.workspace, host.draft, host.existing, conflict
            )
        except WizardError as error:
            host.show_error(error)
            return
        await self.compute_proposal()

    def action_apply(self) -> None:
        """Open the apply page, if there is nothing to commit; on a conflict, adopt the edit."""
        if self._conflict() is not None:
            self.action_adopt()
            return
        if self.block_reason != NOTHING_TO_COMMIT or not may_apply(self.draft):
            self.app.bell()
            return
        self.host.open_apply(self.draft.answers.installation.name)

    def _count_rows(self, text: str) -> int:
        """Return how many rows a text of the diff has: more than its lines only where it wraps."""
        if not self._zoomed:
            return text.count("\n") + 1
        return len(plain(text).wrap(self.query_one("#lines").size.width))

    @property
    def _zoomed(self) -> str:
        """The name of the pane that is shown alone; empty if all are shown."""
        return next((name for name in _PANES if self.has_class(f"zoom-{name}")), "")

    def _show_all(self) -> None:
        """Show all panes."""
        self.remove_class(*(f"zoom-{name}" for name in _PANES))

    def action_zoom(self) -> None:
        """Show the focused pane alone, or all of them again."""
        focused = self.focused
        if self._zoomed:
            self._show_all()
        elif focused is not None and focused.id in _PANES:
            self.add_class(f"zoom-{focused.id}")
        else:
            self.app.bell()

    def action_back(self) -> None:
        """Show all panes again, or open the page from which this one was opened."""
        if self._zoomed:
            self._show_all()
        else:
            super().action_back()

    def action_search(self) -> None:
        """Ask for a text to find in the diff; no text means the last one again."""
        if not self._diff[0]:
            self.app.bell()
            return
        if self._zoomed != "diff":
            self._show_all()
        again = f"Enter alone finds the next {self._search!r}." if self._search else ""
        ask = PromptDialog("Find in the diff", again, TextField(), str, "text ")
        self.host.push_screen(ask, self._find)

    def _find(self, text: str | None) -> None:
        if text is None:
            return
        self._match = 0 if text and text != self._search else self._match + 1
        self._search = text or self._search
        lines, note = self._diff
        found = find_lines(lines, self._search)
        self.query_one("#lines", Static).update(render_diff(lines, note, self._search))
        if not found:
            self.say(f"! {self._search} is not in this diff")
            return
        self._match %= len(found)
        diff = self.query_one("#diff")
        diff.focus()
        before = [*([note] if note else []), *(one.text for one in lines[: found[self._match]])]
        top = sum(self._count_rows(text) for text in before)
        self.call_after_refresh(diff.scroll_to, y=max(0, top - 2), animate=False)
        self.say(f"{self._search}: {self._match + 1} of {len(found)}; / enter finds the next")

    def action_focus_diff(self) -> None:
        """Focus the diff."""
        self._show_all()
        self.query_one("#diff").focus()

    def action_focus_files(self) -> None:
        """Focus the list of files."""
        self._show_all()
        self.query_one("#files").focus()


def _format_fault_status(faults: Sequence[LookupResult]) -> str:
    count = pluralize(len(faults), "probe")
    return f"! {count} failed, enter shows details: {faults[0].summary}"


def list_visible_changes(plan: Plan) -> list[FileChange]:
    """Return the changes to show: without unchanged files and the merge base."""
    return [one for one in plan.changes if (one.differs or one.note) and not one.is_base]


def _file_options(plan: Plan) -> Iterator[Option]:
    """Yield files under their folders: conflicts first, the wizard's own files last."""
    changes = sorted(
        list_visible_changes(plan),
        key=lambda one: (one.path.startswith(f"{STATE_DIR}/"), one.path.rpartition("/")),
    )
    width = max((len(KIND_LABELS[change.kind]) for change in changes), default=0)
    lines = [
        (one.path, "! conflict", one.key, f"conflict {number}")
        for number, one in enumerate(plan.conflicts)
    ]
    lines += [
        (one.path, f"{KIND_LABELS[one.kind]:<{width}}", "", f"file {one.path}") for one in changes
    ]
    folder = None
    for path, kind, key, name in lines:
        parent, _, file = path.rpartition("/")
        if parent != folder:
            yield Option(plain(f"{parent or '.'}/"), disabled=True)
            folder = parent
        yield Option(plain(f"{kind} {file}" + (f"\n  {key}" if key else "")), id=name)
    rest = sum(one.is_base and one.differs for one in plan.changes)
    if rest:
        yield Option(plain(f"and {pluralize(rest, 'file')} of the merge base"), disabled=True)

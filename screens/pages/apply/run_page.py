"""Base of the apply page: shows identities, one line per step, one log, and the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets.option_list import Option

from screens.pages.apply.progress import (
    Progress,
    describe_step,
    find_fix_question,
    find_take_over_id,
    format_clock,
    render_identity,
    render_planned_step,
)
from screens.pages.base import Page
from screens.text import plain, pluralize
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import Line
from wizard.engine.steps import select_last
from wizard.errors import ExitCode, WizardError

if TYPE_CHECKING:
    from wizard.apply.prepare import PreparedRun
    from wizard.apply.run import Run
    from wizard.engine.steps import StepEvent


Phase = Literal["opening", "refused", "plan", "running", "stopping", "ended"]
# Phases without a run: options of the next run can be changed.
IDLE_PHASES = frozenset({"plan", "refused", "ended"})

# Literals of this module, so markup is safe.
_BACK = "[@click=screen.back]esc back[/]"
_QUIT = "[@click=screen.leave]^q quit[/]"
_TAKE = "[@click=screen.take]t take over[/]  "
_AGAIN = "[@click=screen.again]r run again[/]"


class EnabledKeys(NamedTuple):
    """Which keys are enabled: selecting contexts, taking over a diff, and the hint for enter."""

    contexts: bool = False
    take: bool = False
    enter: str = ""


def render_key_bar(phase: Phase, keys: EnabledKeys) -> str:
    """Return the key bar of a phase."""
    contexts = (
        "[@click=screen.context]c[/], [@click=screen.hub]h context[/]  " if keys.contexts else ""
    )
    others = f"{contexts}[@click=screen.database]b database[/]  "
    if phase == "plan":
        dry = "[@click=screen.dry_run]d dry run[/]"
        return f"enter apply  {dry}  {others}{_BACK}  f1 help  {_QUIT}"
    if phase == "running":
        return f"up, down select step  pgup, pgdn scroll  [@click=screen.back]esc stop[/]  {_QUIT}"
    if phase == "refused":
        return f"[@click=screen.again]r retry[/]  {others}{_BACK}  {_QUIT}"
    if phase == "ended":
        navigation = contexts or "up, down steps  "
        enter = f"{keys.enter}  " if keys.enter else ""
        return f"{enter}{_TAKE if keys.take else ''}{_AGAIN}  {navigation}{_BACK}  {_QUIT}"
    return _QUIT


def describe_run_end(run: Run, *, interrupted: bool = False) -> str:
    """Return how a run ended, in one line; `! ` marks an incomplete run."""
    states = [event.state for event in select_last(run.past_events)]
    unknown = states.count("unknown")
    if interrupted:
        return "stopped; completed steps stay. r or `airflow-wizard apply` continues"
    if run.outcome == ExitCode.CONFLICT:
        return "! stopped by a conflict with another owner's object; you have to decide"
    if run.outcome != ExitCode.DONE:
        return "! stopped: a step failed; completed steps stay, r runs again"
    if run.dry_run:
        wanted = pluralize(states.count("would change"), "step")
        return f"dry run: {wanted} would change something, nothing was kept; enter applies"
    hint = f"next: {run.target.release.runbook}"
    if unknown:
        return f"done, {pluralize(unknown, 'step')} could not be read; {hint}"
    return f"done: everything matches the commit; {hint}"


class StepList(MarkedOptionList):
    """One line per step; the page handles enter, and a click only selects."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.forward", show=False),
        Binding("space", "look", show=False),
    ]

    class Looked(Message):
        """The user selected the step to show below."""

    def action_look(self) -> None:
        """Show the highlighted step."""
        self.post_message(self.Looked())

    def action_select(self) -> None:
        """Show the clicked step; starts nothing."""
        self.action_look()

    def action_cursor_up(self) -> None:
        """Select the step above; stops at the first step."""
        if self.highlighted:
            super().action_cursor_up()
        self.action_look()

    def action_cursor_down(self) -> None:
        """Select the step below; stops at the last step."""
        if self.highlighted is None or self.highlighted < self.option_count - 1:
            super().action_cursor_down()
        self.action_look()

    def action_first(self) -> None:
        """Select the first step."""
        super().action_first()
        self.action_look()

    def action_last(self) -> None:
        """Select the last step."""
        super().action_last()
        self.action_look()


class RunPage(Page):
    """Shows the state in its attributes; call `show` after changing one of them."""

    CSS = """
    #header #changed { width: 20; text-align: right; }
    #banner { height: auto; max-height: 40%; margin: 0 0 1 0; }
    #actions { height: auto; max-height: 60%; scrollbar-size: 1 1; }
    #actions > .option-list--option-highlighted {
        background: $surface; color: $foreground; text-style: bold;
    }
    #log { height: 1fr; border-top: solid $foreground 75%; scrollbar-size: 1 1; }
    """
    keys = ""

    def __init__(self, installation: str) -> None:
        super().__init__()
        self.installation = installation
        self.phase: Phase = "opening"
        self.contexts: Sequence[str] = ()
        self.prepared: PreparedRun | None = None
        self.refusal: WizardError | None = None
        self.current_run: Run | None = None
        self.progress: Progress | None = None
        self.is_following = True
        self.outcome = ""

    def content(self) -> Iterator[Widget]:
        """Yield the banner with identities or error, the steps, and the log."""
        yield Static(id="banner")
        yield StepList(id="actions", compact=True)
        with VerticalScroll(id="log", can_focus=False):
            yield Static(id="said")

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Redraw the whole page; `record_event` redraws less for a single event."""
        if not self.is_mounted:
            return
        banner = self.query_one("#banner", Static)
        lines = self._banner()
        banner.update(Content("\n").join(lines))
        banner.display = bool(lines)
        self._show_step_list()
        self.show_log()
        self.show_state()

    def _banner(self) -> list[Content]:
        if self.refusal is not None:
            return [
                plain("Not applied", "bold"),
                plain(self.refusal.message),
                plain(self.refusal.hint),
            ]
        if self.phase == "plan" and self.prepared is not None:
            identities = [
                render_identity(one, self._width) for one in self.prepared.target.identities
            ]
            return [
                *identities,
                *(plain(text, "$text-warning") for text in self.prepared.missing_logins),
            ]
        notes = self.current_run.notes if self.phase == "ended" and self.current_run else []
        return [plain(text) for text in notes]

    def _show_step_list(self) -> None:
        step_list = self.query_one(StepList)
        number = len(self.prepared.planned_steps) if self.prepared else 0
        if step_list.option_count != number:
            step_list.clear_options()
            step_list.add_options(Option(self._line(one)) for one in range(number))
            step_list.highlighted = 0 if number else None
        else:
            for one in range(number):
                step_list.replace_option_prompt_at_index(one, self._line(one))
        step_list.display = bool(number)
        # A hidden list loses the focus.
        if number and not step_list.has_focus:
            self.set_focus(step_list)

    @property
    def _width(self) -> int:
        # Two columns for the mark of the highlighted step, two for margin and scroll bar.
        return max(self.size.width - 4, 10)

    def _line(self, number: int) -> Content:
        if self.progress is not None:
            return self.progress.line(number, self._width)
        assert self.prepared is not None  # noqa: S101
        return render_planned_step(self.prepared.planned_steps[number], self._width)

    def show_log(self) -> None:
        """Show the log of the highlighted step."""
        number = self.query_one(StepList).highlighted
        content, width = Content(""), self._width
        if self.prepared is not None and number is not None:
            if self.progress is not None:
                content = self.progress.log(number, width)
            else:
                content = describe_step(self.prepared.planned_steps[number], width)
        self.query_one("#said", Static).update(content)
        keys = EnabledKeys(
            len(self.contexts) > 1, bool(find_take_over_id(self.highlighted_event)), self.next_step
        )
        self.query_one("#keys", Static).update(render_key_bar(self.phase, keys))
        scroll = self.query_one("#log", VerticalScroll)
        if self.phase in {"running", "stopping"}:
            self.call_after_refresh(scroll.scroll_end, animate=False)

    def record_event(self, event: StepEvent) -> None:
        """Show one event of the current run."""
        assert self.progress is not None  # noqa: S101
        number = self.progress.record_event(event)
        step_list = self.query_one(StepList)
        step_list.replace_option_prompt_at_index(number, self._line(number))
        if self.is_following and event.state != "left":
            step_list.highlighted = self.progress.current
        if step_list.highlighted == number:
            self.show_log()
        self.show_state()

    def tick(self) -> None:
        """Redraw the running time."""
        if self.progress is not None and self.phase == "running":
            number = self.progress.current
            self.query_one(StepList).replace_option_prompt_at_index(number, self._line(number))
            self.show_state()

    def show_state(self) -> None:
        """Redraw the header with installation, progress and time, and the status line."""
        label = self.host.workspace.label
        dry = (
            self.current_run is not None and self.current_run.dry_run and self.progress is not None
        )
        where = f"Airflow Wizard   {label}/{self.installation}   apply{' --dry-run' if dry else ''}"
        self.query_one("#where", Line).put(where)
        progress = self.progress
        progress_text = (
            f"{progress.done} of {len(progress.rows)}   {format_clock(progress.elapsed)}"
            if progress
            else ""
        )
        self.query_one("#changed", Line).put(progress_text)
        self.show_status()

    def show_status(self) -> None:
        """Show what is going on, or how the run ended."""
        self.say(self._status())

    def _status(self) -> str:
        if self.phase == "opening":
            return "reading the committed files ..."
        if self.phase == "refused":
            return "! nothing was sent"
        if self.phase == "stopping":
            return "stopping before the next step ..."
        if self.phase == "plan" and self.prepared is not None:
            steps = pluralize(len(self.prepared.planned_steps), "step")
            return f"nothing was sent yet; enter applies {steps}, d starts a dry run"
        if self.phase == "running" and self.progress is not None:
            if self.progress.rows[self.progress.current].state == "waiting":
                return "waiting; esc stops safely, and `airflow-wizard apply` continues from here"
            return self.progress.counts
        return self.outcome

    @property
    def next_step(self) -> str:
        """The key hint of enter at the end; empty if enter does nothing."""
        run, progress = self.current_run, self.progress
        if self.phase != "ended" or run is None or progress is None:
            return ""
        if run.outcome != ExitCode.DONE:
            return "enter question" if find_fix_question(self.highlighted_event) else ""
        if progress.done < len(progress.rows):
            return ""
        return "enter apply" if run.dry_run else "enter done"

    @property
    def highlighted_event(self) -> StepEvent | None:
        """The last event of the highlighted step."""
        number = self.query_one(StepList).highlighted
        return self.progress.rows[number].last if self.progress and number is not None else None

    def action_next(self) -> None:
        """Do nothing: no page follows."""

    def action_review(self) -> None:
        """Do nothing: the commit was reviewed."""

    def action_find(self) -> None:
        """Do nothing: the answers are committed."""

    def action_check(self) -> None:
        """Do nothing: every step checks by itself."""

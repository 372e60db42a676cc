"""How a run is shown: the identities, a line a step, the log of one step, how it ended."""

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
from wizard.errors import ExitCode, WizardError

if TYPE_CHECKING:
    from wizard.apply.prepare import PreparedRun
    from wizard.apply.run import Run
    from wizard.engine.steps import StepEvent


Phase = Literal["opening", "refused", "plan", "running", "stopping", "ended"]
# Nothing runs: what the next run takes as options may be chosen.
IDLE_PHASES = frozenset({"plan", "refused", "ended"})

# Literals of ours, so markup is safe.
_BACK = "[@click=screen.back]esc back[/]"
_QUIT = "[@click=screen.leave]^q quit[/]"
_TAKE = "[@click=screen.take]t take over[/]  "
_AGAIN = "[@click=screen.again]r run again[/]"


class EnabledKeys(NamedTuple):
    """What there is to do: contexts to choose from, a diff to take over, and what enter does."""

    contexts: bool = False
    take: bool = False
    enter: str = ""


def render_key_bar(phase: Phase, keys: EnabledKeys) -> str:
    """The keys that do something now."""
    contexts = (
        "[@click=screen.context]c[/], [@click=screen.hub]h context[/]  " if keys.contexts else ""
    )
    others = f"{contexts}[@click=screen.database]b database[/]  "
    if phase == "plan":
        dry = "[@click=screen.dry_run]d dry run[/]"
        return f"enter apply  {dry}  {others}{_BACK}  f1 help  {_QUIT}"
    if phase == "running":
        return f"up, down look at steps  pgup, pgdn read  [@click=screen.back]esc stop[/]  {_QUIT}"
    if phase == "refused":
        return f"[@click=screen.again]r look again[/]  {others}{_BACK}  {_QUIT}"
    if phase == "ended":
        navigation = contexts or "up, down look at steps  "
        enter = f"{keys.enter}  " if keys.enter else ""
        return f"{enter}{_TAKE if keys.take else ''}{_AGAIN}  {navigation}{_BACK}  {_QUIT}"
    return _QUIT


def describe_run_end(run: Run, *, interrupted: bool = False) -> str:
    """How a run ended, in words; `! ` before it where it did not reach its end."""
    states = [event.state for event in run.past_events if event.has_ended]
    unknown = states.count("unknown")
    if interrupted:
        return "stopped; what is done stays: r, or `airflow-wizard apply`, goes on from there"
    if run.outcome == ExitCode.CONFLICT:
        return "! stopped: something of another's is in the way, and a person decides about it"
    if run.outcome != ExitCode.DONE:
        return "! stopped: a step failed; what is done stays, r runs again from the start"
    if run.dry_run:
        wanted = pluralize(states.count("would change"), "step")
        return f"tried and nothing kept: {wanted} would change something; enter applies them"
    hint = f"next: {run.target.release.runbook}"
    if unknown:
        return f"done, {pluralize(unknown, 'step')} could not be read; {hint}"
    return f"done: everything is as it was committed; {hint}"


class StepList(MarkedOptionList):
    """One line an action; enter is the page's, and a click only looks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.forward", show=False),
        Binding("space", "look", show=False),
    ]

    class Looked(Message):
        """The person chose which action is shown below."""

    def action_look(self) -> None:
        """This one."""
        self.post_message(self.Looked())

    def action_select(self) -> None:
        """A click chooses what is shown below, and begins nothing."""
        self.action_look()

    def action_cursor_up(self) -> None:
        """The action above; the first one is the end."""
        if self.highlighted:
            super().action_cursor_up()
        self.action_look()

    def action_cursor_down(self) -> None:
        """The action below; the last one is the end."""
        if self.highlighted is None or self.highlighted < self.option_count - 1:
            super().action_cursor_down()
        self.action_look()

    def action_first(self) -> None:
        """The first action."""
        super().action_first()
        self.action_look()

    def action_last(self) -> None:
        """The last action."""
        super().action_last()
        self.action_look()


class RunPage(Page):
    """Shows what its fields hold; whoever changes one of them calls `show`."""

    CSS = """
    #header #changed { width: 20; text-align: right; }
    #banner { height: auto; max-height: 40%; margin: 0 0 1 0; }
    #actions { height: auto; max-height: 60%; scrollbar-size: 1 1; }
    #actions > .option-list--option-highlighted {
        background: $panel-lighten-2; color: $foreground; text-style: bold;
    }
    #log { height: 1fr; border-top: solid $panel-lighten-2; scrollbar-size: 1 1; }
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
        """Who one is or why not, the actions, and what was said of the highlighted one."""
        yield Static(id="banner")
        yield StepList(id="actions", compact=True)
        with VerticalScroll(id="log", can_focus=False):
            yield Static(id="said")

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Everything, after a change that is more than one event."""
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
        # What is hidden loses the focus.
        if number and not step_list.has_focus:
            self.set_focus(step_list)

    @property
    def _width(self) -> int:
        # Two for the mark of the highlighted one, two for the margin and a scroll bar.
        return max(self.size.width - 4, 10)

    def _line(self, number: int) -> Content:
        if self.progress is not None:
            return self.progress.line(number, self._width)
        assert self.prepared is not None  # noqa: S101
        return render_planned_step(self.prepared.planned_steps[number], self._width)

    def show_log(self) -> None:
        """What was said of the highlighted action."""
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
        """One event of the run under way."""
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
        """A second has passed."""
        if self.progress is not None and self.phase == "running":
            number = self.progress.current
            self.query_one(StepList).replace_option_prompt_at_index(number, self._line(number))
            self.show_state()

    def show_state(self) -> None:
        """Header: whose run it is, how far it is, and for how long; then the status line."""
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
        """What is going on, or how it ended."""
        self.say(self._status())

    def _status(self) -> str:
        if self.phase == "opening":
            return "reading what is committed ..."
        if self.phase == "refused":
            return "! nothing was sent"
        if self.phase == "stopping":
            return "stopping before the next step ..."
        if self.phase == "plan" and self.prepared is not None:
            steps = pluralize(len(self.prepared.planned_steps), "step")
            return f"nothing was sent yet; enter applies {steps}, d tries them and keeps nothing"
        if self.phase == "running" and self.progress is not None:
            if self.progress.rows[self.progress.current].state == "waiting":
                return "waiting; esc stops safely, and `airflow-wizard apply` goes on from here"
            return self.progress.counts
        return self.outcome

    @property
    def next_step(self) -> str:
        """What enter does at the end; empty for nothing."""
        run, progress = self.current_run, self.progress
        if self.phase != "ended" or run is None or progress is None:
            return ""
        if run.outcome != ExitCode.DONE:
            return "enter to its question" if find_fix_question(self.highlighted_event) else ""
        if progress.done < len(progress.rows):
            return ""
        return "enter apply" if run.dry_run else "enter done"

    @property
    def highlighted_event(self) -> StepEvent | None:
        """The last event of the highlighted action."""
        number = self.query_one(StepList).highlighted
        return self.progress.rows[number].last if self.progress and number is not None else None

    def action_next(self) -> None:
        """No page follows."""

    def action_review(self) -> None:
        """It was reviewed."""

    def action_find(self) -> None:
        """The answers are committed."""

    def action_check(self) -> None:
        """Every step looks by itself."""

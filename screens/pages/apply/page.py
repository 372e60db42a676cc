"""The apply page: shows the plan, asks for consent, runs it, stops it safely, runs it again.

`wizard.apply` prepares and runs the plan and makes all decisions; this page shows its events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import OptionList

from screens.background.reload import reload_installation
from screens.pages.apply.options import (
    ApplyOptions,
    consent_key,
    list_contexts,
    prepare_committed_run,
    prompt_admin,
    select_context,
)
from screens.pages.apply.progress import Progress, find_take_over_id
from screens.pages.apply.run_page import IDLE_PHASES, RunPage, StepList, describe_run_end
from screens.steps import REVIEW
from screens.text import as_error, pluralize
from screens.widgets.dialogs import ConfirmDialog
from wizard.apply.progress import summarize_run
from wizard.apply.run import QUIT_SECONDS
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.pages.apply.options import Prepare
    from wizard.apply.prepare import PreparedRun
    from wizard.apply.run import Run
    from wizard.errors import WizardError
    from wizard.workspace.proposal import CommitResult

# Seconds that revoking logins may delay the summary of a run.
END_SECONDS = 5.0

APPLY_KEY_HELP = """\
enter        plan: apply, after you confirm; failed step: go to
             its question; complete run: quit
up, down     select a step, also during a run
page keys    scroll the log of the step
d            dry run: try every step, keep nothing
c, h         select the context of the cluster, of Argo CD
b            name the administrator who creates the database
             and its role
t            take over an object with exactly the shown diff,
             after you confirm
r            run again from the start
escape       stop safely; if nothing runs: previous page
ctrl+q       stop safely and quit"""

TAKE_OVER_TEXT = (
    "All steps run again, and exactly this difference is taken over. If the object has changed by "
    "then, you see the new difference first."
)
STOP_TEXT = (
    "The current step is not undone, and no further step starts. The lock is released and logins "
    "are revoked. Completed steps stay. To continue, press r or run `airflow-wizard apply`."
)


class ApplyScreen(RunPage):
    """Plan, run and end of one `apply`; `commit_result` is the commit made just before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dry_run", "dry run", show=False),
        Binding("r", "again", "run again", show=False),
        Binding("c", "context", "context", show=False),
        Binding("h", "hub", "Argo CD's context", show=False),
        Binding("t", "take", "take over", show=False),
        Binding("b", "database", "PostgreSQL's administrator", show=False),
        Binding("pageup", "read(-1)", show=False, priority=True),
        Binding("pagedown", "read(1)", show=False, priority=True),
    ]

    def __init__(
        self,
        installation: str,
        commit_result: CommitResult | None = None,
        *,
        prepare: Prepare = prepare_committed_run,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(installation)
        self.commit_result, self.prepare, self.now = commit_result, prepare, now
        self.apply_options = ApplyOptions(is_shown=lambda: self in self.app.screen_stack)
        self._agreed_plan: object = None
        self._run_task: asyncio.Task[None] | None = None
        self._ticker: Timer | None = None
        self._will_quit = False

    def on_mount(self) -> None:
        """Prepare the plan from the committed files; sends nothing."""
        self.query_one(StepList).focus()
        self.look()

    def on_unmount(self) -> None:
        """Cancel the run, however the page is closed."""
        if self._run_task is not None:
            self._run_task.cancel()

    def look(self, *, dry_run: bool | None = None) -> None:
        """Prepare the plan; with `dry_run` set, start it at once if the user agreed to it."""
        self.phase, self.refusal, self.prepared = "opening", None, None
        self.progress, self.outcome = None, ""
        self.show()
        self.begin(partial(self._prepare, dry_run), "plan")

    async def _prepare(self, dry_run: bool | None) -> None:
        try:
            self.contexts = await run_in_thread(list_contexts)
            plan = await run_in_thread(
                self.prepare, self.host, self.installation, self.apply_options
            )
            self.prepared, self.phase = plan, "plan"
            if dry_run is not None and consent_key(plan) == self._agreed_plan:
                await self._unlock(plan, dry_run=dry_run)
        except Exception as error:
            self._refuse(as_error(error, "apply"))
        self.show()

    def _refuse(self, error: WizardError) -> None:
        self.refusal, self.phase, self.prepared = error, "refused", None
        self.show()

    def _begin(self, *, dry_run: bool) -> None:
        async def work(plan: PreparedRun) -> None:
            try:
                await self._unlock(plan, dry_run=dry_run)
            except Exception as error:
                self._refuse(as_error(error, "apply"))

        self.phase, plan = "opening", self.prepared
        assert plan is not None  # noqa: S101
        self.begin(partial(work, plan), "plan")

    async def _unlock(self, plan: PreparedRun, *, dry_run: bool) -> None:
        """Prompt for missing passwords, then start; sends nothing without them."""
        self._agreed_plan = consent_key(plan)
        if plan.target.database is not None:
            await run_in_thread(plan.target.database.unlock)
        self._start(plan, dry_run=dry_run)

    def _start(self, plan: PreparedRun, *, dry_run: bool) -> None:
        self.current_run = plan.run(dry_run=dry_run)
        self.progress = Progress(plan.planned_steps, self.now)
        self.phase, self.is_following, self.outcome = "running", True, ""
        self._ticker = self.set_interval(1, self.tick)
        self._run_task = asyncio.create_task(self._run(self.current_run))
        self.show()

    async def _run(self, run: Run) -> None:
        try:
            async for event in run.events():
                self.record_event(event)
        except Exception as error:  # not its text, which may hold a value
            self._end(run, f"! a bug ({type(error).__name__}); `airflow-wizard apply` shows where")
            return
        await run_in_thread(run.end, END_SECONDS)
        self._end(run)

    def _end(self, run: Run, outcome: str = "", *, interrupted: bool = False) -> None:
        assert self.progress is not None  # noqa: S101
        self.progress.end()
        if self._ticker is not None:
            self._ticker.stop()
        self.phase = "ended"
        self.outcome = outcome or describe_run_end(run, interrupted=interrupted)
        self.host.exit_report.applied = summarize_run(run, interrupted=interrupted)
        if self.is_following and self.progress.stopping_step is not None:
            self.query_one(StepList).highlighted = self.progress.stopping_step
        self.show()

    async def _stop(self) -> None:
        run, task = self.current_run, self._run_task
        if self.phase == "running" and run is not None and task is not None:
            self.phase = "stopping"
            self.show()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            for event in run.mark_interrupted():
                self.record_event(event)
            await run_in_thread(run.end, QUIT_SECONDS)
            self._end(run, interrupted=True)
        if self._will_quit:
            self.host.exit(self.host.exit_report.committed)

    def _ask_to_stop(self, *, leave: bool) -> None:
        def answer(yes: bool | None) -> None:
            if yes:
                self._will_quit = leave
                self.run_worker(self._stop(), group="stop", exit_on_error=False)

        title = "Stop and quit?" if leave else "Stop?"
        self.app.push_screen(ConfirmDialog(title, STOP_TEXT, yes="stop", no="continue"), answer)

    def action_leave(self) -> None:
        """Quit; asks first during a run."""
        if self.phase == "running":
            self._ask_to_stop(leave=True)
        elif self.phase == "stopping":
            self._will_quit = True
        else:
            self.host.exit(self.host.exit_report.committed)

    def end_session(self) -> None:
        """Quit; stops a run first, so that its lock and its logins are given back."""
        if self.phase not in {"running", "stopping"}:
            super().end_session()
            return
        self._will_quit = True
        if self.phase == "running":
            self.run_worker(self._stop(), group="stop", exit_on_error=False)

    def interrupt(self) -> None:
        """Handle ctrl+c: stop the run after a confirmation, as on the command line."""
        if self.phase == "running":
            self._ask_to_stop(leave=True)
        else:
            super().interrupt()

    def action_back(self) -> None:
        """Stop the run after a confirmation, else open the previous page."""
        if self.phase == "running":
            self._ask_to_stop(leave=False)
        elif self.phase == "stopping":
            self.app.bell()
        elif self.commit_result is not None:
            self.host.open_result(self.commit_result)
        else:
            self.host.go(REVIEW)

    async def action_forward(self) -> None:
        """Do what the key bar shows for enter."""
        event = self.highlighted_event
        if self.phase == "refused":
            self.action_again()
        elif self.phase == "plan" or self.next_step == "enter apply":
            self._ask_to_begin()
        elif self.next_step == "enter done":
            self.action_leave()
        elif self.next_step and event is not None:
            reload_installation(self.host, self.installation, event.fix.question)
        else:
            self.app.bell()

    def _ask_to_begin(self) -> None:
        plan = self.prepared
        assert plan is not None  # noqa: S101
        identities = "\n".join(f"as  {one}" for one in plan.target.identities)
        text = (
            "Up-to-date objects are not changed. Objects of other owners are never overwritten."
            f"\n\n{identities}"
        )
        title = f"Apply {self.installation}, {pluralize(len(plan.planned_steps), 'step')}?"
        ask = ConfirmDialog(title, text, yes="apply", no="not yet")
        self.app.push_screen(ask, lambda yes: self._agree(plan) if yes else None)

    def _agree(self, plan: PreparedRun) -> None:
        self._agreed_plan = consent_key(plan)
        if self.phase == "plan":
            self._begin(dry_run=False)
        else:
            # After a dry run: the user agreed to this plan only; a new one is shown first.
            self.look(dry_run=False)

    def action_dry_run(self) -> None:
        """Start a dry run."""
        if self.phase == "plan":
            self._begin(dry_run=True)

    def action_again(self) -> None:
        """Prepare again from the start, and run if the user agreed to the same plan."""
        if self.phase in {"refused", "ended"}:
            self.look(dry_run=self.current_run.dry_run if self.current_run else None)

    def action_context(self) -> None:
        """Select the context of Airflow's cluster."""

        def change(name: str) -> None:
            self.host.context = name
            self.look()

        title = "The cluster that Airflow runs in"
        self._select_context(title, "the current context", self.host.context, change)

    def action_hub(self) -> None:
        """Select the context of the cluster that Argo CD runs in."""

        def change(name: str) -> None:
            self.apply_options.hub = name
            self.look()

        title = "The cluster that Argo CD runs in"
        self._select_context(title, "the same cluster", self.apply_options.hub, change)

    def _select_context(
        self, title: str, default: str, now: str, change: Callable[[str], None]
    ) -> None:
        if self.phase in IDLE_PHASES and len(self.contexts) > 1:
            select_context(self.host, (title, default, self.contexts), now, change)

    def action_database(self) -> None:
        """Prompt for the administrator who creates PostgreSQL's role and database."""

        def change(name: str) -> None:
            self.apply_options.admin = name
            self.look()

        if self.phase in IDLE_PHASES:
            prompt_admin(self.host, self.apply_options.admin, change)

    def action_take(self) -> None:
        """Take over another owner's object, if its diff is still exactly the one shown."""
        event, run = self.highlighted_event, self.current_run
        seal = find_take_over_id(event)
        if self.phase != "ended" or event is None or run is None or not seal:
            self.app.bell()
            return

        def agree() -> None:
            self.apply_options.take_over.append(seal)
            self.look(dry_run=run.dry_run)

        ask = ConfirmDialog(
            "Take over exactly this difference?",
            f"{event.detail}\n\n{TAKE_OVER_TEXT}",
            "take over",
            "cancel",
        )
        self.app.push_screen(ask, lambda yes: agree() if yes else None)

    def action_read(self, step: int) -> None:
        """Scroll the log."""
        log = self.query_one("#log", VerticalScroll)
        log.scroll_relative(y=step * max(1, log.size.height - 1), animate=False)

    @on(OptionList.OptionHighlighted, "#actions")
    def _highlighted(self) -> None:
        self.show_log()

    @on(StepList.Looked)
    def _follow_cursor(self) -> None:
        here = self.query_one(StepList).highlighted
        self.is_following = self.progress is None or here == self.progress.current
        self.show_log()

    def action_help(self) -> None:
        """Show the keys of this page."""
        self.host.show_note("Keys", APPLY_KEY_HELP)

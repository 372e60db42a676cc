"""Making it live: the plan is shown and agreed to, run, stopped safely, and run again.

Nothing is decided here: `wizard.apply` prepares and runs, and this page shows what it tells.
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

from screens.pages.apply.options import ApplyOptionsPage
from screens.pages.apply.parts import APPLY_KEY_HELP, STOP_TEXT, StepList, describe_run_end
from screens.pages.apply.plan import consent_key, list_contexts, prepare_committed_run
from screens.pages.apply.progress import Progress
from screens.pages.reload import reload_installation
from screens.steps import REVIEW
from screens.text import as_error, pluralize
from screens.widgets.dialogs import ConfirmDialog
from wizard.apply.progress import summarize_run
from wizard.apply.run import QUIT_SECONDS
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.pages.apply.plan import Prepare
    from wizard.apply.prepare import PreparedRun
    from wizard.apply.run import Run
    from wizard.errors import WizardError
    from wizard.workspace.proposal import CommitResult

# Revoking logins at the end of a run must not keep anybody from reading how it ended.
END_SECONDS = 5.0


class ApplyScreen(ApplyOptionsPage):
    """Plan, run and end of one `apply`; `done` is the commit that was made just before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dry_run", "dry run", show=False),
        Binding("r", "again", "run again", show=False),
        Binding("pageup", "read(-1)", show=False, priority=True),
        Binding("pagedown", "read(1)", show=False, priority=True),
    ]

    def __init__(
        self,
        installation: str,
        done: CommitResult | None = None,
        *,
        prepare: Prepare = prepare_committed_run,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(installation)
        self.done, self.prepare, self.now = done, prepare, now
        self._agreed: object = None
        self._going: asyncio.Task[None] | None = None
        self._ticker: Timer | None = None
        self._leaving = False

    def on_mount(self) -> None:
        """Look at what is committed; nothing is sent."""
        self.query_one(StepList).focus()
        self.look()

    def on_unmount(self) -> None:
        """However the page goes away, nothing goes on behind it."""
        if self._going is not None:
            self._going.cancel()

    def look(self, *, dry_run: bool | None = None) -> None:
        """Prepare anew; with `dry_run` begin at once, if the plan is the one agreed to."""
        self.phase, self.refusal, self.prepared = "opening", None, None
        self.progress, self.outcome = None, ""
        self.show()
        self.begin(partial(self._prepare, dry_run), "plan")

    async def _prepare(self, dry_run: bool | None) -> None:
        try:
            self.contexts = await run_in_thread(list_contexts)
            plan = await run_in_thread(
                self.prepare, self.wizard, self.installation, self.apply_options
            )
            self.prepared, self.phase = plan, "plan"
            if dry_run is not None and consent_key(plan) == self._agreed:
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
        """Passwords that nobody gave yet are asked for, and nothing is sent without them."""
        self._agreed = consent_key(plan)
        if plan.target.database is not None:
            await run_in_thread(plan.target.database.unlock)
        self._start(plan, dry_run=dry_run)

    def _start(self, plan: PreparedRun, *, dry_run: bool) -> None:
        self.current_run = plan.run(dry_run=dry_run)
        self.progress = Progress(plan.planned_steps, self.now)
        self.phase, self.is_following, self.outcome = "running", True, ""
        self._ticker = self.set_interval(1, self.tick)
        self._going = asyncio.create_task(self._run(self.current_run))
        self.show()

    async def _run(self, run: Run) -> None:
        try:
            async for event in run.events():
                self.record_event(event)
        except Exception as error:  # never its text: it may hold a value
            self._end(run, f"! a bug ({type(error).__name__}); `airflow-wizard apply` says where")
            return
        await run_in_thread(run.end, END_SECONDS)
        self._end(run)

    def _end(self, run: Run, said: str = "", *, interrupted: bool = False) -> None:
        assert self.progress is not None  # noqa: S101
        self.progress.end()
        if self._ticker is not None:
            self._ticker.stop()
        self.phase = "ended"
        self.outcome = said or describe_run_end(run, interrupted=interrupted)
        self.wizard.exit_report.applied = summarize_run(run, interrupted=interrupted)
        if self.is_following and self.progress.stopped is not None:
            self.query_one(StepList).highlighted = self.progress.stopped
        self.show()

    async def _stop(self) -> None:
        run, task = self.current_run, self._going
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
        if self._leaving:
            self.wizard.exit(self.wizard.exit_report.committed)

    def _ask_to_stop(self, *, leave: bool) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._leaving = leave
                self.run_worker(self._stop(), group="stop", exit_on_error=False)

        title = "Stop and leave?" if leave else "Stop?"
        self.app.push_screen(ConfirmDialog(title, STOP_TEXT, yes="stop", no="go on"), answered)

    def action_leave(self) -> None:
        """Quit; asks while something runs."""
        if self.phase == "running":
            self._ask_to_stop(leave=True)
        elif self.phase == "stopping":
            self._leaving = True
        else:
            self.wizard.exit(self.wizard.exit_report.committed)

    def interrupted(self) -> None:
        """Ctrl-C stops a run, after a yes, as it does on the command line."""
        if self.phase == "running":
            self._ask_to_stop(leave=True)
        else:
            super().interrupted()

    def action_back(self) -> None:
        """Stop what runs, after a yes; else the page before."""
        if self.phase == "running":
            self._ask_to_stop(leave=False)
        elif self.phase == "stopping":
            self.app.bell()
        elif self.done is not None:
            from screens.pages.result import ResultScreen

            self.app.switch_screen(ResultScreen(self.done))
        else:
            self.wizard.go(REVIEW)

    async def action_forward(self) -> None:
        """Enter: whatever comes next."""
        event = self.highlighted_event
        if self.phase == "refused":
            self.action_again()
        elif self.phase == "plan" or self.next_step == "enter apply":
            self._ask_to_begin()
        elif self.next_step == "enter done":
            self.action_leave()
        elif self.next_step and event is not None:
            reload_installation(self.wizard, self.installation, event.question)
        else:
            self.app.bell()

    def _ask_to_begin(self) -> None:
        plan = self.prepared
        assert plan is not None  # noqa: S101
        who = "\n".join(f"as  {one}" for one in plan.target.identities)
        text = f"What holds is left alone, and what is another's is never overwritten.\n\n{who}"
        title = f"Apply {self.installation}, {pluralize(len(plan.planned_steps), 'step')}?"
        ask = ConfirmDialog(title, text, yes="apply it", no="not yet")
        self.app.push_screen(ask, lambda yes: self._agree(plan) if yes else None)

    def _agree(self, plan: PreparedRun) -> None:
        self._agreed = consent_key(plan)
        if self.phase == "plan":
            self._begin(dry_run=False)
        else:
            # After a dry run: the yes is about this plan and no other that may stand by now.
            self.look(dry_run=False)

    def action_dry_run(self) -> None:
        """Try every step and keep nothing."""
        if self.phase == "plan":
            self._begin(dry_run=True)

    def action_again(self) -> None:
        """From the start: everything is looked at anew, and begun if it is what was agreed to."""
        if self.phase in {"refused", "ended"}:
            self.look(dry_run=self.current_run.dry_run if self.current_run else None)

    def action_read(self, step: int) -> None:
        """Scroll what was said."""
        log = self.query_one("#log", VerticalScroll)
        log.scroll_relative(y=step * max(1, log.size.height - 1), animate=False)

    @on(OptionList.OptionHighlighted, "#actions")
    def _highlighted(self) -> None:
        self.show_log()

    @on(StepList.Looked)
    def _looked(self) -> None:
        here = self.query_one(StepList).highlighted
        self.is_following = self.progress is None or here == self.progress.current
        self.show_log()

    def action_help(self) -> None:
        """The keys of this page."""
        self.wizard.show_note("Keys", APPLY_KEY_HELP)

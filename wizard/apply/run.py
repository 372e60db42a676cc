"""One run over an installation's actions: under its lock, noted in its journal, told as events."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from wizard.apply.lock import RunLock
from wizard.engine.steps import StepEvent, run_steps
from wizard.errors import ExitCode
from wizard.state.apply_journal import ApplyHistory

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

# What an interrupted run may still wait for, beside the lock's own.
QUIT_SECONDS = 0.3


class Run:
    """The same for every surface: `events` is gone through once, then `end` is called.

    `told` are the events so far, `notes` what else a person has to know.
    """

    def __init__(self, target: Target, actions: Sequence[Step], *, dry_run: bool = False) -> None:
        self.target = target
        self.planned_steps = tuple(actions)
        self.dry_run = dry_run
        self.past_events: list[StepEvent] = []
        self.notes: list[str] = []

    async def events(self) -> AsyncIterator[StepEvent]:
        """Do it, in order; cancelling stops before the next request that was not sent yet."""
        kept = True
        target = self.target
        journal = (
            None if self.dry_run else ApplyHistory(target.repository, target.release.installation)
        )
        if journal:
            journal.begin_run(target.digest)
        async with RunLock.from_target(target) as lock:
            async for event in run_steps(lock.lock_steps(self.planned_steps), dry_run=self.dry_run):
                self.past_events.append(event)
                if journal and event.has_ended and event.state != "left":
                    kept = journal.record_step(event.id, event.state, target.met_identities)
                yield event
            if lock.note and any(event.state == "changed" for event in self.past_events):
                self.notes.append(f"warning: {lock.note}")
        if not kept:
            self.notes.append(
                "note: your state folder cannot be written: which targets these were is lost"
            )

    def mark_interrupted(self) -> tuple[StepEvent, ...]:
        """What is left of a run that was stopped; it counts as told."""
        ended = {event.id for event in self.past_events if event.has_ended}
        last = {event.id: event.state for event in self.past_events}
        left = []
        for action in self.planned_steps:
            if action.id not in ended:
                under_way = last.get(action.id) == "changing"
                detail = "interrupted while it was made: it may have been" if under_way else ""
                left.append(StepEvent(action.id, action.title, action.owner, "left", detail))
        self.past_events += left
        return tuple(left)

    def end(self, seconds: float | None = None) -> None:
        """Revoke what was logged in; with `seconds` no longer than that."""

        def work() -> None:
            for end in self.target.cleanups:
                end()

        thread = threading.Thread(target=work, name="end", daemon=True)
        thread.start()
        thread.join(seconds)

    @property
    def outcome(self) -> ExitCode:
        """0 when everything holds or could not be read, 5 when something is in the way, else 6."""
        states = {event.state for event in self.past_events}
        if "blocked" in states:
            return ExitCode.CONFLICT
        return ExitCode.PARTIAL if "failed" in states else ExitCode.DONE

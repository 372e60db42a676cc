"""One run of an installation's steps: holds the lock, writes the journal, yields events."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from wizard.apply.lock import RunLock
from wizard.engine.steps import StepEvent, run_steps, select_last
from wizard.errors import ExitCode
from wizard.state.apply_journal import ApplyHistory

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

# Seconds that an interrupted run waits for cleanups, in addition to the release of the lock.
QUIT_SECONDS = 0.3


class Run:
    """A run for every front end: iterate over `events` once, then call `end`.

    `past_events` holds the events so far, `notes` further lines for the operator.
    """

    def __init__(self, target: Target, steps: Sequence[Step], *, dry_run: bool = False) -> None:
        self.target = target
        self.planned_steps = tuple(steps)
        self.dry_run = dry_run
        self.past_events: list[StepEvent] = []
        self.notes: list[str] = []

    async def events(self) -> AsyncIterator[StepEvent]:
        """Run the steps in order; cancelling stops before the next request is sent."""
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
                "note: the state folder is not writable: this run's targets were not recorded"
            )

    def mark_interrupted(self) -> tuple[StepEvent, ...]:
        """Return events for the remaining steps of an interrupted run; add them to past events."""
        ended = {event.id for event in self.past_events if event.has_ended}
        last = {event.id: event.state for event in self.past_events}
        left = []
        for step in self.planned_steps:
            if step.id not in ended:
                changing = last.get(step.id) == "changing"
                detail = "interrupted during the change, which may have completed"
                left.append(
                    StepEvent(step.id, step.title, step.owner, "left", detail if changing else "")
                )
        self.past_events += left
        return tuple(left)

    def end(self, seconds: float | None = None) -> None:
        """Run the cleanups, such as revoking logins; wait at most `seconds`."""

        def work() -> None:
            for end in self.target.cleanups:
                end()

        thread = threading.Thread(target=work, name="end", daemon=True)
        thread.start()
        thread.join(seconds)

    @property
    def outcome(self) -> ExitCode:
        """The exit code: 5 if a step is blocked; 6 if one failed, or is unknown and must hold."""
        required = {step.id for step in self.planned_steps if step.must_hold}
        ended = select_last(self.past_events)
        states = {event.state for event in ended}
        if "blocked" in states:
            return ExitCode.CONFLICT
        unproven = any(event.state == "unknown" and event.id in required for event in ended)
        return ExitCode.PARTIAL if "failed" in states or unproven else ExitCode.DONE

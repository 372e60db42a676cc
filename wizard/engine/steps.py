"""The step engine: changes outside Git, run in order and checked before and after each one.

A step changes nothing when its state holds already, so a second run sends no request that changes
stored state. Immediately before each change its state is checked again, because others may have
changed it while the run waited for the lock or for a person. A state that cannot be read is
`unknown` and does not stop the run, because a later step shows whether it holds (a real login, a
Secret that appears); a step that `looks_again` is checked once more at the end. The first failure
stops the run: the remaining steps are reported as `left`, and the next run continues there.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from wizard.errors import NO_FIX, ConflictError, Fix, WizardError
from wizard.manifests.contribution import StepSpec

CheckState = Literal["holds", "wanted", "unknown", "kept", "blocked"]
StepState = Literal[
    "checking", "holds", "would change", "would wait", "changing", "changed", "waiting", "unknown",
    "kept", "blocked", "failed", "left",
]  # fmt: skip
Owner = Literal["me", "vault", "dba", "platform", "ci"]

INTERVAL_SECONDS = 2.0


def seal_text(text: str) -> str:
    """Return the SEAL of `--take-over STEP@SEAL` for what a yes is given to."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Whether the wanted state holds: `detail` describes it, `fix` says what to do next.

    `blocked`: somebody else's object conflicts and only a person can decide; `diff` shows their
    object and ours. `kept`: a removal skips data or a shared object on purpose. `is_stuck`: nothing
    that runs will establish the `wanted` state, so a wait for it ends at once. `is_unread`: the
    system gave no answer for now, and the state is `wanted` only so that a wait goes on. `detail`
    and `diff` contain no secret.
    """

    state: CheckState
    detail: str = ""
    fix: Fix = NO_FIX
    diff: str = ""
    is_stuck: bool = False
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One change with an owner; without `change`, a state to wait for.

    `check` returns the state, `change` establishes it and returns what it did, and
    `dry_run_change` tries the change without keeping it (`--dry-run`). `check` is repeated for
    `wait_seconds` until the state holds, every `interval` seconds (0: the run's own interval). All
    three may raise WizardError, whose message contains no secret. When an `independent` step is
    blocked, the run continues with the steps that do not need it. `needs` holds the ids of the
    steps that a step depends on: while one of them is blocked, so is this one, and with it every
    step that needs it; while one is unknown, this one changes nothing and is unknown too. A
    step that `is_final` needs all steps before it, because it removes what a repeat of them needs.
    While a step that `must_hold` is unknown, the run is not complete and its final step is left. A
    change that `repeats` is made again during the wait, whenever its state no longer holds, because
    a controller may reverse it. A step without a change that `looks_again` and is unknown is
    checked once more after the last step, because a later step may have made what it reads.
    `acquire` is awaited before a change and its last check; it may take long, and raises
    WizardError if the change must not be made. `forget` is called between them, so that the last
    check reads anew what the first took from a cache.
    """

    id: str
    title: str
    owner: Owner
    endpoint: str
    check: Callable[[], Awaitable[StepStatus]]
    change: Callable[[], Awaitable[str]] | None = None
    dry_run_change: Callable[[], Awaitable[str]] | None = None
    wait_seconds: float = 0.0
    interval: float = 0.0
    independent: bool = False
    is_final: bool = False
    needs: tuple[str, ...] = ()
    must_hold: bool = False
    repeats: bool = False
    looks_again: bool = False
    acquire: Callable[[], Awaitable[object]] | None = None
    forget: Callable[[], object] | None = None

    def list_needed(self, steps: Iterable[Step]) -> list[Step]:
        """Return those of `steps` that this step depends on."""
        return [one for one in steps if self.is_final or one.id in self.needs]


def declared_step(
    spec: StepSpec,
    endpoint: str,
    check: Callable[[], Awaitable[StepStatus]],
    change: Callable[[], Awaitable[str]] | None = None,
    dry_run_change: Callable[[], Awaitable[str]] | None = None,
) -> Step:
    """Return a step with the id, title and owner of its spec."""
    return Step(spec.id, spec.title, spec.owner, endpoint, check, change, dry_run_change)


@dataclass(frozen=True, slots=True)
class StepEvent:
    """The current state of a step; `seconds` is the time since it began."""

    id: str
    title: str
    owner: Owner
    state: StepState
    detail: str = ""
    fix: Fix = NO_FIX
    diff: str = ""
    seconds: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether the step has ended."""
        return self.state not in {"checking", "changing", "waiting"}

    @property
    def stops_run(self) -> bool:
        """Whether this event ends the run."""
        return self.state in {"failed", "blocked"}

    def to_json(self) -> dict[str, object]:
        """Return one line of `apply --json`; keys may be added, never removed."""
        return {
            "action": self.id,
            "title": self.title,
            "owner": self.owner,
            "state": self.state,
            "detail": self.detail,
            "fix": self.fix.text,
            "diff": self.diff,
            "seconds": round(self.seconds, 1),
            "question": self.fix.question,
        }


async def run_steps(
    steps: Sequence[Step], *, dry_run: bool = False, interval: float = INTERVAL_SECONDS
) -> AsyncIterator[StepEvent]:
    """Run the steps in order and yield their events; an exception of a step becomes an event.

    Before the first change all later steps are checked, so that a conflict or a fault that can be
    seen beforehand stops the run while nothing is changed. `interval` is the number of seconds
    between two checks of a waiting step. Closing the generator stops the run before the next step;
    a change in progress is not undone.
    """
    stopped = False
    ahead = _LookAhead(steps)
    blocked: list[Step] = []
    unknown: list[Step] = []
    for step in steps:
        if stopped:
            yield ahead.get_obstacle(step) or StepEvent(step.id, step.title, step.owner, "left")
            continue
        if needed := step.list_needed(blocked):
            yield _blocked_event(step, needed)
            blocked.append(step)
            stopped = not step.independent
            continue
        if step.is_final and (open_steps := [one for one in unknown if one.must_hold]):
            yield _left_event(step, open_steps)
            stopped = True
            continue
        doubts = [one for one in unknown if one.id in step.needs]
        run = _StepRun(step, dry_run=dry_run, interval=interval, doubts=doubts, ahead=ahead)
        async for event in run.events():
            yield event
            unknown += [step] if event.state == "unknown" else []
            skipped = step.independent and event.state == "blocked"
            blocked += [step] if skipped else []
            stopped = stopped or (event.stops_run and not skipped) or ahead.is_blocked
    if dry_run or stopped:
        return
    for step in unknown:
        if step.looks_again and step.change is None:
            async for event in _StepRun(step, dry_run=False, interval=interval).events():
                yield event


def select_last(events: Iterable[StepEvent]) -> list[StepEvent]:
    """Return the last event of each step that has ended, in the order in which they began."""
    return list({event.id: event for event in events if event.has_ended}.values())


def _blocked_event(step: Step, blocked: Sequence[Step]) -> StepEvent:
    names = ", ".join(f"{one.id} ({one.title})" for one in blocked)
    detail = f"not started, because it depends on blocked steps: {names}"
    fix = Fix("fix the blocked steps, then run this again: it continues there")
    return StepEvent(step.id, step.title, step.owner, "blocked", detail, fix)


def _left_event(step: Step, unknown: Sequence[Step]) -> StepEvent:
    names = ", ".join(f"{one.id} ({one.title})" for one in unknown)
    detail = f"not started, because nothing shows that these are done: {names}"
    fix = Fix("run this again with a login that may read and delete these objects")
    return StepEvent(step.id, step.title, step.owner, "left", detail, fix)


class _LookAhead:
    """The checks of later steps before the first change; `is_blocked` if one is in the way."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._done = False
        self._obstacle: StepEvent | None = None

    @property
    def is_blocked(self) -> bool:
        return self._obstacle is not None

    def get_obstacle(self, step: Step) -> StepEvent | None:
        """Return the event of this step if it is the obstacle."""
        found = self._obstacle
        return found if found is not None and found.id == step.id else None

    async def find_obstacle(self, step: Step) -> StepEvent | None:
        """Check the steps after `step`, once for each run; the first that is blocked or fails.

        A step that only waits is not checked: earlier steps make its state come true.
        """
        if self._done:
            return None
        self._done = True
        for later in self._steps[self._steps.index(step) + 1 :]:
            if later.independent or later.is_final or (later.wait_seconds and later.change is None):
                continue
            event = await _check_early(later)
            if event is not None and event.stops_run:
                self._obstacle = event
                return event
        return None


async def _check_early(step: Step) -> StepEvent | None:
    """Return the event of a step that would stop the run as things are now, else None."""
    run = _StepRun(step, dry_run=True, interval=0.0)
    try:
        look = await step.check()
    except Exception as error:
        return run.error_event(error)
    return (
        run.event("blocked", look.detail, look.fix, look.diff) if look.state == "blocked" else None
    )


class _StepRun:
    """One step while it runs."""

    def __init__(
        self,
        step: Step,
        *,
        dry_run: bool,
        interval: float,
        doubts: Sequence[Step] = (),
        ahead: _LookAhead | None = None,
    ) -> None:
        self.ahead = ahead
        self.step = step
        self.doubts = doubts
        self.dry_run = dry_run
        self.interval = step.interval or interval
        self.began = time.monotonic()

    def event(
        self, state: StepState, detail: str = "", fix: Fix = NO_FIX, diff: str = ""
    ) -> StepEvent:
        one = self.step
        return StepEvent(
            one.id, one.title, one.owner, state, detail, fix, diff, time.monotonic() - self.began
        )

    async def events(self) -> AsyncIterator[StepEvent]:
        yield self.event("checking")
        try:
            async for event in self._run_step():
                yield event
        except Exception as error:
            yield self.error_event(error)

    def error_event(self, error: Exception) -> StepEvent:
        """Return the event of a step that raised an error."""
        if isinstance(error, ConflictError):
            return self.event("blocked", error.message, error.fix)
        if isinstance(error, WizardError):
            return self.event("failed", error.message, error.fix)
        # The message may quote anything, even a password.
        return self.event("failed", f"the step itself failed ({type(error).__name__})")

    async def _run_step(self) -> AsyncIterator[StepEvent]:
        look = await self.step.check()
        if look.state != "wanted":
            yield self._status_event(look)
        elif self.doubts and self.step.change is not None:
            names = ", ".join(f"{one.id} ({one.title})" for one in self.doubts)
            why = f"{look.detail}; not changed, because the result of {names} is unknown"
            yield self.event("unknown", why, Fix("have that done first, then run this again"))
        elif self.step.change is None:
            if self.dry_run:
                yield self.event("would wait", look.detail, look.fix)
                return
            async for event in self._wait_until_done(look):
                yield event
        elif self.dry_run:
            result = await self.step.dry_run_change() if self.step.dry_run_change else ""
            yield self.event("would change", result or look.detail, diff=look.diff)
        elif self.ahead and (obstacle := await self.ahead.find_obstacle(self.step)):
            yield self.event("left", f"not started, because {obstacle.id} cannot be done")
        else:
            yield self.event("changing", look.detail, diff=look.diff)
            if self.step.acquire is not None:
                await self.step.acquire()
            if self.step.forget is not None:
                self.step.forget()
            if obstacle := self._find_difference(look, await self.step.check()):
                yield obstacle
                return
            result = await self.step.change()
            async for event in self._verify_change(look, result):
                yield event

    def _find_difference(self, shown: StepStatus, look: StepStatus) -> StepEvent | None:
        """Return the event of a step that must not change what it now finds; None if it may."""
        if look.state != "wanted":
            return self._status_event(look)
        if look.diff == shown.diff:
            return None
        why = f"{look.detail}; not changed, because it differs from what was shown: it was changed"
        fix = Fix("run this again: it shows the new difference")
        return self.event("blocked", f"{why} in the meantime", fix, look.diff)

    async def _verify_change(self, shown: StepStatus, result: str) -> AsyncIterator[StepEvent]:
        look = await self.step.check()
        if look.state == "holds":
            yield self.event("changed", result)
        elif look.state in {"unknown", "kept"}:
            yield self.event("changed", f"{result}; {look.detail}" if look.detail else result)
        elif look.state == "wanted" and self.step.wait_seconds:
            made = self.event("changed", result)
            async for event in self._wait_until_done(look, done=made, shown=shown):
                yield event
        else:
            yield self.event(
                "failed", look.detail or "the wanted state does not hold after the change", look.fix
            )

    async def _wait_until_done(
        self, look: StepStatus, done: StepEvent | None = None, shown: StepStatus | None = None
    ) -> AsyncIterator[StepEvent]:
        last = None
        while look.state == "wanted" and not look.is_stuck:
            remaining = self.step.wait_seconds - (time.monotonic() - self.began)
            if remaining <= 0:
                waited = f"not within {self.step.wait_seconds:g} s: {look.detail}"
                yield self.event("failed", waited, look.fix)
                return
            if look.detail != last:
                last = look.detail
                yield self.event("waiting", look.detail, look.fix)
            await asyncio.sleep(min(self.interval, remaining))
            look = await self.step.check()
            if look.state == "wanted" and shown and self.step.repeats and self.step.change:
                if obstacle := self._find_difference(shown, look):
                    yield obstacle
                    return
                await self.step.change()
                look = await self.step.check()
        yield done if done and look.state == "holds" else self._status_event(look)

    def _status_event(self, look: StepStatus) -> StepEvent:
        state: StepState = "failed" if look.state == "wanted" else look.state
        return self.event(state, look.detail, look.fix, look.diff)

"""The action engine: changes outside Git, each looked at before and after, one after the other.

An action never changes what holds already, so a second run sends no request that changes stored
state. What may not be read is `unknown`; it stops nothing, because a later action proves it by its
effect (a real login, a Secret that appears). The first failure stops the run: what comes after is
told as `left`, and the next run continues there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Whether the wanted state holds: `detail` says what is so, `fix` what to do next.

    `blocked`: something of another's stands there, which only a person may decide about; `diff`
    shows theirs and ours. `kept`: what is taken back stops here by intent, at data or at what
    others use. Neither holds a secret.
    """

    state: CheckState
    detail: str = ""
    fix: Fix = NO_FIX
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One change with an owner, or with no `change` something to wait for.

    `check` looks, `change` makes it so and says what it did, `dry_run_change` tries the change
    without keeping it (`--dry-run`). `patience` is for how many seconds `check` is asked again
    until it holds, every `interval` seconds (0: as often as the run says). All three may raise
    WizardError, whose message holds no secret. Where one is `blocked` that stands `alone`, the run
    goes on: no later one builds on it. One that is `last` is blocked after any that was: what it
    takes away is what a repeat of those needs.
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


def declared_step(
    spec: StepSpec,
    endpoint: str,
    check: Callable[[], Awaitable[StepStatus]],
    change: Callable[[], Awaitable[str]] | None = None,
    dry_run_change: Callable[[], Awaitable[str]] | None = None,
) -> Step:
    """Return the step that a spec declares: its id, title and owner stand in one place only."""
    return Step(spec.id, spec.title, spec.owner, endpoint, check, change, dry_run_change)


@dataclass(frozen=True, slots=True)
class StepEvent:
    """What became of an action by now; `seconds` since it began."""

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
        """Whether the action is over."""
        return self.state not in {"checking", "changing", "waiting"}

    @property
    def stops_run(self) -> bool:
        """Whether the run ends here."""
        return self.state in {"failed", "blocked"}

    def to_json(self) -> dict[str, object]:
        """One line of `apply --json`; keys are only ever added."""
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
    actions: Sequence[Step], *, dry_run: bool = False, interval: float = INTERVAL_SECONDS
) -> AsyncIterator[StepEvent]:
    """Run them in order and tell each step; raises nothing of theirs.

    `interval` is how many seconds pass between two looks of an action that waits. Closing the
    generator stops before the next step; a change under way is not taken back.
    """
    stopped = False
    blocked: list[Step] = []
    for action in actions:
        if stopped:
            yield StepEvent(action.id, action.title, action.owner, "left")
            continue
        if action.is_final and blocked:
            yield _blocked_event(action, blocked)
            stopped = True
            continue
        run = _StepRun(action, dry_run=dry_run, interval=interval)
        async for event in run.events():
            yield event
            passed_by = action.independent and event.state == "blocked"
            blocked += [action] if passed_by else []
            stopped = stopped or (event.stops_run and not passed_by)


def _blocked_event(action: Step, blocked: Sequence[Step]) -> StepEvent:
    names = ", ".join(f"{one.id} ({one.title})" for one in blocked)
    detail = f"not while something stands in the way of {names}"
    fix = Fix("do what is said there, then run it again: it goes on from there")
    return StepEvent(action.id, action.title, action.owner, "blocked", detail, fix)


class _StepRun:
    """One action on its way."""

    def __init__(self, action: Step, *, dry_run: bool, interval: float) -> None:
        self.action = action
        self.dry_run = dry_run
        self.interval = action.interval or interval
        self.began = time.monotonic()

    def event(
        self, state: StepState, detail: str = "", fix: Fix = NO_FIX, diff: str = ""
    ) -> StepEvent:
        one = self.action
        return StepEvent(
            one.id, one.title, one.owner, state, detail, fix, diff, time.monotonic() - self.began
        )

    async def events(self) -> AsyncIterator[StepEvent]:
        yield self.event("checking")
        try:
            async for event in self._run_step():
                yield event
        except ConflictError as error:
            yield self.event("blocked", error.message, error.fix)
        except WizardError as error:
            yield self.event("failed", error.message, error.fix)
        except Exception as error:
            # Its message may quote anything, a password among it.
            yield self.event("failed", f"the step itself failed ({type(error).__name__})")

    async def _run_step(self) -> AsyncIterator[StepEvent]:
        look = await self.action.check()
        if look.state != "wanted":
            yield self._status_event(look)
        elif self.action.change is None:
            if self.dry_run:
                yield self.event("would wait", look.detail, look.fix)
                return
            async for event in self._wait_until_done(look):
                yield event
        elif self.dry_run:
            said = await self.action.dry_run_change() if self.action.dry_run_change else look.detail
            yield self.event("would change", said or look.detail, diff=look.diff)
        else:
            yield self.event("changing", look.detail, diff=look.diff)
            said = await self.action.change()
            async for event in self._verify_change(said):
                yield event

    async def _verify_change(self, said: str) -> AsyncIterator[StepEvent]:
        look = await self.action.check()
        if look.state == "holds":
            yield self.event("changed", said)
        elif look.state in {"unknown", "kept"}:
            yield self.event("changed", f"{said}; {look.detail}" if look.detail else said)
        elif look.state == "wanted" and self.action.wait_seconds:
            async for event in self._wait_until_done(look, done=self.event("changed", said)):
                yield event
        else:
            yield self.event("failed", look.detail or "it does not hold afterwards", look.fix)

    async def _wait_until_done(
        self, look: StepStatus, done: StepEvent | None = None
    ) -> AsyncIterator[StepEvent]:
        last = None
        while look.state == "wanted":
            left = self.action.wait_seconds - (time.monotonic() - self.began)
            if left <= 0:
                waited = f"not within {self.action.wait_seconds:g} s: {look.detail}"
                yield self.event("failed", waited, look.fix)
                return
            if look.detail != last:
                last = look.detail
                yield self.event("waiting", look.detail, look.fix)
            await asyncio.sleep(min(self.interval, left))
            look = await self.action.check()
        yield done if done and look.state == "holds" else self._status_event(look)

    def _status_event(self, look: StepStatus) -> StepEvent:
        state: StepState = "failed" if look.state == "wanted" else look.state
        return self.event(state, look.detail, look.fix, look.diff)

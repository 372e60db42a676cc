"""What became of each action, as plain lines; states are words, so that no colour is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import ExitCode

if TYPE_CHECKING:
    from wizard.apply.run import Run
    from wizard.engine.actions import Event

_WIDTH = len("would change")


def interruption(again: str = "apply") -> str:
    """What a run that was stopped ends with; `again` is the command that goes on."""
    return f"interrupted; what is done stays: run {again} again, it goes on from there"


INTERRUPTED = interruption()


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run came to: the exit code that says so, and what is told of it afterwards."""

    outcome: ExitCode
    lines: tuple[str, ...]


def line(event: Event) -> list[str]:
    """The lines of one event: state, title, seconds and detail; then diff and remedy, if any."""
    spent = f" ({event.seconds:.0f} s)" if event.seconds >= 1 else ""
    said = f": {event.detail}" if event.detail else ""
    lines = [f"{event.state:<{_WIDTH}}  {event.title}{spent}{said}"]
    lines += [f"    {text}" for text in event.diff.splitlines()]
    if event.fix and event.state in {"blocked", "failed", "unknown", "kept", "waiting"}:
        lines.append(f"    {remedy(event)}")
    return lines


def remedy(event: Event) -> str:
    """What to do about it; while it is waited for, what may be done meanwhile."""
    return f"{'next' if event.state != 'waiting' else 'meanwhile'}: {event.fix}"


def counts(told: Sequence[Event]) -> str:
    """How many actions ended in which state."""
    found = Counter(event.state for event in told if event.ended)
    return ", ".join(f"{number} {state}" for state, number in found.items())


def applied(run: Run, *, interrupted: bool = False) -> Applied:
    """What is told of a run that was watched elsewhere: what stopped it, what is left, counts."""
    shown = [one for one in run.told if one.stopped or (one.ended and one.detail and _open(one))]
    lines = [text for event in shown for text in line(event)]
    if run.dry_run:
        lines.append("a dry run: nothing was kept")
    lines += [*run.notes, counts(run.told)]
    if interrupted:
        return Applied(ExitCode.INTERRUPTED, (*lines, interruption()))
    return Applied(run.outcome, tuple(lines))


def _open(event: Event) -> bool:
    return event.state in {"unknown", "left"}

"""What became of each action, as plain lines; states are words, so that no colour is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import ExitCode

if TYPE_CHECKING:
    from wizard.apply.run import Run
    from wizard.engine.steps import StepEvent

_WIDTH = len("would change")


def format_interruption(again: str = "apply") -> str:
    """What a run that was stopped ends with; `again` is the command that goes on."""
    return f"interrupted; what is done stays: run {again} again, it goes on from there"


INTERRUPTED = format_interruption()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to: the exit code that says so, and what is told of it afterwards."""

    outcome: ExitCode
    lines: tuple[str, ...]


def format_event(event: StepEvent) -> list[str]:
    """The lines of one event: state, title, seconds and detail; then diff and remedy, if any."""
    spent = f" ({event.seconds:.0f} s)" if event.seconds >= 1 else ""
    said = f": {event.detail}" if event.detail else ""
    lines = [f"{event.state:<{_WIDTH}}  {event.title}{spent}{said}"]
    lines += [f"    {text}" for text in event.diff.splitlines()]
    if event.fix and event.state in {"blocked", "failed", "unknown", "kept", "waiting"}:
        lines.append(f"    {format_fix(event)}")
    return lines


def format_fix(event: StepEvent) -> str:
    """What to do about it; while it is waited for, what may be done meanwhile."""
    return f"{'next' if event.state != 'waiting' else 'meanwhile'}: {event.fix}"


def format_counts(told: Sequence[StepEvent]) -> str:
    """How many actions ended in which state."""
    found = Counter(event.state for event in told if event.has_ended)
    return ", ".join(f"{number} {state}" for state, number in found.items())


def summarize_run(run: Run, *, interrupted: bool = False) -> RunSummary:
    """What is told of a run that was watched elsewhere: what stopped it, what is left, counts."""
    shown = [
        one
        for one in run.past_events
        if one.stops_run or (one.has_ended and one.detail and _is_open(one))
    ]
    lines = [text for event in shown for text in format_event(event)]
    if run.dry_run:
        lines.append("a dry run: nothing was kept")
    lines += [*run.notes, format_counts(run.past_events)]
    if interrupted:
        return RunSummary(ExitCode.INTERRUPTED, (*lines, format_interruption()))
    return RunSummary(run.outcome, tuple(lines))


def _is_open(event: StepEvent) -> bool:
    return event.state in {"unknown", "left"}

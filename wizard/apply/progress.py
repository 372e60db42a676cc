"""Format the events of a run as plain lines; states are words, so no colour is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.engine.steps import select_last
from wizard.errors import ExitCode

if TYPE_CHECKING:
    from wizard.apply.run import Run
    from wizard.engine.steps import StepEvent

_WIDTH = len("would change")


def format_interruption(again: str = "apply") -> str:
    """Return the last line of an interrupted run; `again` is the command that continues it."""
    return f"interrupted; completed steps stay: run {again} again to continue"


INTERRUPTED = format_interruption()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of a run: its exit code and the lines to print."""

    outcome: ExitCode
    lines: tuple[str, ...]


def format_event(event: StepEvent) -> list[str]:
    """Return the lines of an event: state, title, seconds and detail, then diff and fix if any."""
    spent = f" ({event.seconds:.0f} s)" if event.seconds >= 1 else ""
    detail = f": {event.detail}" if event.detail else ""
    lines = [f"{event.state:<{_WIDTH}}  {event.title}{spent}{detail}"]
    lines += [f"    {text}" for text in event.diff.splitlines()]
    if event.fix and event.state in {"blocked", "failed", "unknown", "kept", "waiting", "left"}:
        lines.append(f"    {format_fix(event)}")
    return lines


def format_fix(event: StepEvent) -> str:
    """Return the line with the fix: `next`, or `meanwhile` while the step waits."""
    return f"{'next' if event.state != 'waiting' else 'meanwhile'}: {event.fix}"


def format_counts(events: Sequence[StepEvent]) -> str:
    """Return the number of ended steps by state."""
    counts = Counter(event.state for event in select_last(events))
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def summarize_run(run: Run, *, interrupted: bool = False) -> RunSummary:
    """Return the summary of a run whose events were shown elsewhere.

    It lists the steps that stopped the run, unknown and remaining steps, and counts.
    """
    shown = [
        one
        for one in select_last(run.past_events)
        if one.stops_run or (one.detail and _is_open(one))
    ]
    lines = [text for event in shown for text in format_event(event)]
    if run.dry_run:
        lines.append("dry run: nothing was changed")
    lines += [*run.notes, format_counts(run.past_events)]
    if interrupted:
        return RunSummary(ExitCode.INTERRUPTED, (*lines, format_interruption()))
    return RunSummary(run.outcome, tuple(lines))


def _is_open(event: StepEvent) -> bool:
    return event.state in {"unknown", "left"}

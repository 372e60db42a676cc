"""How a run is rendered: one line per step, and the log of each step; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from screens.text import plain, question_label
from wizard.apply.progress import format_fix
from wizard.errors import NO_FIX, Fix
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.engine.steps import Step, StepEvent

STATE_WIDTH, TIME_WIDTH, OWNER_WIDTH, TITLE_WIDTH = 12, 7, 8, 52
# From this width on, each line also shows owner and endpoint.
MIN_WIDE_WIDTH = 100
TO_DO = "pending"
# $text-muted depends on the contrast, which content in a list does not get.
MUTED = "$foreground 85%"
_COLOURS = {
    "checking": "$text-primary",
    "changing": "$text-primary",
    "waiting": "$text-primary",
    "changed": "$text-success",
    "would change": "$text-success",
    "would wait": MUTED,
    "unknown": "$text-warning",
    "kept": "$text-warning",
    "blocked": "$text-error",
    "failed": "$text-error",
    "left": MUTED,
    TO_DO: MUTED,
}
_TAKE_OVER_PATTERN = re.compile(r"--take-over (\S+@[0-9a-f]+)")
_DIFF_COLOURS = {"+": "$text-success", "-": "$text-error"}


def format_seconds(seconds: float) -> str:
    """Return `4 s`, `1:04` from a minute, `1:02:05` from an hour; empty below a second."""
    total = int(seconds)
    if total < 60:
        return f"{total} s" if total else ""
    return format_clock(total)


def format_clock(seconds: float) -> str:
    """Return minutes and seconds, with hours if there are any."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def fit_text(text: str, width: int) -> str:
    """Return the text in exactly `width` cells; cut text ends with an ellipsis."""
    safe = escape_unprintable(text)
    if cell_len(safe) <= width:
        return set_cell_size(safe, max(width, 0))
    return set_cell_size(safe, width - 1) + "…" if width > 0 else ""


@dataclass
class StepProgress:
    """The events of one step, each with its time in seconds since the start of the run."""

    step: Step
    events: list[tuple[float, StepEvent]] = field(default_factory=list)
    began_at: float = 0.0

    @property
    def last(self) -> StepEvent | None:
        """The last event; None before the step starts."""
        return self.events[-1][1] if self.events else None

    @property
    def state(self) -> str:
        """The state in words."""
        return self.last.state if self.last else TO_DO


class Progress:
    """The progress of a run; `now` returns seconds, used for differences only."""

    def __init__(self, steps: Sequence[Step], now: Callable[[], float]) -> None:
        self.rows = [StepProgress(step) for step in steps]
        self.now = now
        self.began_at = now()
        self.ended_at: float | None = None
        self.current = 0

    @property
    def elapsed(self) -> float:
        """Duration of the run in seconds, up to its end."""
        return (self.now() if self.ended_at is None else self.ended_at) - self.began_at

    def record_event(self, event: StepEvent) -> int:
        """Record an event and return the number of its step."""
        number = next(n for n, row in enumerate(self.rows) if row.step.id == event.id)
        row = self.rows[number]
        if not row.events:
            row.began_at = self.now()
        row.events.append((self.elapsed, event))
        if event.state != "left":
            self.current = number
        return number

    def end(self) -> None:
        """Stop the clock."""
        self.ended_at = self.now()

    @property
    def done(self) -> int:
        """The number of finished steps; skipped steps do not count."""
        return sum(
            bool(row.last and row.last.has_ended and row.state != "left") for row in self.rows
        )

    @property
    def counts(self) -> str:
        """The number of steps in each state, in the order in which the states first appear."""
        states = [row.state for row in self.rows]
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    @property
    def stopping_step(self) -> int | None:
        """The number of the step that stopped the run; None if no step did."""
        numbers = (n for n, row in enumerate(self.rows) if row.last and row.last.stops_run)
        return next(numbers, None)

    def seconds(self, number: int) -> float:
        """Return the duration of a step so far, in seconds."""
        row = self.rows[number]
        if row.last is None or row.state == "left":
            return 0.0
        if row.last.has_ended or self.ended_at is not None:
            return row.last.seconds
        return self.now() - row.began_at

    def line(self, number: int, width: int) -> Content:
        """Return state, title and duration in one line of this width."""
        row = self.rows[number]
        time = f"{format_seconds(self.seconds(number)):>{TIME_WIDTH}}"
        title, place = _columns(row.step, width - STATE_WIDTH - 1 - TIME_WIDTH)
        state = Content.styled(fit_text(row.state, STATE_WIDTH), _COLOURS.get(row.state, ""))
        style = MUTED if row.state in {TO_DO, "left"} else ""
        return Content.assemble(
            state, " ", Content.styled(title, style), Content.styled(place + time, MUTED)
        )

    def log(self, number: int, width: int) -> Content:
        """Return owner and endpoint of a step, then all of its events."""
        row = self.rows[number]
        place = fit_text(f"{row.step.owner}, {row.step.endpoint}", width).rstrip()
        parts = [plain(place, MUTED)]
        last_shown: tuple[str, Fix] = ("", NO_FIX)
        for at, event in row.events:
            parts += [plain(text) for text in _event_lines(at, event, width)]
            if event.diff and event.diff != last_shown[0]:
                parts += [_diff_line(text) for text in event.diff.splitlines()]
            if event.fix and event.fix != last_shown[1] and event.state != "checking":
                parts += [plain(text) for text in _wrap_indented(format_fix(event), 9, width)]
            last_shown = (event.diff or last_shown[0], event.fix or last_shown[1])
        if not row.events:
            parts.append(plain("         not started yet", MUTED))
        if find_fix_question(row.last):
            parts.append(
                Content.styled(f"         enter goes to: {find_fix_question(row.last)}", "bold")
            )
        if find_take_over_id(row.last):
            parts.append(Content.styled("         t takes over exactly this difference", "bold"))
        return Content("\n").join(parts)


def render_planned_step(step: Step, width: int) -> Content:
    """Return one line of the plan: owner, title and endpoint."""
    title, place = _columns(step, width - OWNER_WIDTH - 1, owner=False)
    return Content.assemble(
        Content.styled(fit_text(step.owner, OWNER_WIDTH), MUTED), " ", title,
        Content.styled(place, MUTED),
    )  # fmt: skip


def describe_step(step: Step, width: int) -> Content:
    """Return title, owner and endpoint of a step."""
    head = Content.styled(escape_unprintable(step.title), "bold")
    place = _wrap_indented(f"{step.owner}, {step.endpoint}", 0, width)
    return Content("\n").join([head, *(plain(text, MUTED) for text in place)])


def render_identity(text: str, width: int) -> Content:
    """Return the identity used for one system, wrapped with an indent."""
    lines = _wrap_indented(text, 4, width)
    return plain("\n".join(["as  " + lines[0].lstrip(), *lines[1:]]))


def find_fix_question(event: StepEvent | None) -> str:
    """Return the label of the question that fixes the failure; empty if there is none."""
    key = event.fix.question if event and event.stops_run else ""
    return question_label(key) if key else ""


def find_take_over_id(event: StepEvent | None) -> str:
    """Return step and seal of the shown diff for `apply --take-over`; empty without one."""
    match = _TAKE_OVER_PATTERN.search(event.fix.text) if event and event.stops_run else None
    return match[1] if match else ""


def _columns(step: Step, width: int, *, owner: bool = True) -> tuple[str, str]:
    """Return the title, then owner and endpoint if there is room for them."""
    if owner and width < MIN_WIDE_WIDTH - STATE_WIDTH - TIME_WIDTH - 4:
        return fit_text(step.title, width), ""
    title = min(TITLE_WIDTH, width)
    owner_text = fit_text(step.owner, OWNER_WIDTH) + " " if owner else ""
    rest = width - title - 1 - len(owner_text)
    # The log shows server and user of a context for the highlighted step.
    place = step.endpoint.partition(": ")[0]
    return fit_text(step.title, title), f" {owner_text}{fit_text(place, rest)}"


def _event_lines(at: float, event: StepEvent, width: int) -> Iterator[str]:
    """Yield the lines of one event: time, state and detail, wrapped."""
    head = f"{format_clock(at):>7}  {event.state}"
    if not event.detail:
        yield head
        return
    first, *rest = _wrap_indented(event.detail, len(head) + 2, width)
    yield f"{head}  {first.lstrip()}"
    yield from rest


def _wrap_indented(text: str, indent: int, width: int) -> list[str]:
    """Return wrapped lines with an indent, which shrinks on narrow screens."""
    indent = indent if width > indent + 30 else 2
    lines = [
        part
        for line in text.split("\n")
        for part in wrap(escape_unprintable(line), max(width - indent, 10), break_on_hyphens=False)
        or [""]
    ]
    return [" " * indent + line for line in lines]


def _diff_line(text: str) -> Content:
    return plain(f"         {text}", _DIFF_COLOURS.get(text[:1], MUTED))

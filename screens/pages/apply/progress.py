"""What is seen of a run: a line an action, and what was said of each; pure, so easy to test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from screens.text import plain, question
from wizard.apply.progress import remedy
from wizard.formats.terminal import visible

if TYPE_CHECKING:
    from wizard.engine.actions import Action, Event

STATE, SPENT, OWNER, TITLE = 12, 7, 8, 52
# From here on there is room for the owner and the endpoint beside each action.
WIDE = 100
TO_DO = "to do"
# Textual's $text-muted is a share of the contrast, which content in a list does not get.
MUTED = "dim"
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
_SEAL = re.compile(r"--take-over (\S+@[0-9a-f]+)")
_DIFF = {"+": "$text-success", "-": "$text-error"}


def spent(seconds: float) -> str:
    """`4 s`, from a minute on `1:04`, from an hour on `1:02:05`; empty below a second."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s" if whole else ""
    return clock(whole)


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def fitted(text: str, width: int) -> str:
    """The text in exactly so many cells; what does not fit is cut and marked."""
    safe = visible(text)
    if cell_len(safe) <= width:
        return set_cell_size(safe, max(width, 0))
    return set_cell_size(safe, width - 1) + "…" if width > 0 else ""


@dataclass
class Told:
    """What one action has come to: its events, each with the second of the run it came in."""

    action: Action
    events: list[tuple[float, Event]] = field(default_factory=list)
    began: float = 0.0

    @property
    def last(self) -> Event | None:
        """The newest event; None before its turn."""
        return self.events[-1][1] if self.events else None

    @property
    def state(self) -> str:
        """Its state in words."""
        return self.last.state if self.last else TO_DO


class Progress:
    """A run as it is told; `now` gives seconds, of which only differences count."""

    def __init__(self, actions: Sequence[Action], now: Callable[[], float]) -> None:
        self.rows = [Told(action) for action in actions]
        self.now = now
        self.began = now()
        self.ended: float | None = None
        self.current = 0

    @property
    def elapsed(self) -> float:
        """Seconds of the run, up to its end."""
        return (self.now() if self.ended is None else self.ended) - self.began

    def hear(self, event: Event) -> int:
        """Take in an event; the number of its action."""
        number = next(n for n, row in enumerate(self.rows) if row.action.id == event.id)
        row = self.rows[number]
        if not row.events:
            row.began = self.now()
        row.events.append((self.elapsed, event))
        if event.state != "left":
            self.current = number
        return number

    def end(self) -> None:
        """Time stands still."""
        self.ended = self.now()

    @property
    def done(self) -> int:
        """How many actions are over; what is left is not."""
        return sum(bool(row.last and row.last.ended and row.state != "left") for row in self.rows)

    @property
    def counts(self) -> str:
        """How many actions are in which state, in the order in which states first appear."""
        states = [row.state for row in self.rows]
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    @property
    def stopped(self) -> int | None:
        """The number of the action that stopped the run."""
        found = (n for n, row in enumerate(self.rows) if row.last and row.last.stopped)
        return next(found, None)

    def seconds(self, number: int) -> float:
        """How long the action took, or takes by now."""
        row = self.rows[number]
        if row.last is None or row.state == "left":
            return 0.0
        if row.last.ended or self.ended is not None:
            return row.last.seconds
        return self.now() - row.began

    def line(self, number: int, width: int) -> Content:
        """State, title and seconds, in one line of this width."""
        row = self.rows[number]
        took = f"{spent(self.seconds(number)):>{SPENT}}"
        title, more = _columns(row.action, width - STATE - 1 - SPENT)
        state = Content.styled(fitted(row.state, STATE), _COLOURS.get(row.state, ""))
        style = MUTED if row.state in {TO_DO, "left"} else ""
        return Content.assemble(
            state, " ", Content.styled(title, style), Content.styled(more + took, MUTED)
        )

    def log(self, number: int, width: int) -> Content:
        """What the action is, and everything that was said of it."""
        row = self.rows[number]
        place = fitted(f"{row.action.owner}, {row.action.endpoint}", width).rstrip()
        parts = [plain(place, MUTED)]
        shown: tuple[str, str] = ("", "")
        for at, event in row.events:
            parts += [plain(text) for text in _said(at, event, width)]
            if event.diff and event.diff != shown[0]:
                parts += [_diff_line(text) for text in event.diff.splitlines()]
            if event.fix and event.fix != shown[1] and event.state != "checking":
                parts += [plain(text) for text in _hung(remedy(event), 9, width)]
            shown = (event.diff or shown[0], event.fix or shown[1])
        if not row.events:
            parts.append(plain("         its turn has not come yet", MUTED))
        if leads(row.last):
            parts.append(Content.styled(f"         enter goes to: {leads(row.last)}", "bold"))
        if takes(row.last):
            parts.append(Content.styled("         t takes over what the diff shows", "bold"))
        return Content("\n").join(parts)


def planned(action: Action, width: int) -> Content:
    """One line of the plan: who owns it, what it is, and where."""
    title, more = _columns(action, width - OWNER - 1, owner=False)
    return Content.assemble(
        Content.styled(fitted(action.owner, OWNER), MUTED), " ", title,
        Content.styled(more, MUTED),
    )  # fmt: skip


def about(action: Action, width: int) -> Content:
    """What an action is, whose it is, and whom it asks."""
    head = Content.styled(visible(action.title), "bold")
    place = _hung(f"{action.owner}, {action.endpoint}", 0, width)
    return Content("\n").join([head, *(plain(text, MUTED) for text in place)])


def who(text: str, width: int) -> Content:
    """Who one is to one system, wrapped under itself."""
    lines = _hung(text, 4, width)
    return plain("\n".join(["as  " + lines[0].lstrip(), *lines[1:]]))


def leads(event: Event | None) -> str:
    """The question that mends it, in words; empty for none."""
    return question(event.question) if event and event.stopped and event.question else ""


def takes(event: Event | None) -> str:
    """The step and the seal of the shown diff, which `apply --take-over` takes; empty for none."""
    found = _SEAL.search(event.fix) if event and event.stopped else None
    return found[1] if found else ""


def _columns(action: Action, width: int, *, owner: bool = True) -> tuple[str, str]:
    """Title, then owner and endpoint where there is room for them."""
    if owner and width < WIDE - STATE - SPENT - 4:
        return fitted(action.title, width), ""
    title = min(TITLE, width)
    named = fitted(action.owner, OWNER) + " " if owner else ""
    rest = width - title - 1 - len(named)
    # A context's server and user stand below, once for the highlighted one.
    place = action.endpoint.partition(": ")[0]
    return fitted(action.title, title), f" {named}{fitted(place, rest)}"


def _said(at: float, event: Event, width: int) -> Iterator[str]:
    """One event: when, the state, and what was said, wrapped under each other."""
    head = f"{clock(at):>7}  {event.state}"
    if not event.detail:
        yield head
        return
    first, *rest = _hung(event.detail, len(head) + 2, width)
    yield f"{head}  {first.lstrip()}"
    yield from rest


def _hung(text: str, indent: int, width: int) -> list[str]:
    """Wrapped, each line that far from the left, which shrinks where there is little room."""
    indent = indent if width > indent + 30 else 2
    lines = [
        part
        for line in text.split("\n")
        for part in wrap(visible(line), max(width - indent, 10), break_on_hyphens=False) or [""]
    ]
    return [" " * indent + line for line in lines]


def _diff_line(text: str) -> Content:
    return plain(f"         {text}", _DIFF.get(text[:1], MUTED))

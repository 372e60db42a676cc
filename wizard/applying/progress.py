"""What became of each action, as plain lines; states are words, so that no colour is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.actions import Event

_WIDTH = len("would change")


def line(event: Event) -> list[str]:
    """The lines of one event: state, title, seconds and detail; then diff and remedy, if any."""
    spent = f" ({event.seconds:.0f} s)" if event.seconds >= 1 else ""
    said = f": {event.detail}" if event.detail else ""
    lines = [f"{event.state:<{_WIDTH}}  {event.title}{spent}{said}"]
    lines += [f"    {text}" for text in event.diff.splitlines()]
    if event.fix and event.state in {"blocked", "failed", "unknown", "waiting"}:
        lines.append(f"    {'next' if event.state != 'waiting' else 'meanwhile'}: {event.fix}")
    return lines

"""Diffs on the screen: one line each, with its marker."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from screens.text import plain
from wizard.formats.terminal import escape_unprintable
from wizard.plan.diff import DiffLine

_STYLES = {
    "header": "bold",
    "hunk": "$text-primary",
    "add": "$text-success",
    "del": "$text-error",
    "context": "",
}
MAX_LINES = 3000


def render_diff(lines: Sequence[DiffLine], note: str = "") -> Content:
    """Return a diff, each line with its marker; colour only repeats the marker."""
    parts: list[Content] = [plain(note)] if note else []
    parts += [Content.styled(line.text, _STYLES[line.kind]) for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        parts.append(plain(escape_unprintable(f"... {len(lines) - MAX_LINES} more lines")))
    return Content("\n").join(parts)

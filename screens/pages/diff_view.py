"""Diffs on the screen: one line each, with its marker, changed words and matches of a search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

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
# Over the colour of the line: neither needs a colour of its own.
_WORD, _MATCH = "underline", "reverse"
MAX_LINES = 3000
# Pairs of longer lines, and more pairs, are not compared word by word.
_MAX_LENGTH, _MAX_PAIRS = 400, 200
# Lines that have less in common are two lines, not one that was changed.
_LEAST_ALIKE = 0.5

Span = tuple[int, int]


def render_diff(lines: Sequence[DiffLine], note: str = "", search: str = "") -> Content:
    """Return a diff, each line with its marker; colour only repeats the marker.

    Words that differ between an old and a new line are underlined, and texts that `search` finds
    are reversed.
    """
    shown = lines[:MAX_LINES]
    words = find_changed_words(shown)
    parts: list[Content] = [plain(note)] if note else []
    for number, line in enumerate(shown):
        content = Content.styled(line.text, _STYLES[line.kind])
        for start, end in words.get(number, ()):
            content = content.stylize(_WORD, start, end)
        for start, end in find_text(line.text, search):
            content = content.stylize(_MATCH, start, end)
        parts.append(content)
    if len(lines) > MAX_LINES:
        parts.append(plain(escape_unprintable(f"... {len(lines) - MAX_LINES} more lines")))
    return Content("\n").join(parts)


def find_text(line: str, search: str) -> Iterator[Span]:
    """Yield where a line has a text, whatever the case; nothing for an empty text."""
    if search:
        for found in re.finditer(re.escape(search), line, re.IGNORECASE):
            yield found.span()


def find_lines(lines: Sequence[DiffLine], search: str) -> list[int]:
    """Return the numbers of the lines that have a text."""
    return [
        number for number, line in enumerate(lines[:MAX_LINES]) if any(find_text(line.text, search))
    ]


def find_changed_words(lines: Sequence[DiffLine]) -> dict[int, list[Span]]:
    """Return the changed parts of lines that replace one another, by the line's number."""
    found: dict[int, list[Span]] = {}
    for old, new in list(_pair_lines(lines))[:_MAX_PAIRS]:
        before, after = lines[old].text, lines[new].text
        if max(len(before), len(after)) > _MAX_LENGTH:
            continue
        spans = _compare_words(before, after)
        if spans:
            found[old], found[new] = spans
    return found


def _pair_lines(lines: Sequence[DiffLine]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of deleted lines, each with that of the added line in its place."""
    number = 0
    while number < len(lines):
        deleted = _run(lines, number, "del")
        added = _run(lines, number + deleted, "add")
        if deleted and deleted == added:
            yield from ((number + i, number + deleted + i) for i in range(deleted))
        number += max(1, deleted + added)


def _run(lines: Sequence[DiffLine], start: int, kind: str) -> int:
    end = start
    while end < len(lines) and lines[end].kind == kind:
        end += 1
    return end - start


def _compare_words(before: str, after: str) -> tuple[list[Span], list[Span]] | None:
    """Return the spans of the words that differ; None for lines that have little in common."""
    sides = [[one.span() for one in re.finditer(r"\w+|\W", text[1:])] for text in (before, after)]
    words = [
        [text[start + 1 : end + 1] for start, end in spans]
        for text, spans in zip((before, after), sides, strict=True)
    ]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.ratio() < _LEAST_ALIKE:
        return None
    old: list[Span] = []
    new: list[Span] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for spans, first, last, found in ((sides[0], i1, i2, old), (sides[1], j1, j2, new)):
            if last > first:
                found.append((spans[first][0] + 1, spans[last - 1][1] + 1))
    return old, new

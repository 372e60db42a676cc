"""Compares two texts line by line, in linear time for large ones.

difflib compares every line with all lines like it. A file with thousands of equal lines (a list of
20,000 items) would take hours. There, the texts are cut at the lines that occur once in both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

Tag = Literal["replace", "delete", "insert", "equal"]
Opcode = tuple[Tag, int, int, int, int]
# Pairs of equal lines that difflib may look at.
MAX_PAIRS = 200_000


def compare_lines(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """Return what turns `old` into `new`, as `difflib.SequenceMatcher.get_opcodes` does."""
    if _is_small(old, new):
        return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    pairs = [*_match_lines(old, new), (len(old), len(new))]
    found: list[Opcode] = []
    i = j = 0
    for one, other in pairs:
        if (i, j) != (one, other):
            _append(found, _name_gap(one - i, other - j), i, one, j, other)
        if one < len(old):
            _append(found, "equal", one, one + 1, other, other + 1)
        i, j = one + 1, other + 1
    return found


def group_lines(old: Sequence[str], new: Sequence[str], context: int) -> Iterator[list[Opcode]]:
    """Yield the changes in groups, each with up to `context` equal lines around it."""
    yield from _Comparison(compare_lines(old, new)).get_grouped_opcodes(context)  # type: ignore[misc]


class _Comparison(SequenceMatcher[str]):
    """Groups opcodes that are known already."""

    def __init__(self, opcodes: list[Opcode]) -> None:
        super().__init__()
        self._found = opcodes

    def get_opcodes(self) -> list[Opcode]:
        return self._found


def _is_small(old: Sequence[str], new: Sequence[str]) -> bool:
    counts = Counter(new)
    return sum(counts[line] for line in old) <= MAX_PAIRS


def _name_gap(removed: int, added: int) -> Tag:
    if removed and added:
        return "replace"
    return "delete" if removed else "insert"


def _append(found: list[Opcode], tag: Tag, i1: int, i2: int, j1: int, j2: int) -> None:
    """Append an opcode; an equal one extends the equal one before it."""
    if tag == "equal" and found and found[-1][0] == "equal":
        found[-1] = ("equal", found[-1][1], i2, found[-1][3], j2)
    else:
        found.append((tag, i1, i2, j1, j2))


def _match_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of equal lines, ascending in both texts."""
    head = _count_equal(old, new)
    tail = _count_equal(old[head:][::-1], new[head:][::-1])
    yield from ((number, number) for number in range(head))
    i = j = head
    ends = len(old) - tail, len(new) - tail
    for one, other in [*_find_anchors(old[head : ends[0]], new[head : ends[1]], head), ends]:
        yield from _match_between(old[i:one], new[j:other], i, j)
        if (one, other) != ends:
            yield one, other
        i, j = one + 1, other + 1
    yield from ((ends[0] + number, ends[1] + number) for number in range(tail))


def _match_between(
    old: Sequence[str], new: Sequence[str], i: int, j: int
) -> Iterator[tuple[int, int]]:
    """Yield the equal lines of two parts that begin at `i` and `j`."""
    head = _count_equal(old, new)
    tail = _count_equal(old[head:][::-1], new[head:][::-1])
    yield from ((i + number, j + number) for number in range(head))
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if _is_small(*middle):
        for block in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
            for number in range(block.size):
                yield i + head + block.a + number, j + head + block.b + number
    ends = i + len(old) - tail, j + len(new) - tail
    yield from ((ends[0] + number, ends[1] + number) for number in range(tail))


def _count_equal(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _find_anchors(old: Sequence[str], new: Sequence[str], start: int) -> list[tuple[int, int]]:
    """Return the lines that occur once in both texts: the longest ascending row of them."""
    mine, theirs = Counter(old), Counter(new)
    places = {line: number for number, line in enumerate(new) if theirs[line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(old) if mine[line] == 1 and line in places]
    # Patience sorting: the top of each pile, and which pair is before it in the longest row.
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        at = bisect_left(tops, place)
        before.append(piles[at - 1] if at else -1)
        tops[at : at + 1], piles[at : at + 1] = [place], [number]
    row = []
    number = piles[-1] if piles else -1
    while number >= 0:
        row.append(pairs[number])
        number = before[number]
    return [(start + i, start + j) for i, j in reversed(row)]

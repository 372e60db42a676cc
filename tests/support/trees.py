"""Trees of files as one text, and one tree as its difference from another.

A difference names no line numbers, and no more lines around a change than it takes to find the
place: what changes in both trees alike leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

Tree = Mapping[str, str]

_FILE = "===== "
_NEW, _GONE = " (added)", " (left out)"
_HUNK = "@@"


def format_tree(tree: Tree) -> str:
    """All files of a tree, each below its path."""
    return "".join(f"{_FILE}{path}\n{text}" for path, text in tree.items())


def parse_tree(text: str) -> dict[str, str]:
    """The tree of such a text; no line of a file may look like a path's."""
    files: dict[str, list[str]] = {}
    path = ""
    for line in text.splitlines(keepends=True):
        if line.startswith(_FILE):
            path = line.removeprefix(_FILE).rstrip("\n")
            files[path] = []
        else:
            files[path].append(line)
    return {path: "".join(lines) for path, lines in files.items()}


def format_difference(base: Tree, other: Tree) -> str:
    """How `other` differs from `base`, file by file, as apply_difference reads it."""
    found = []
    for path in sorted({*base, *other}):
        old, new = _lines(base.get(path, "")), _lines(other.get(path, ""))
        if path not in other:
            found.append(f"{_FILE}{path}{_GONE}\n")
        elif path not in base:
            found += [f"{_FILE}{path}{_NEW}\n", *(f"+{line}" for line in new)]
        elif old != new:
            found += [f"{_FILE}{path}\n", *_hunks(old, new)]
    return "".join(found)


def apply_difference(base: Tree, difference: str) -> dict[str, str]:
    """The other tree; ValueError where a change finds no place in `base`."""
    files = dict(base)
    for name, body in parse_tree(difference).items():
        if name.endswith(_GONE):
            del files[name.removesuffix(_GONE)]
        elif name.endswith(_NEW):
            files[name.removesuffix(_NEW)] = "".join(line[1:] for line in _lines(body))
        else:
            files[name] = "".join(_applied(_lines(files[name]), _lines(body)))
    return files


def _lines(text: str) -> list[str]:
    assert not text or text.endswith("\n"), "a file without a final newline"
    return text.splitlines(keepends=True)


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [code[1:] for code in opcodes if code[0] != "equal"]
    # Where each change may look for lines around it: up to the changes beside it.
    ends = [0, *(change[1] for change in changes)]
    begins = [*(change[0] for change in changes[1:]), len(old)]
    for (start, end, new_start, new_end), floor, roof in zip(changes, ends, begins, strict=False):
        before, after = _context(old, start, end, floor, roof)
        yield f"{_HUNK}\n"
        yield from (f" {line}" for line in old[start - before : start])
        yield from (f"-{line}" for line in old[start:end])
        yield from (f"+{line}" for line in new[new_start:new_end])
        yield from (f" {line}" for line in old[end : end + after])


def _context(lines: Sequence[str], start: int, end: int, floor: int, roof: int) -> tuple[int, int]:
    """The fewest lines before and after that make the place the first such from `floor` on."""
    for total in range(start - floor + roof - end + 1):
        for before in range(min(total, start - floor), -1, -1):
            after = total - before
            if after > roof - end:
                continue
            wanted = lines[start - before : end + after]
            if _find(lines, wanted, floor) == start - before:
                return before, after
    return start - floor, 0


def _find(lines: Sequence[str], wanted: Sequence[str], floor: int) -> int:
    """Where these lines stand for the first time from `floor` on; -1 where they do not."""
    for place in range(floor, len(lines) - len(wanted) + 1):
        if lines[place : place + len(wanted)] == wanted:
            return place
    return -1


def _applied(lines: Sequence[str], body: Sequence[str]) -> Iterator[str]:
    marks = [number for number, line in enumerate(body) if line == f"{_HUNK}\n"]
    done = 0
    for start, stop in pairwise([*marks, len(body)]):
        hunk = body[start + 1 : stop]
        place = _find(lines, [line[1:] for line in hunk if line[0] in " -"], done)
        if place < 0:
            raise ValueError(f"no place for {''.join(hunk)}")
        yield from lines[done:place]
        done = place
        # Lines after a change only show the place: the next change may need them as well.
        change = max(number for number, line in enumerate(hunk) if line[0] != " ")
        for line in hunk[: change + 1]:
            if line[0] == "+":
                yield line[1:]
                continue
            if line[0] == " ":
                yield lines[done]
            done += 1
    yield from lines[done:]

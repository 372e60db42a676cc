"""Unified diffs as data, and the plan as text for the command line.

Control, bidirectional and invisible characters in files are printed as escapes, so a file can
neither control the terminal nor hide a part of its contents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.git.changes import Conflict, FileChange
    from wizard.plan.plan import Plan

LineKind = Literal["header", "hunk", "add", "del", "context"]

WITHHELD = "the diff is not shown, because it may contain a secret"
NO_NEWLINE = "\\ No newline at end of file"
_RESET = "\x1b[0m"
_COLOURS: dict[LineKind, str] = {
    "header": "\x1b[1m", "hunk": "\x1b[36m", "add": "\x1b[32m", "del": "\x1b[31m", "context": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff; `text` starts with its marker (`+`, `-`, space) and is safe to print."""

    kind: LineKind
    text: str


def diff_change(change: FileChange, context: int = 3) -> list[DiffLine]:
    """Return the unified diff of one change, header first; empty if the bytes are the same."""
    return diff_bytes(change.path, change.old, change.new, context)


def diff_bytes(path: str, old: bytes | None, new: bytes | None, context: int = 3) -> list[DiffLine]:
    """Return the unified diff between two versions of a file; None means that it does not exist.

    Only LF ends a line: a carriage return is shown as `\\r`. A file with NUL bytes is not text; its
    diff is one line, which reports that the file differs.
    """
    if old == new:
        return []
    name = escape_unprintable(path)
    before = "/dev/null" if old is None else f"a/{name}"
    after = "/dev/null" if new is None else f"b/{name}"
    lines = [DiffLine("header", f"--- {before}"), DiffLine("header", f"+++ {after}")]
    if b"\0" in (old or b"") or b"\0" in (new or b""):
        return [*lines, DiffLine("hunk", "binary contents differ")]
    return [*lines, *_hunks(_lines(old), _lines(new), context)]


def _lines(data: bytes | None) -> list[str]:
    """Return lines with their LF, so that a missing LF at the end of the file is a difference."""
    if not data:
        return []
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _hunks(old: list[str], new: list[str], context: int) -> Iterator[DiffLine]:
    from wizard.formats.line_diff import group_lines

    for group in group_lines(old, new, context):
        first, last = group[0], group[-1]
        removed = _range(first[1], last[2])
        added = _range(first[3], last[4])
        yield DiffLine("hunk", f"@@ -{removed} +{added} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from _mark_lines("context", " ", old[i1:i2])
            else:
                yield from _mark_lines("del", "-", old[i1:i2])
                yield from _mark_lines("add", "+", new[j1:j2])


def _range(start: int, stop: int) -> str:
    """Format a hunk's range: line numbers start at 1; an empty range starts at the line before."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start if not length else start + 1},{length}"


def _mark_lines(kind: LineKind, mark: str, lines: Sequence[str]) -> Iterator[DiffLine]:
    for line in lines:
        yield DiffLine(kind, mark + escape_unprintable(line.removesuffix("\n")))
        if not line.endswith("\n"):
            yield DiffLine(kind, NO_NEWLINE)


def count_lines(change: FileChange) -> tuple[int, int]:
    """Return the number of added and of removed lines."""
    lines = diff_change(change, context=0)
    real = [line for line in lines if line.text != NO_NEWLINE]
    added = sum(line.kind == "add" for line in real)
    return added, sum(line.kind == "del" for line in real)


def summarize_change(change: FileChange) -> str:
    """Return one line about one file: `+ apps/airflow/airflow-values.yaml (new, 120 lines)`."""
    mark = {"add": "+", "modify": "~", "delete": "-", "same": "="}[change.kind]
    if change.kind == "add":
        detail = f"new, {_format_count(len(_lines(change.new)))}"
    elif change.kind == "delete":
        detail = f"deleted, {_format_count(len(_lines(change.old)))}"
    elif change.kind == "modify":
        added, removed = count_lines(change)
        detail = f"+{added} -{removed}"
    else:
        detail = "unchanged"
    note = f"; {change.note}" if change.note else ""
    return f"{mark} {escape_unprintable(change.path)} ({detail}{note})"


def _format_count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def render_plain(plan: Plan, colour: bool = False, *, show_diff: bool = True) -> str:
    """Return the plan as text: files, what follows from them, what forbids a commit, steps, diffs.

    Without `colour` the text contains no escape sequence. The merge base is shown in one line.
    """
    shown = [change for change in plan.changes if not change.is_base]
    lines = list(_files(shown, colour))
    bookkeeping = sum(change.is_base and change.differs for change in plan.changes)
    if bookkeeping:
        files = "1 file" if bookkeeping == 1 else f"{bookkeeping} files"
        lines.append(f"  and {files} of the merge base in .airflow-wizard/")
    lines += _section("Consequences", (str(one) for one in plan.consequences))
    lines += _section("Needs an answer", _conflicts(plan.conflicts))
    lines += _section("Refused", plan.missing_evidence)
    lines += _section("Checks", (str(finding) for finding in plan.findings))
    lines += _section("Warnings", plan.warnings)
    lines += _section("Live steps", (f"{step.title} [{step.owner}]" for step in plan.next_steps))
    if show_diff:
        for change in shown:
            if change.differs:
                lines += ["", *(_paint(line, colour) for line in diff_change(change))]
    return "\n".join(lines) + "\n"


def _files(shown: Sequence[FileChange], colour: bool) -> Iterator[str]:
    kinds: dict[str, LineKind] = {"add": "add", "delete": "del"}
    listed = [change for change in shown if change.differs or change.note]
    for change in listed:
        line = DiffLine(kinds.get(change.kind, "context"), summarize_change(change))
        yield _paint(line, colour)
    if not any(change.differs for change in shown):
        yield "No file changes."


def _conflicts(conflicts: Iterable[Conflict]) -> Iterator[str]:
    for one in conflicts:
        yield f"{one.path}: {one.reason}"
        if one.has_values:
            for title, text in list_versions(one):
                yield f"    {title}: {text}" if "\n" not in text else f"    {title}:"
                if "\n" in text:
                    yield "\n".join(f"      {line}" for line in text.rstrip("\n").split("\n"))
        if one.hint:
            yield f"  -> {one.hint}"


def list_versions(conflict: Conflict) -> list[tuple[str, str]]:
    """Return the three versions of a place in conflict, each with its title."""
    texts = (conflict.base, conflict.mine, conflict.new)
    titles = ("written last", "by hand", "from the answers")
    return [
        (title, "(nothing)" if text is None else text)
        for title, text in zip(titles, texts, strict=True)
    ]


def _section(title: str, entries: Iterable[str]) -> list[str]:
    lines = [f"  {escape_unprintable(line)}" for entry in entries for line in entry.split("\n")]
    return ["", f"{title}:", *lines] if lines else []


def _paint(line: DiffLine, colour: bool) -> str:
    start = _COLOURS[line.kind] if colour else ""
    return f"{start}{line.text}{_RESET}" if start else line.text

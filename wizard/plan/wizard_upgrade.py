"""Keeps what a newer wizard renders differently apart from what other answers change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard import __version__
from wizard.git.changes import FileChange, name_kind


def explain_upgrade(version: str, earlier: Sequence[FileChange] | None) -> str:
    """Return the sentence for the plan; `earlier` are the changes of a commit of their own."""
    start = f"Airflow Wizard {version} wrote this installation"
    if earlier is None:
        return f"{start}, so this contains what version {__version__} renders differently"
    count = sum(one.is_shown for one in earlier)
    files = "one file" if count == 1 else f"{count} files"
    return (
        f"{start}: what version {__version__} renders differently, in {files}, becomes a commit "
        "of its own first"
    )


def subtract_changes(
    changes: Sequence[FileChange], earlier: Sequence[FileChange]
) -> Iterator[FileChange]:
    """Yield the changes that remain once `earlier` is committed; both start from the same files.

    The result of both commits is that of `changes` alone.
    """
    written = {one.path: one for one in earlier if one.differs}
    for change in changes:
        before = written.pop(change.path, None)
        if before is None:
            yield change
        elif before.new is not None or change.new is not None:
            kind = name_kind(before.new, change.new)
            yield FileChange(change.path, change.logical, kind, before.new, change.new, change.note)
    for one in written.values():
        # The answers lead to this file no longer, and nobody else had it.
        if one.new is not None:
            yield FileChange(one.path, one.logical, "delete", one.new, None)

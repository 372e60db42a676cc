"""Keeps what a newer wizard renders differently apart from what other answers change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard import __version__
from wizard.git.changes import ChangeKind, FileChange


def list_rendered(changes: Sequence[FileChange]) -> list[FileChange]:
    """Return the changes that a person sees: without unchanged files and the merge base."""
    return [one for one in changes if one.differs and not one.is_base]


def explain_upgrade(version: str, earlier: Sequence[FileChange] | None) -> str:
    """Return the sentence for the plan; `earlier` are the changes of a commit of their own."""
    start = f"Airflow Wizard {version} wrote this installation"
    if earlier is None:
        return f"{start}, so this contains what version {__version__} renders differently"
    count = len(list_rendered(earlier))
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
            kind = _name_kind(before.new, change.new)
            yield FileChange(change.path, change.logical, kind, before.new, change.new, change.note)
    for one in written.values():
        # The answers lead to this file no longer, and nobody else had it.
        if one.new is not None:
            yield FileChange(one.path, one.logical, "delete", one.new, None)


def _name_kind(old: bytes | None, new: bytes | None) -> ChangeKind:
    if old == new:
        return "same"
    if old is None:
        return "add"
    return "delete" if new is None else "modify"

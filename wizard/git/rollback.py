"""Restores a work tree after an unfinished write."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.errors import ConflictError, RefusedError
from wizard.git import files
from wizard.git.journal import JournalEntry, JournalRecord, WriteJournal
from wizard.git.paths import parent_folders
from wizard.git.trailer import parse_trailer

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

GIT_TIMEOUT = 10.0


@dataclass(frozen=True)
class Recovery:
    """The result of a recovery: the interrupted write was finished as `commit`, or undone.

    `restored` are the files that were restored and read back, `rescued` the paths of copies of
    bytes that somebody wrote after the interruption, and `left` the paths that were not restored.
    """

    commit: str | None = None
    restored: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.commit:
            return f"an interrupted run had committed: {self.commit[:12]}"
        lines = [f"an interrupted write was undone ({len(self.restored)} files restored)"]
        lines += [
            f"  {path}: not restored, because it was changed since; compare it with "
            f"`git diff HEAD -- {path}`"
            for path in self.left
        ]
        lines += [f"  the later content of this file was saved as {path}" for path in self.rescued]
        return "\n".join(lines)


def recover_locked(repo: WorkTree) -> Recovery | None:
    """Finish or undo an interrupted write; the caller must hold the lock."""
    journal = WriteJournal.load(repo.git_dir)
    if journal is None:
        WriteJournal.sweep(repo.git_dir)
        return None
    _wait_for_git(repo, journal.record)
    repo.refresh()
    commit = find_interrupted_commit(repo, journal.record)
    if commit:
        remove_empty_folders(repo, journal.record)
        journal.close()
        return Recovery(commit=commit)
    return roll_back(repo, journal, later=True)


def find_interrupted_commit(repo: WorkTree, record: JournalRecord) -> str | None:
    """Return the commit of an interrupted write, None if the write did not commit.

    The commit is the first one after the starting commit and has the message of the write. The user
    may have added commits on top of it.
    """
    if record.message is None:
        return None
    branch = f"refs/heads/{record.branch or record.ref}"
    span = [branch, f"^{record.head}"] if record.head else [branch]
    listed = repo.git.read("rev-list", "--first-parent", "--parents", *span, ok=(0, 128))
    lines = listed.text.splitlines()
    if listed.code or not lines:
        return None
    commit, *above = lines[-1].split()
    if above[:1] != ([record.head] if record.head else []):
        return None
    found = repo.objects([commit])[0]
    text = found[1].partition(b"\n\n")[2].decode("utf-8", "replace") if found else ""
    digest = parse_trailer(record.message)
    same = parse_trailer(text) == digest if digest else text.strip() == record.message.strip()
    return commit if same else None


def remove_empty_folders(repo: WorkTree, record: JournalRecord) -> None:
    """Remove the folders that are empty after files were deleted."""
    gone = [entry.path for entry in record.entries if entry.new is None]
    folders = {folder for path in gone for folder in parent_folders(path)}
    for folder in sorted(folders, key=len, reverse=True):
        if folder.startswith(repo.path_prefix) and folder != repo.prefix:
            files.delete_empty_folder(repo.root, folder)


def roll_back(repo: WorkTree, journal: WriteJournal, *, later: bool) -> Recovery:
    """Restore files, folders, index and branch, and close the journal; may be repeated.

    `later` is true in a run after the interrupted run: changes that others made since are kept.
    """
    record = journal.record
    for entry in record.entries:
        _discard_temporary(repo, entry, record)
    restored: list[str] = []
    rescued: list[str] = []
    left: list[str] = []
    theirs = set(_find_later_commits(repo, record)) if later else set()
    for entry in record.entries:
        shown = entry.path.removeprefix(repo.path_prefix)
        try:
            done = entry.path not in theirs and _restore(repo, journal, entry, rescued, later=later)
        except (RefusedError, OSError):
            _discard_temporary(repo, entry, record)
            left.append(shown)
            continue
        if entry.path in theirs:
            left.append(shown)
        elif done:
            restored.append(shown)
    for folder in sorted(record.folders, key=len, reverse=True):
        files.delete_empty_folder(repo.root, folder)
    _forget(repo, record, theirs)
    _leave_branch(repo, record)
    journal.close()
    return Recovery(None, tuple(restored), tuple(rescued), tuple(left))


def _discard_temporary(repo: WorkTree, entry: JournalEntry, record: JournalRecord) -> None:
    folder = entry.path.rpartition("/")[0]
    with suppress(RefusedError, OSError):
        files.delete_file(repo.root, f"{folder}/{record.temporary(entry.path)}".lstrip("/"))


def _find_later_commits(repo: WorkTree, record: JournalRecord) -> Iterator[str]:
    """Yield paths that somebody committed after the interruption; they are not restored."""
    if record.message is None or repo.head.commit in {None, record.head}:
        return
    paths = [entry.path for entry in record.entries]
    now = repo.with_prefix("").read_many(paths, repo.head.commit)
    before = (
        repo.with_prefix("").read_many(paths, record.head) if record.head else dict.fromkeys(paths)
    )
    yield from (path for path in paths if now[path] != before[path])


def _restore(
    repo: WorkTree, journal: WriteJournal, entry: JournalEntry, rescued: list[str], *, later: bool
) -> bool:
    """Restore one file; return whether it had to be. RefusedError if it is not as before then."""
    try:
        found = files.read_file(repo.root, entry.path)
    except RefusedError:
        if later:
            raise
        # During the write, a hook put a link or folder there. Replacing a link never follows it.
        found = (b"", -1)
    now = hashlib.sha256(found[0]).hexdigest() if found else None
    if (now, found[1] if found else None) == (entry.old, entry.mode):
        return False
    if later and now == entry.old:
        return False
    if later and found and now != entry.new:
        rescued.append(str(journal.rescue(entry.path, found[0])))
    if entry.old is None:
        files.delete_file(repo.root, entry.path)
    else:
        temporary = journal.record.temporary(entry.path)
        files.stage_file(repo.root, entry.path, journal.original(entry), entry.mode, temporary)
        files.replace_file(repo.root, entry.path, temporary)
    restored = files.read_file(repo.root, entry.path)
    if (hashlib.sha256(restored[0]).hexdigest() if restored else None) != entry.old:
        raise RefusedError(f"{entry.path}: was changed while it was restored")
    return True


def _forget(repo: WorkTree, record: JournalRecord, theirs: set[str]) -> None:
    """Remove paths from the index that only the interrupted write added."""
    paths = [path for path in record.unknown if path not in theirs]
    if paths and repo.index(paths):
        stdin = b"".join(path.encode() + b"\0" for path in paths)
        repo.git.plumb("update-index", "--force-remove", "-z", "--stdin", stdin=stdin)


def _leave_branch(repo: WorkTree, record: JournalRecord) -> None:
    if record.branch is None or record.head is None:
        return
    repo.refresh()
    if repo.head.branch == record.branch and repo.head.commit == record.head:
        back = f"refs/heads/{record.ref}"
        if record.ref:
            repo.git.plumb("symbolic-ref", "-m", "Airflow Wizard: back", "HEAD", back)
        else:
            repo.git.plumb("update-ref", "--no-deref", "HEAD", record.head)
    repo.refresh()
    if record.made_branch and repo.head.branch != record.branch:
        name = f"refs/heads/{record.branch}"
        if repo.resolve(record.branch) == record.head:
            repo.git.plumb("update-ref", "-d", name, record.head)


# Leftovers of a killed git process


def _wait_for_git(repo: WorkTree, record: JournalRecord) -> None:
    """Wait for the interrupted run's git to end, then delete lock files that a killed git left."""
    deadline = time.monotonic() + GIT_TIMEOUT
    while record.pid and _is_git_in(repo.root, record.pid):
        if time.monotonic() > deadline:
            raise ConflictError(
                f"git of an interrupted run is still running (process {record.pid})",
                "wait until it is done, or stop it, then run the same command again",
            )
        time.sleep(0.05)
    while locks := list(_find_stale_locks(repo, record)):
        busy = _find_running_git(repo.root)
        if not busy:
            for lock in locks:
                lock.unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise ConflictError(
                f"another git command is running in {repo.root} (process {busy})",
                f"wait until it is done; if no git runs, delete {locks[0]}",
            )
        time.sleep(0.05)


def _find_stale_locks(repo: WorkTree, record: JournalRecord) -> Iterator[Path]:
    """Yield lock files of the branch and index that are newer than the interrupted write."""
    names = [repo.git_dir / "index.lock", repo.git_dir / "HEAD.lock"]
    branches = {name for name in (record.ref, record.branch) if name}
    names += [repo.common_dir / "refs" / "heads" / f"{name}.lock" for name in sorted(branches)]
    names += sorted(repo.git_dir.glob("next-index-*.lock"))
    for name in names:
        with suppress(FileNotFoundError):
            # File times are less precise than the clock.
            if name.lstat().st_mtime > record.started - 2:
                yield name


def _find_running_git(root: Path) -> int | None:
    """Return the process id of a git command in this work tree, None if there is none."""
    return next((pid for pid in _processes() if _is_git_in(root, pid)), None)


def _processes() -> list[int]:
    with suppress(OSError):
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return []


def _is_git_in(root: Path, pid: int) -> bool:
    """Return whether this process is a git command in the work tree (a dead process has no folder).

    On systems without /proc, return whether the process is alive.
    """
    if not Path("/proc/self").exists():
        with suppress(OSError):
            os.kill(pid, 0)
            return True
        return False
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        folder = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False
    return name == "git" and folder.is_relative_to(root)

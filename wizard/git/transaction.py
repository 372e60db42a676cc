"""Writes to a work tree: completely or not at all, even if interrupted.

New bytes are first written to temporary files, so a full disk is noticed before any file changes;
then each file is renamed to its path. A journal (see `wizard.git.journal`) keeps the originals.
After an error, a failed hook or Ctrl-C, everything is restored at once; after a kill or a power
cut, the next run restores it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.git import files
from wizard.git.changes import FileChange, conflict_error
from wizard.git.journal import JournalEntry, JournalRecord, WriteJournal, lock_work_tree
from wizard.git.paths import parent_folders
from wizard.git.preconditions import examine_changes
from wizard.git.rollback import (
    Recovery,
    find_interrupted_commit,
    recover_locked,
    remove_empty_folders,
    roll_back,
)
from wizard.git.snapshot import (
    Snapshot,
    find_differences,
    find_side_effects,
    find_unplanned_changes,
    take_snapshot,
)

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree


UNCHANGED = "nothing was changed"


@dataclass(frozen=True)
class WriteResult:
    """The result of a write: `commit` is None if nothing was committed.

    `altered` has one sentence for each change by a hook; `recovered` is the recovery of an earlier,
    interrupted write.
    """

    paths: tuple[str, ...]
    commit: str | None = None
    branch: str = ""
    altered: tuple[str, ...] = ()
    output: str = ""
    recovered: Recovery | None = None

    def require_unaltered(self) -> None:
        """Raise ConflictError if hooks changed something: the commit differs from the plan.

        The commit already exists; call this before a push.
        """
        if self.altered:
            raise ConflictError(
                "\n".join(
                    ["hooks changed what was committed, so it is not pushed:", *self.altered]
                ),
                "check it with `git show`; keep it and push it yourself, or undo it with "
                "`git reset --keep HEAD~1` and exempt these paths from the hook",
            )


def recover_interrupted_write(repo: WorkTree) -> Recovery | None:
    """Finish or undo an interrupted write; None if there is none.

    ConflictError while the git command of that write is still running.
    """
    if not (repo.git_dir / "airflow-wizard" / "journal").exists():
        return None
    with lock_work_tree(repo.git_dir):
        return recover_locked(repo)


def write_changes(repo: WorkTree, changes: Sequence[FileChange]) -> WriteResult:
    """Write the changes to the work tree, without touching the index or any branch.

    Raises RefusedError for unsafe paths, ConflictError for files that differ from the plan, and
    WizardError if writing fails; in each case the work tree is unchanged.
    """
    todo = [change for change in changes if change.differs]
    with lock_work_tree(repo.git_dir):
        recovered = recover_locked(repo)
        _require_clear(repo, changes, commit=False)
        if todo:
            before = take_snapshot(repo, _full_paths(repo, changes), refs=False)
            _transaction(repo, todo, before, None, None, terminal=False)
    return WriteResult(tuple(change.path for change in todo), recovered=recovered)


def commit_changes(
    repo: WorkTree,
    changes: Sequence[FileChange],
    message: str,
    *,
    target: str | None = None,
    branch: str | None = None,
    terminal: bool = False,
) -> WriteResult:
    """Write the changes and commit only these, even if other files are staged or edited.

    Commits on `target` (HEAD must be there), or on the work branch `branch` created from it. The
    user's hooks and signing run, and may prompt on the terminal if `terminal`. Raises UsageError if
    HEAD is elsewhere, RefusedError for unsafe paths, ConflictError for files that differ from the
    plan, and WizardError if a hook refuses or writing fails. In each case nothing is changed.
    """
    todo = [change for change in changes if change.differs]
    with lock_work_tree(repo.git_dir):
        recovered = recover_locked(repo)
        repo.refresh()
        repo.require_idle()
        repo.require_branch(target or repo.head.branch, branch)
        _require_clear(repo, changes, commit=True)
        if not todo:
            return WriteResult((), branch=repo.head.branch, recovered=recovered)
        repo.author()
        start = repo.head.commit
        if branch:
            branch = repo.branch_ref(branch).removeprefix("refs/heads/")
        before = take_snapshot(repo, _full_paths(repo, changes), refs=True)
        output = _transaction(repo, todo, before, message, branch, terminal=terminal)
        repo.refresh()
        altered = find_unplanned_changes(repo, todo, message, start)
        altered += find_side_effects(repo, todo, before, branch)
        return WriteResult(
            tuple(change.path for change in todo),
            commit=repo.head.commit,
            branch=repo.head.branch,
            altered=tuple(altered),
            output=output,
            recovered=recovered,
        )


def _require_clear(repo: WorkTree, changes: Sequence[FileChange], *, commit: bool) -> None:
    verdict = examine_changes(repo, changes, commit=commit)
    verdict.require_safe()
    if verdict.conflicts:
        raise conflict_error(verdict.conflicts)


def _full_paths(repo: WorkTree, changes: Sequence[FileChange]) -> list[str]:
    return [repo.full_path(change.path) for change in changes]


class _StoppedError(WizardError):
    """A write that failed; `tell` returns the error for a sentence on what is left of it."""

    def __init__(self, tell: Callable[[str], WizardError]) -> None:
        told = tell(UNCHANGED)
        super().__init__(told.message, told.hint)
        self.tell = tell


def _transaction(
    repo: WorkTree,
    todo: Sequence[FileChange],
    before: Snapshot,
    message: str | None,
    branch: str | None,
    *,
    terminal: bool,
) -> str:
    """Write the changes, and commit if there is a message, all or nothing; return git's output."""
    journal = _begin(repo, todo, message, branch)
    output = ""
    try:
        _put(repo, todo, journal)
        if message is not None:
            _enter_branch(repo, journal)
            _add(repo, todo, journal, before.index or {})
            output = _commit(repo, todo, journal, terminal=terminal)
    except BaseException as error:
        made = find_interrupted_commit(repo, journal.record) if message is not None else None
        if made:
            _finish(repo, journal)
            if isinstance(error, _StoppedError):
                raise error.tell(f"the commit was made all the same ({made[:12]})") from None
            raise
        _undo(repo, journal, before, error)
        raise
    _finish(repo, journal)
    return output


def _begin(
    repo: WorkTree, todo: Sequence[FileChange], message: str | None, branch: str | None
) -> WriteJournal:
    import secrets
    import time

    entries: list[JournalEntry] = []
    originals: list[bytes | None] = []
    folders: set[str] = set()
    for change in todo:
        full = repo.full_path(change.path)
        found = files.read_file(repo.root, full)
        data, mode = found or (None, None)
        entries.append(JournalEntry(full, mode, hash_contents(data), hash_contents(change.new)))
        originals.append(data)
        folders.update(parent_folders(full))
    record = JournalRecord(
        token=secrets.token_hex(4),
        started=time.time(),
        entries=tuple(entries),
        folders=tuple(sorted(files.find_missing_folders(repo.root, sorted(folders)))),
        head=repo.head.commit if message is not None else None,
        ref=repo.head.branch if message is not None else "",
        branch=branch if branch != repo.head.branch else None,
        message=message,
    )
    try:
        return WriteJournal.begin(repo.git_dir, record, originals)
    except OSError as error:
        raise _write_error(str(repo.git_dir), error) from None


def hash_contents(data: bytes | None) -> str | None:
    """Return the hash of a file's contents for the journal; None if there is no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def _put(repo: WorkTree, todo: Sequence[FileChange], journal: WriteJournal) -> None:
    temporary = journal.record.temporary
    pairs = list(zip(todo, journal.record.entries, strict=True))
    path = ""
    try:
        for change, entry in pairs:
            path = change.path
            if change.new is not None:
                files.stage_file(
                    repo.root, entry.path, change.new, entry.mode, temporary(entry.path)
                )
        for change, entry in pairs:
            path = change.path
            if change.new is None:
                files.delete_file(repo.root, entry.path)
            else:
                files.replace_file(repo.root, entry.path, temporary(entry.path))
    except OSError as error:
        raise _StoppedError(partial(_write_error, path, error)) from error


def _write_error(path: str, error: OSError, state: str = UNCHANGED) -> WizardError:
    return WizardError(
        f"{path}: could not be written: {error.strerror}; {state}",
        "free disk space or permit writing there, then run the same command again",
    )


def _enter_branch(repo: WorkTree, journal: WriteJournal) -> None:
    """Point HEAD to the work branch, which is at the same commit, so no file changes."""
    record = journal.record
    if record.branch is None or record.head is None:
        return
    name = f"refs/heads/{record.branch}"
    if repo.resolve(record.branch) is None:
        journal.update_record(made_branch=True)
        repo.git.plumb("update-ref", name, record.head, "0" * len(record.head))
    repo.git.plumb("symbolic-ref", "-m", "Airflow Wizard: work branch", "HEAD", name)


def _add(
    repo: WorkTree, todo: Sequence[FileChange], journal: WriteJournal, known: Mapping[str, str]
) -> None:
    """Add new paths to the index; the commit itself adds their contents.

    `known` is what the index had before the write.
    """
    new = [repo.full_path(change.path) for change in todo if change.new is not None]
    unknown = [path for path in new if path not in known]
    if not unknown:
        return
    journal.update_record(unknown=tuple(unknown))
    done = repo.git.act(
        "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul",
        stdin=_pathspecs(unknown), started=partial(_record_process, journal),
    )  # fmt: skip
    if done.code:
        raise _StoppedError(done.error)


def _record_process(journal: WriteJournal, pid: int) -> None:
    """Save the process id of the running git; an error stops git before it commits."""
    try:
        journal.update_record(pid=pid)
    except RefusedError as error:
        said = error.message
        hint = f"a hook may have put it there: {error.hint}, then run the same command again"
        raise _StoppedError(
            lambda state: WizardError(f"the commit was refused; {state}:\n{said}", hint)
        ) from None


def _pathspecs(full_paths: Sequence[str]) -> bytes:
    return b"".join(b":(top,literal)" + path.encode() + b"\0" for path in full_paths)


def _commit(
    repo: WorkTree, todo: Sequence[FileChange], journal: WriteJournal, *, terminal: bool
) -> str:
    """Run `git commit --only` and return its output.

    The message is on standard input, so that git reads it only after the journal has the process
    id. A git process that is orphaned earlier reads an empty message and stops.
    """
    paths = journal.write_scratch(
        "paths", _pathspecs([repo.full_path(change.path) for change in todo])
    )
    done = repo.git.act(
        "commit", "--only", "--quiet", "--no-status", "--cleanup=whitespace", "--file=-",
        f"--pathspec-from-file={paths}", "--pathspec-file-nul",
        stdin=(journal.record.message or "").encode(),
        started=partial(_record_process, journal),
        terminal=terminal,
    )  # fmt: skip
    if done.code:
        output = "\n".join(part for part in (done.err, done.display_text) if part)
        raise _StoppedError(partial(commit_error, repo.git_dir, output))
    return "\n".join(part for part in (done.display_text, done.err) if part)


def _undo(repo: WorkTree, journal: WriteJournal, before: Snapshot, error: BaseException) -> None:
    """Undo the write and compare everything; raises WizardError unless all is as before."""
    first = str(error) or type(error).__name__
    try:
        roll_back(repo, journal, later=False)
        left = find_differences(repo, before)
    except (OSError, WizardError) as second:
        raise WizardError(
            f"{first}\nand the files could not be restored yet: {second}", _undo_hint(journal)
        ) from error
    if not left:
        return
    lines = "\n".join(f"  {line}" for line in left)
    hint = "compare with `git status`; `git restore --staged --worktree -- PATH` restores a file"
    if isinstance(error, _StoppedError):
        told = error.tell("but not everything is as it was before:\n" + lines)
        raise WizardError(told.message, f"{hint}\n{told.hint}".rstrip()) from None
    raise WizardError(
        f"{first}\nthe write was undone, but not everything is as it was before:\n{lines}", hint
    ) from error


def _undo_hint(journal: WriteJournal) -> str:
    try:
        journal.repair()
    except (OSError, WizardError):
        return "the journal is lost: restore the files with `git restore -- PATH`"
    return "the originals are safe: the next run of Airflow Wizard restores them from its journal"


def _finish(repo: WorkTree, journal: WriteJournal) -> None:
    remove_empty_folders(repo, journal.record)
    journal.close()


_DISK_FULL_MESSAGES = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_MIN_FREE_BYTES = 64 * 1024


def commit_error(git_dir: Path, output: str, state: str = UNCHANGED) -> WizardError:
    """Return the error for a failed `git commit` with this output; `state` says what is left.

    git's messages may be translated, so free disk space is checked as well.
    """
    if any(words in output for words in _DISK_FULL_MESSAGES) or _is_full(git_dir):
        details = f":\n{output}" if output else ""
        return WizardError(
            f"git could not commit: no disk space left in {git_dir} or where git and "
            f"its hooks put files; {state}{details}",
            "free disk space, then run the same command again",
        )
    return WizardError(
        f"git commit was refused; {state}:\n{output or 'it gave no reason'}",
        "a hook or the signing key stopped it: fix the reported problem, then run the same "
        "command again",
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _MIN_FREE_BYTES
    except OSError:
        return False

"""The journal of a running write, which can restore everything after an interruption.

The journal is in the Git folder (`airflow-wizard/journal`, readable only by its owner), never in
the work tree. The file `state.json` marks an unfinished write: it is created after all originals
are saved, and is the first file to be deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from wizard.errors import ConflictError, RefusedError, WizardError

_VERSION = 1
_TRIES = 5


@dataclass(frozen=True)
class JournalEntry:
    """One file: its permission bits before (None: it did not exist), and its new content.

    `new` is the sha256 of the new bytes (None: the file is deleted); `old` is that of the old bytes
    (None: the file did not exist).
    """

    path: str
    mode: int | None
    old: str | None
    new: str | None


@dataclass(frozen=True)
class JournalRecord:
    """The starting point of one write.

    `head` and `ref` are the commit and branch at the start, `branch` the work branch that the
    write creates, `message` the commit message (None: write files only), `unknown` the paths that
    are not in the index, `folders` the missing folders, and `pid` the running git process.
    """

    token: str
    started: float
    entries: tuple[JournalEntry, ...]
    folders: tuple[str, ...] = ()
    head: str | None = None
    ref: str = ""
    branch: str | None = None
    made_branch: bool = False
    message: str | None = None
    unknown: tuple[str, ...] = ()
    pid: int | None = None

    def temporary(self, path: str) -> str:
        """Return the temporary name of a path's new bytes, in the same folder."""
        place = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return f".airflow-wizard-{self.token}-{place}.tmp"


class WriteJournal:
    """The record on disk, and the original bytes of the files."""

    def __init__(
        self, place: Path, record: JournalRecord, originals: Sequence[bytes | None] | None = None
    ) -> None:
        self._place = place
        self.record = record
        # In the run that writes, memory holds the originals too: a hook may delete the folder.
        self._originals = originals

    @classmethod
    def begin(
        cls, git_folder: Path, record: JournalRecord, originals: Sequence[bytes | None]
    ) -> WriteJournal:
        """Save the record and the original of each entry; after that, the write may start."""
        journal = cls(private_folder(git_folder) / "journal", record, originals)
        journal._create()
        return journal

    def _create(self) -> None:
        private_folder(self._place.parent.parent)
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(mode=0o700)
        try:
            for number, data in enumerate(self._originals or ()):
                if data is not None:
                    _write(self._place / f"{number}.old", data)
            self._save()
        except BaseException:
            shutil.rmtree(self._place, ignore_errors=True)
            raise

    def repair(self) -> None:
        """Write the journal again if something deleted or changed it during the write."""
        if self._originals is None:
            return
        kept = (self._read_original(number) for number in range(len(self._originals)))
        if not (self._place / "state.json").is_file() or list(kept) != list(self._originals):
            self._create()

    @classmethod
    def load(cls, git_folder: Path) -> WriteJournal | None:
        """Return the journal of an interrupted write, or None; ConflictError if unreadable."""
        place = git_folder / "airflow-wizard" / "journal"
        try:
            data = (place / "state.json").read_bytes()
        except FileNotFoundError:
            return None
        try:
            fields: dict[str, Any] = json.loads(data)
            if fields.pop("version") != _VERSION:
                raise ValueError
            fields["entries"] = tuple(JournalEntry(**entry) for entry in fields["entries"])
            fields["folders"] = tuple(fields["folders"])
            fields["unknown"] = tuple(fields["unknown"])
            return cls(place, JournalRecord(**fields))
        except (ValueError, TypeError, KeyError):
            raise ConflictError(
                f"{place}: the journal of an interrupted write cannot be read",
                "finish with the version of Airflow Wizard that wrote it; or, if `git status` "
                "shows the state that you want, delete that folder",
            ) from None

    @staticmethod
    def sweep(git_folder: Path) -> None:
        """Remove leftovers of a run that was killed just before or after its write."""
        place = git_folder / "airflow-wizard" / "journal"
        if not (place / "state.json").exists():
            shutil.rmtree(place, ignore_errors=True)

    def update_record(self, **fields: Any) -> None:
        """Add the next operation to the record, and sync it to disk."""
        self.record = replace(self.record, **fields)
        for _ in range(_TRIES - 1):
            # A hook may delete the folder while this writes into it, or write while this deletes.
            with suppress(FileNotFoundError, NotADirectoryError, FileExistsError):
                self.repair()
                self._save()
                return
        self.repair()
        self._save()

    def original(self, entry: JournalEntry) -> bytes:
        """Return the original bytes of a file; RefusedError if they are lost or were changed."""
        number = self.record.entries.index(entry)
        data = self._read_original(number) if self._originals is None else self._originals[number]
        if data is None or hashlib.sha256(data).hexdigest() != entry.old:
            raise RefusedError(f"{entry.path}: its original is not in the journal any more")
        return data

    def _read_original(self, number: int) -> bytes | None:
        try:
            return (self._place / f"{number}.old").read_bytes()
        except OSError:
            return None

    def close(self) -> None:
        """Delete the journal, if it still exists: the write is finished or undone."""
        if self._place.parent.is_symlink():
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            (self._place / "state.json").unlink(missing_ok=True)
            _sync(self._place)
        shutil.rmtree(self._place, ignore_errors=True)

    def write_scratch(self, name: str, data: bytes) -> Path:
        """Write a file that is deleted with the journal; for data too long for a command line."""
        self.repair()
        path = self._place / name
        path.unlink(missing_ok=True)
        _write(path, data)
        return path

    def rescue(self, path: str, data: bytes) -> Path:
        """Save bytes that somebody wrote after the interruption, before the file is restored."""
        folder = self._place.parent / "rescued" / self.record.token
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = folder / path.replace("%", "%25").replace("/", "%2F")
        if not kept.exists() or kept.read_bytes() != data:
            kept.unlink(missing_ok=True)
            _write(kept, data)
        return kept

    def _save(self) -> None:
        data = json.dumps({"version": _VERSION, **asdict(self.record)}).encode()
        fresh = self._place / "state.new"
        fresh.unlink(missing_ok=True)
        _write(fresh, data)
        fresh.rename(self._place / "state.json")
        _sync(self._place)


def private_folder(git_folder: Path) -> Path:
    """Return the wizard's folder in the Git folder, created if needed; RefusedError for a link."""
    folder = git_folder / "airflow-wizard"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or not folder.is_dir():
        raise RefusedError(f"{folder}: is not a folder", "move it away")
    return folder


@contextmanager
def lock_work_tree(git_folder: Path) -> Iterator[None]:
    """Lock a work tree, so that only one run writes to it; ConflictError while it is locked.

    The lock is released when the process ends, for whatever reason.
    """
    import fcntl

    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(private_folder(git_folder) / "lock", flags, 0o600)
    except OSError as error:
        raise WizardError(f"{git_folder}: cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "another Airflow Wizard is writing to this work tree", "wait until it is done"
            ) from None
        yield
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

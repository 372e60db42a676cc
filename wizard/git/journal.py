"""The record of a write under way: enough to put everything back, whatever interrupts it.

It lies in the Git folder (`airflow-wizard/journal`, readable by its owner alone), never in the
work tree. The file `state.json` is the switch: while it exists, a write is unfinished; its
originals are complete before it appears, and it is the first thing to go.
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


@dataclass(frozen=True)
class JournalEntry:
    """One file: its permission bits before (None: it did not exist), and what it becomes.

    `new` is the sha256 of the new bytes, None when the file is deleted; `old` likewise.
    """

    path: str
    mode: int | None
    old: str | None
    new: str | None


@dataclass(frozen=True)
class JournalRecord:
    """What one write sets out from.

    `head` and `ref` are the commit and branch it starts on, `branch` the work branch it makes,
    `message` what it commits with (None: files only), `unknown` the paths the index did not have,
    `folders` those that did not exist, `pid` the git process under way.
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
        """The name the new bytes of a path have beside their place until all are written."""
        place = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return f".airflow-wizard-{self.token}-{place}.tmp"


class WriteJournal:
    """The record on disk, and the original bytes beside it."""

    def __init__(self, place: Path, record: JournalRecord) -> None:
        self._place = place
        self.record = record

    @classmethod
    def begin(
        cls, git_folder: Path, record: JournalRecord, originals: Sequence[bytes | None]
    ) -> WriteJournal:
        """Write the record and the originals, one for each entry; from here a write may start."""
        place = private_folder(git_folder) / "journal"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        try:
            for number, data in enumerate(originals):
                if data is not None:
                    _write(place / f"{number}.old", data)
            journal = cls(place, record)
            journal._save()
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return journal

    @classmethod
    def load(cls, git_folder: Path) -> WriteJournal | None:
        """The journal of an interrupted write, None when none was; ConflictError if unreadable."""
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
                "finish with the version of Airflow Wizard that wrote it; or, once `git status` "
                "shows what you want, delete that folder",
            ) from None

    @staticmethod
    def sweep(git_folder: Path) -> None:
        """Remove what a run left that was killed just before or after its write."""
        place = git_folder / "airflow-wizard" / "journal"
        if not (place / "state.json").exists():
            shutil.rmtree(place, ignore_errors=True)

    def update_record(self, **fields: Any) -> None:
        """Add to the record what is about to happen, on disk before this returns."""
        self.record = replace(self.record, **fields)
        self._save()

    def original(self, entry: JournalEntry) -> bytes:
        """The bytes a file had."""
        number = self.record.entries.index(entry)
        return (self._place / f"{number}.old").read_bytes()

    def close(self) -> None:
        """The write is finished or undone; nothing is left of it."""
        (self._place / "state.json").unlink(missing_ok=True)
        _sync(self._place)
        shutil.rmtree(self._place, ignore_errors=True)

    def write_scratch(self, name: str, data: bytes) -> Path:
        """A file that lives as long as the journal, for what is too long for a command line."""
        path = self._place / name
        path.unlink(missing_ok=True)
        _write(path, data)
        return path

    def rescue(self, path: str, data: bytes) -> Path:
        """Keep bytes that somebody wrote after the interruption before the original comes back."""
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
    """The wizard's own folder in the Git folder, made if need be; RefusedError for a link."""
    folder = git_folder / "airflow-wizard"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or not folder.is_dir():
        raise RefusedError(f"{folder}: is not a folder", "move it away")
    return folder


@contextmanager
def lock_work_tree(git_folder: Path) -> Iterator[None]:
    """Only one run writes to a work tree at a time; ConflictError while another one does.

    The lock goes with the process, however it ends.
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

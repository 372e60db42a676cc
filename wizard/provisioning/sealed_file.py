"""The hand-off file: values for the store, for somebody with write access to it.

Its payload is JSON, sealed with age (`wizard.clients.age`). The file names its installation and
the path in the store, so the values cannot be written elsewhere. This machine records the hand-off
without values, because values that were generated once are not generated again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from pydantic import SecretStr

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.formats.input_files import read_input_file
from wizard.formats.terminal import escape_unprintable
from wizard.state.memory import StateFile

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.git.repository import WorkTree
    from wizard.secrets.payload import PayloadPlace

KIND = "airflow-wizard hand-off"
_SCHEMA = 1
_MAX_FILE = 1 << 20
# Errors of file systems without hard links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_MADE_BY = "give the file that `airflow-wizard secrets --hand-off` wrote"


@dataclass(frozen=True)
class HandOff:
    """The content of a hand-off file: values by fact, for one path and one installation."""

    installation: str
    place: Mapping[str, str]
    values: Mapping[str, SecretStr] = field(repr=False)
    generated: tuple[str, ...] = ()

    def dump_payload(self) -> bytes:
        """Return the unencrypted payload; use it only as input for sealing."""
        document = {
            "kind": KIND,
            "schema": _SCHEMA,
            "installation": self.installation,
            "store": dict(self.place),
            "generated": list(self.generated),
            "values": {key: value.get_secret_value() for key, value in self.values.items()},
        }
        return json.dumps(document, indent=1).encode()

    def require_target(self, installation: str, place: Mapping[str, str]) -> None:
        """Raise RefusedError when the file is for another installation or path."""
        if self.installation != installation:
            raise RefusedError(
                f"the file is for installation {self.installation}, not for {installation}",
                f"add --installation {self.installation}",
            )
        different = [
            f"{name} {self.place.get(name) or 'none'}, but the answers have {value or 'none'}"
            for name, value in place.items()
            if self.place.get(name) != value
        ]
        if different:
            raise RefusedError(
                f"the file is for a different place: {'; '.join(different)}",
                "change the answers back, or ask for a new file (--new-hand-off)",
            )


def store_location(settings: PayloadPlace, *others: PayloadPlace) -> dict[str, str]:
    """Return the place in the store, for the file and messages; `others` are further paths."""
    return settings.location() | {f"path for {store.reader}": store.path for store in others}


def parse_hand_off(text: SecretStr, name: str) -> HandOff:
    """Parse the payload of an opened file.

    Raises RefusedError, without quoting the text, when it is not a hand-off.
    """
    try:
        data: Any = json.loads(text.get_secret_value())
    except ValueError:
        data = None
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise RefusedError(f"{name} is not a hand-off of Airflow Wizard", _MADE_BY)
    if data.get("schema") != _SCHEMA:
        raise RefusedError(f"{name} was written by a newer version", "update airflow-wizard")
    store, values, made = data.get("store"), data.get("values"), data.get("generated")
    name_of = data.get("installation")
    if not (
        _is_text_mapping(store) and _is_text_mapping(values) and isinstance(made, list)
    ) or not (isinstance(name_of, str) and values):
        raise RefusedError(f"{name} is damaged: a part is missing", _MADE_BY)
    return HandOff(
        escape_unprintable(name_of),
        {escape_unprintable(key): escape_unprintable(value) for key, value in store.items()},
        {escape_unprintable(key): SecretStr(value) for key, value in values.items()},
        tuple(escape_unprintable(str(key)) for key in made),
    )


def _is_text_mapping(found: object) -> TypeGuard[Mapping[str, str]]:
    return isinstance(found, Mapping) and all(
        isinstance(part, str) for item in found.items() for part in item
    )


def checksum(data: bytes) -> str:
    """Return the checksum for both sides to compare: age does not authenticate the sender."""
    import hashlib

    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- the file


def resolve_new_file(text: str, repository: WorkTree) -> Path:
    """Return the path of the new file. Raises UsageError if it exists or is in a repository."""
    if text == "-":
        raise UsageError(
            "--hand-off cannot write to stdout", "give a file name outside of any repository"
        )
    path = Path(text)
    if os.path.lexists(path):
        raise UsageError(f"--hand-off {path}: exists already", "give another file name")
    try:
        folder = path.parent.resolve(strict=True)
    except OSError as error:
        raise UsageError(
            f"--hand-off {path}: {error.strerror}", "give a file in an existing folder"
        ) from None
    inside = next((one for one in (folder, *folder.parents) if _is_repository(one)), None)
    if inside is None and folder.is_relative_to(repository.root.resolve()):
        inside = repository.root
    if inside is not None:
        raise UsageError(
            f"--hand-off {path}: is in the Git repository {inside}, where it could be committed",
            "give a file outside of any repository",
        )
    return folder / path.name


def _is_repository(folder: Path) -> bool:
    """Return whether the folder is the top of a work tree or a bare repository."""
    bare = all((folder / name).exists() for name in ("HEAD", "objects", "refs"))
    return bare or os.path.lexists(folder / ".git")


def write_new_file(path: Path, data: bytes) -> None:
    """Write the whole file with mode 0600, or nothing. Raises UsageError if that fails."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _link_file(fresh, path, data)
        finally:
            with suppress(FileNotFoundError):
                fresh.unlink()
    except OSError as error:
        raise UsageError(
            f"--hand-off {path}: {error.strerror}", "give another file name; nothing was written"
        ) from None


def _link_file(fresh: Path, path: Path, data: bytes) -> None:
    """Link the file to its name; unlike a rename, this never replaces a newer file."""
    try:
        os.link(fresh, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # For example a USB stick: a truncated age file cannot be opened, so a plain write is safe.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


# --- the record on this machine


@dataclass(frozen=True, slots=True)
class HandOffRecord:
    """A hand-off that was written on this machine: date, file, and the keys generated for it.

    `public` holds the deploy keys' public halves by question; `is_complete` is false while the file
    is being written.
    """

    date: str
    file: str
    checksum: str
    generated: tuple[str, ...]
    public: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def has_file(self) -> bool:
        """Whether the same file still exists at its path."""
        try:
            return checksum(read_input_file(Path(self.file), _MAX_FILE)) == self.checksum
        except OSError:
            return False

    def conflict(self, doing: str) -> ConflictError:
        """Return the error for values that would be generated twice; `doing` ends its message."""
        return ConflictError(
            f"{', '.join(self.generated)}: handed off on {self.date} in {self.file} "
            f"({self.checksum[:19]}); {doing}",
            "have somebody with write access to the store take that file (--take FILE --identity "
            "KEYFILE); if it is lost and was not taken, write a new one: --hand-off FILE "
            "--new-hand-off",
        )


def _memory(repository: WorkTree, installation: str) -> StateFile:
    return StateFile(repository, installation, "handoff")


def load_hand_off_record(repository: WorkTree, installation: str) -> HandOffRecord | None:
    """Return the last hand-off of this machine with generated values; None without one."""
    found = _memory(repository, installation).read()
    texts = [found.get(name) for name in ("date", "file", "checksum")]
    made, public = found.get("generated"), found.get("public")
    if not all(isinstance(text, str) for text in texts) or not isinstance(made, list) or not made:
        return None
    date, file, digest = (str(text) for text in texts)
    note = HandOffRecord(
        date,
        file,
        digest,
        tuple(str(key) for key in made),
        dict(public) if _is_text_mapping(public) else {},
        bool(found.get("whole")),
    )
    # A run that was killed before it wrote the file did not hand off anything.
    return note if note.is_complete or note.has_file else None


def save_hand_off_record(repository: WorkTree, installation: str, note: HandOffRecord) -> bool:
    """Replace the record and return whether that succeeded."""
    return _memory(repository, installation).write(
        {
            "date": note.date,
            "file": note.file,
            "checksum": note.checksum,
            "generated": list(note.generated),
            "public": dict(note.public),
            "whole": note.is_complete,
        }
    )


def require_no_earlier_hand_off(
    repository: WorkTree, installation: str, generated: tuple[str, ...], place: str
) -> None:
    """Raise ConflictError when values to generate for `place` were handed off before."""
    note = load_hand_off_record(repository, installation)
    if note is not None and set(note.generated) & set(generated):
        raise note.conflict(f"{place} does not hold them yet, and they are not generated again")

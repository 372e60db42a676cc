"""The hand-off file: values for the store, from somebody who may not write there to one who may.

Its payload is JSON, sealed with age (`wizard.clients.age`); it says for which installation and
which place it is meant, so that nobody puts it elsewhere. What was handed off is remembered on this
machine without a value, for what was generated once is not generated again.
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
from wizard.formats.terminal import escape_unprintable
from wizard.state.memory import StateFile

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.git.repository import WorkTree
    from wizard.manifests.external_secrets import StoreSettings

KIND = "airflow-wizard hand-off"
_SCHEMA = 1
# What file systems without hard links say.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_MADE_BY = "give the file that `airflow-wizard secrets --hand-off` wrote"


@dataclass(frozen=True)
class HandOff:
    """What a file holds: values by fact, for one place of one installation."""

    installation: str
    place: Mapping[str, str]
    values: Mapping[str, SecretStr] = field(repr=False)
    generated: tuple[str, ...] = ()

    def dump_payload(self) -> bytes:
        """The payload as bytes; only to be sealed."""
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
        """Raise RefusedError where it is meant for another installation or place."""
        if self.installation != installation:
            raise RefusedError(
                f"the file is for installation {self.installation}, and this is {installation}",
                f"name it: --installation {self.installation}",
            )
        other = [
            f"{name} {self.place.get(name) or 'none'}, and the answers say {value or 'none'}"
            for name, value in place.items()
            if self.place.get(name) != value
        ]
        if other:
            raise RefusedError(
                f"the file is for another place: {'; '.join(other)}",
                "change the answers back, or have a new file made (--new-hand-off)",
            )


def store_location(settings: StoreSettings, *others: StoreSettings) -> dict[str, str]:
    """The place in the store, as the file and a message name it; `others` are further paths."""
    return settings.location() | {f"path for {store.reader}": store.path for store in others}


def parse_hand_off(text: SecretStr, name: str) -> HandOff:
    """The payload of an opened file; RefusedError, which quotes nothing of it, for what is none."""
    try:
        data: Any = json.loads(text.get_secret_value())
    except ValueError:
        data = None
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise RefusedError(f"{name} holds no hand-off of Airflow Wizard", _MADE_BY)
    if data.get("schema") != _SCHEMA:
        raise RefusedError(f"{name} was made by a newer version", "update airflow-wizard")
    store, values, made = data.get("store"), data.get("values"), data.get("generated")
    name_of = data.get("installation")
    if not (
        _is_text_mapping(store) and _is_text_mapping(values) and isinstance(made, list)
    ) or not (isinstance(name_of, str) and values):
        raise RefusedError(f"{name} is damaged: a part of it is missing", _MADE_BY)
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
    """What both sides can read out to each other: age says who may open it, not who wrote it."""
    import hashlib

    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- the file


def resolve_new_file(given: str, repository: WorkTree) -> Path:
    """Where the file will be; UsageError where one is, or where Git could pick it up."""
    if given == "-":
        raise UsageError("--hand-off writes a file", "give a file name outside of any repository")
    path = Path(given)
    if os.path.lexists(path):
        raise UsageError(f"--hand-off {path}: is there already", "give another file name")
    try:
        folder = path.parent.resolve(strict=True)
    except OSError as error:
        raise UsageError(
            f"--hand-off {path}: {error.strerror}", "give a file in a folder"
        ) from None
    inside = next((one for one in (folder, *folder.parents) if _is_repository(one)), None)
    if inside is None and folder.is_relative_to(repository.root.resolve()):
        inside = repository.root
    if inside is not None:
        raise UsageError(
            f"--hand-off {path}: lies in the Git repository {inside}, where a commit could take it",
            "give a file outside of any repository",
        )
    return folder / path.name


def _is_repository(folder: Path) -> bool:
    """Whether it is the top of a work tree, or a repository's own folder."""
    bare = all((folder / name).exists() for name in ("HEAD", "objects", "refs"))
    return bare or os.path.lexists(folder / ".git")


def write_new_file(path: Path, data: bytes) -> None:
    """All of it for this user alone, or nothing; UsageError where that cannot be."""
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
    """The file under its name; unlike a rename, never in the place of one that came meanwhile."""
    try:
        os.link(fresh, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A stick's file system: whatever is cut off there is no age file that opens.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


# --- what this machine remembers of it


@dataclass(frozen=True, slots=True)
class HandOffRecord:
    """A hand-off that was made here: when, where to, and the keys that were generated for it.

    `public` are the deploy keys' public halves by question; `whole` is false while the file is
    being written.
    """

    date: str
    file: str
    checksum: str
    generated: tuple[str, ...]
    public: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def has_file(self) -> bool:
        """Whether that very file still stands where it was written."""
        try:
            return checksum(Path(self.file).read_bytes()) == self.checksum
        except OSError:
            return False

    def conflict(self, doing: str) -> ConflictError:
        """Why nothing is generated a second time, and what to do."""
        return ConflictError(
            f"{', '.join(self.generated)}: handed off on {self.date} in {self.file} "
            f"({self.checksum[:19]}); {doing}",
            "have somebody who may write to the store take that file (--take FILE --identity "
            "KEYFILE); if it is lost and nobody took it, make a new one: --hand-off FILE "
            "--new-hand-off",
        )


def _memory(repository: WorkTree, installation: str) -> StateFile:
    return StateFile(repository, installation, "handoff")


def load_hand_off_record(repository: WorkTree, installation: str) -> HandOffRecord | None:
    """The last hand-off that was made here with generated values; None without one."""
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
    # One that was killed before its file stood has handed nothing to anybody.
    return note if note.is_complete or note.has_file else None


def save_hand_off_record(repository: WorkTree, installation: str, note: HandOffRecord) -> bool:
    """Keep this one instead; whether that was possible."""
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
    """Raise ConflictError where values that would be generated for `place` were handed off."""
    note = load_hand_off_record(repository, installation)
    if note is not None and set(note.generated) & set(generated):
        raise note.conflict(f"{place} does not hold them yet, and none is generated a second time")

"""Encrypts the values and the Secrets of an installation into files of the work tree.

All files of a run are written in one transaction: after an interruption, the next run has either
the old ones or the new ones. A file whose content and recipients stay the same keeps its bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.clients.vault.protocol import StoredSecret
from wizard.errors import RefusedError, WizardError
from wizard.formats.sops_files import SECRET_REGEX, find_faults, list_recipients
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.git.changes import FileChange, name_kind
from wizard.git.trailer import parse_trailer
from wizard.git.transaction import write_changes
from wizard.manifests.ownership import Ownership
from wizard.manifests.templates import compose_keys
from wizard.secrets.payload import Payload
from wizard.stores.live import Composition
from wizard.stores.sops.settings import VALUES, secret_manifest
from wizard.systems.payload_store import Claim, HiddenPlace, WriteConflictError

if TYPE_CHECKING:
    from wizard.clients.sops import Sops
    from wizard.git.repository import WorkTree
    from wizard.manifests.contribution import EncryptedFile
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.secrets.payload import PayloadPlace

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Update:
    """One file that is to be encrypted: what it holds now and then, and the line that says so."""

    file: EncryptedFile
    old: bytes | None
    content: Content = field(repr=False)
    line: str = ""


@dataclass
class EncryptedFiles:
    """The encrypted files of one installation; also the `wizard.stores.live.OpenStore`.

    `files` has the file with the values first, then that of each of `secrets`.
    """

    sops: Sops
    repository: WorkTree
    release: Release
    files: Sequence[EncryptedFile]
    secrets: Sequence[SecretSpec]
    done: list[str] = field(default_factory=list)
    _known: dict[str, SecretStr] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """Return the program that encrypts."""
        return self.sops.identity

    @property
    def values(self) -> EncryptedFile:
        """Return the file with the values."""
        return next(one for one in self.files if one.logical == VALUES)

    def payload_store(self, settings: PayloadPlace, keys: Sequence[str] = ()) -> ValuesStore:
        """Return the payload store in the file with the values, which has all `keys`."""
        del settings, keys
        return ValuesStore(self)

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return no warning: Git keeps what is committed."""
        del settings
        return ()

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Return no note: the work tree is one's own, and encryption needs no private key."""
        del settings, exists
        return ""

    def read(self, file: EncryptedFile) -> bytes | None:
        """Return a file's bytes on disk; None without one."""
        return self.repository.read_from_disk(file.path)

    def decrypt(self, file: EncryptedFile, data: bytes) -> Content:
        """Return a file's content; one that this run has written needs no private key.

        Raises RefusedError for a file that is malformed or was changed after its encryption.
        """
        seal = hashlib.sha256(data).hexdigest()
        if seal not in self._known:
            require_sound(file, data, self.release.installation)
            self._known[seal] = self.sops.decrypt(data, file.path)
        content = json.loads(self._known[seal].get_secret_value())
        if not isinstance(content, dict):
            raise RefusedError(f"{file.path} holds no mapping", "restore it from Git")
        return content

    def find_updates(self, values: Content) -> Iterator[_Update]:
        """Yield what must be encrypted, so that the files hold these values; writes nothing.

        A Secret that needs a value that is missing is left out.
        """
        yield from self._compare(self.values, values)
        by_name = {one.name: one for one in self.secrets}
        payload = Payload(self.values.path, document=False, data=values)
        for file in self.files:
            if file.secret:
                spec = by_name[file.secret]
                if not payload.missing(spec.facts):
                    texts = compose_keys(spec, lambda fact: _require(payload, fact))
                    yield from self._compare(file, secret_manifest(self.release, spec, texts))

    def _compare(self, file: EncryptedFile, content: Content) -> Iterator[_Update]:
        old = self.read(file)
        what = f"Secret {file.secret}" if file.secret else f"the values in {file.path}"
        if old is None:
            keys = f": {', '.join(file.keys)}" if file.keys else ""
            yield _Update(file, None, content, f"encrypt {what}{keys}")
            return
        same = self.decrypt(file, old) == content
        if set(list_recipients(_parse(file, old))) != set(file.recipients):
            yield _Update(file, old, content, f"encrypt {what} again, for the changed recipients")
        elif not same:
            yield _Update(file, old, content, f"encrypt {what} again, with its changed content")

    def update(self, values: Content) -> tuple[str, ...]:
        """Encrypt what `find_updates` names, all or nothing; return what was done, a line each.

        Raises ConflictError if a file changes at the same time.
        """
        changes, lines = [], []
        for one in self.find_updates(values):
            plain = SecretStr(json.dumps(one.content))
            regex = SECRET_REGEX if one.file.secret else ""
            data = self.sops.encrypt(plain, one.file.recipients, regex)
            require_sound(one.file, data, self.release.installation)
            if set(list_recipients(_parse(one.file, data))) != set(one.file.recipients):
                raise WizardError(f"{self.identity} encrypted {one.file.path} for others")
            self._known[hashlib.sha256(data).hexdigest()] = plain
            kind = name_kind(one.old, data)
            changes.append(FileChange(one.file.path, one.file.logical, kind, one.old, data))
            lines.append(f"encrypted {one.file.path}")
        if changes:
            write_changes(self.repository, changes)
        self.done += lines
        return tuple(lines)


def require_sound(file: EncryptedFile, data: bytes, installation: str) -> None:
    """Raise RefusedError for a file in which something is plain text or not of SOPS."""
    for where, message in find_faults(_parse(file, data), secret=bool(file.secret)):
        raise RefusedError(
            f"{file.path}: {where} {message}; nothing was written",
            f"restore it from Git: git log -- {file.path}; if it was lost, delete the file, and "
            f"compose it again: airflow-wizard secrets --installation {installation}"
            if file.secret
            else f"restore it from Git: git log -- {file.path}",
        )


def _parse(file: EncryptedFile, data: bytes) -> Content:
    documents, _ = parse_yaml(file.path, data)
    found = documents[0] if len(documents) == 1 else None
    return found if isinstance(found, Mapping) else {}


def _require(payload: Payload, fact: Fact) -> str:
    value = payload.get(fact)
    if value is None:
        raise KeyError(fact.key)
    return value


class ValuesStore:
    """The payload in the file with the values; a version is one state of it that this run saw."""

    document = False

    def __init__(self, files: EncryptedFiles) -> None:
        self._files = files
        self._states: list[bytes] = []

    @property
    def name(self) -> str:
        """Return the file's path."""
        return self._files.values.path

    def read(self) -> StoredSecret | None:
        """Return the values; None if there never was a file of them.

        Raises RefusedError if the file was deleted, and NoKeyError without a private key for it.
        """
        data = self._files.read(self._files.values)
        if data is None:
            self._require_none_before()
            return None
        if not self._states or self._states[-1] != data:
            self._states.append(data)
        content = self._files.decrypt(self._files.values, data)
        return StoredSecret(dict(content), len(self._states))

    def _require_none_before(self) -> None:
        """Raise RefusedError if Git has, or had, the values that are missing on disk."""
        repository, path = self._files.repository, self.name
        if repository.read(path) is not None:
            raise RefusedError(
                f"{path} is committed, but not on disk; no new value is generated",
                f"restore it: git checkout HEAD -- {path}",
            )
        full = repository.full_path(path)
        log = ("log", "-1", "--diff-filter=D", "--format=%H%n%B", "HEAD", "--", full)
        found = repository.git.read(*log, ok=(0, 128)).text.strip()
        commit, _, message = found.partition("\n")
        if commit and parse_trailer(message) is None:
            raise RefusedError(
                f"commit {commit[:12]} deleted {path}, whose values may be in use; no new value is "
                "generated",
                f"restore it: git checkout {commit[:12]}^ -- {path}",
            )

    def show_version(self, version: int) -> str:
        """Return nothing: people count commits, not versions of the file."""
        del version
        return ""

    def read_version(self, version: int) -> StoredSecret | None:
        """Return None: older values are in Git's history only."""
        del version
        return None

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return None: the file is the store."""
        del error
        return None

    def judge(self, version: int) -> Claim:
        """Return that the file is this installation's: it is in its repository."""
        del version
        return Claim(Ownership("ours", "is in this repository"))

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Encrypt the values and the Secrets composed from them, in one transaction.

        Raises WriteConflictError if the file is not in the state `cas` any more.
        """
        del agreed
        now = self._files.read(self._files.values)
        if now != (self._states[cas - 1] if cas else None):
            raise WriteConflictError
        self._files.update(data)
        written = self._files.read(self._files.values)
        self._states.append(written or b"")
        return len(self._states)


class FilesComposer:
    """Encrypts the Secrets from the values; see `wizard.stores.live.Composer`."""

    def __init__(self, files: EncryptedFiles) -> None:
        self._files = files

    def look(self, payload: Payload) -> Composition:
        """Return what is to be encrypted, also from values that this run will write."""
        lines = [one.line for one in self._files.find_updates(payload.data)]
        for file, spec in self._waiting(payload):
            again = "" if self._files.read(file) is None else " again"
            lines.append(f"encrypt Secret {spec.name}{again}: {', '.join(spec.keys)}")
        return Composition(tuple(lines))

    def _waiting(self, payload: Payload) -> Iterator[tuple[EncryptedFile, SecretSpec]]:
        by_name = {one.name: one for one in self._files.secrets}
        for file in self._files.files:
            if file.secret and payload.missing(by_name[file.secret].facts):
                yield file, by_name[file.secret]

    def compose(self, payload: Payload, agreed: str = "") -> tuple[str, ...]:
        """Encrypt what differs, and return what this run encrypted, a line each."""
        del agreed
        self._files.update(payload.data)
        return tuple(self._files.done)

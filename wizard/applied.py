"""What `apply` met and did, as this machine remembers it: a hint, never needed and never trusted.

It lies in the user's state folder (XDG), outside the repository, readable by its owner alone, one
file for an installation of a repository. A file that is missing, damaged, somebody else's or about
another repository of the same place counts as none. It holds no secret and nobody's words: names
of actions, how they ended, when, and by what identity the targets were met.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import RefusedError, WizardError

if TYPE_CHECKING:
    from wizard.repo import Repository
    from wizard.sections import Answers
    from wizard.sections.cluster import Cluster

SERVER, UID, VAULT = "cluster.server", "cluster.uid", "vault.cluster_id"
_VERSION = 1
_MOST_BYTES, _MOST_RUNS = 256 * 1024, 20
_FORMS = {
    SERVER: re.compile(r"https://[A-Za-z0-9.:\[\]/_~-]{1,300}"),
    UID: re.compile(r"[A-Za-z0-9._:-]{1,100}"),
    VAULT: re.compile(r"[A-Za-z0-9._:-]{1,100}"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Journal:
    """The memory of one installation; reading and writing never raise."""

    def __init__(self, repository: Repository, installation: str) -> None:
        self._repository = repository
        self._installation = installation
        place = f"{repository.common_dir}\0{repository.prefix}\0{installation}"
        digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
        self._name = f"{digest[:32]}.json"
        self._run: dict[str, Any] = {}

    @property
    def place(self) -> Path:
        """Where it is kept; RuntimeError for a user without a home."""
        return state_home() / self._name

    def met(self) -> dict[str, str]:
        """The identities that targets had when they were met: some of SERVER, UID and VAULT.

        They count only while the commit that was applied is in this repository.
        """
        data = self._read()
        found = sound(data.get("met"))
        commit = data.get("commit")
        if not found or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            return {}
        try:
            return found if self._repository.objects([commit]) != [None] else {}
        except WizardError:
            return {}

    def begin(self, digest: str) -> None:
        """A run begins that applies what this digest names; nothing is written yet."""
        self._run = {"began": _now(), "digest": digest, "ended": {}}

    def ended(self, action: str, state: str, met: Mapping[str, str]) -> bool:
        """Remember how an action of this run ended, and whom it met; whether that was possible."""
        self._run["ended"][action] = {"state": state, "at": _now()}
        before = self._read()
        runs = before.get("runs")
        others = [one for one in runs if isinstance(one, dict)] if isinstance(runs, list) else []
        others = [one for one in others if one.get("began") != self._run["began"]]
        data = {
            "version": _VERSION,
            "repository": str(self._repository.top),
            "installation": self._installation,
            "commit": self._repository.head.commit,
            "met": {**sound(before.get("met")), **sound(dict(met))},
            "runs": [*others, self._run][-_MOST_RUNS:],
        }
        try:
            self._write(json.dumps(data, indent=1).encode())
        except (OSError, RuntimeError):
            return False
        return True

    def _read(self) -> dict[str, Any]:
        try:
            with _opened(make=False) as folder:
                handle = os.open(self._name, os.O_RDONLY | _FLAGS, dir_fd=folder)
                with os.fdopen(handle, "rb") as file:
                    _require_own(os.fstat(handle), stat.S_ISREG)
                    text = file.read(_MOST_BYTES + 1)
            data: Any = json.loads(text) if len(text) <= _MOST_BYTES else None
        except (OSError, RuntimeError, ValueError):
            return {}
        return data if isinstance(data, dict) and data.get("version") == _VERSION else {}

    def _write(self, data: bytes) -> None:
        with _opened(make=True, outside=self._repository.root) as folder:
            fresh = f".{self._name}.{os.getpid()}"
            with suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
            try:
                with os.fdopen(os.open(fresh, flags, 0o600, dir_fd=folder), "wb") as file:
                    file.write(data)
                os.rename(fresh, self._name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with suppress(OSError):
                    os.unlink(fresh, dir_fd=folder)
                raise


def state_home() -> Path:
    """The wizard's folder in the user's state folder; RuntimeError for a user without a home."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # Relative paths are to be ignored (XDG Base Directory Specification).
    home = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return home / "airflow-wizard"


def sound(found: object) -> dict[str, str]:
    """What of these has the form of an identity; the rest is left out."""
    if not isinstance(found, Mapping):
        return {}
    return {
        key: value
        for key, form in _FORMS.items()
        if isinstance(value := found.get(key), str) and form.fullmatch(value)
    }


def filled(recorded: Cluster, met: Mapping[str, str]) -> Cluster:
    """What the answers record of the cluster, and what was met where they record nothing.

    Met on another cluster than the recorded one, it says nothing about this one.
    """
    from pydantic import ValidationError

    from wizard.backends.kube import Cluster as Seen
    from wizard.live.targets import difference

    if UID not in met or difference(recorded, Seen(met.get(SERVER, ""), met[UID], "")):
        return recorded
    for key in (SERVER, UID):
        name = key.partition(".")[2]
        if not getattr(recorded, name) and met.get(key):
            with suppress(ValidationError):
                data = {**recorded.model_dump(), name: met[key]}
                recorded = type(recorded).model_validate(data)
    return recorded


def taken_in(answers: Answers, repository: Repository, installation: str) -> Answers:
    """The answers with the identity that `apply` met in their empty places; else the same object.

    For a commit that changes something anyway: an identity alone is no reason for one.
    """
    own = answers.cluster
    if own.server and own.uid:
        return answers
    if not _as_committed(repository, installation):
        return answers
    found = Journal(repository, installation).met()
    cluster = filled(own, found) if found else own
    return answers if cluster == own else answers.model_copy(update={"cluster": cluster})


def _as_committed(repository: Repository, installation: str) -> bool:
    """Whether the answers on disk are those of HEAD.

    What `secrets` recorded there is committed as it stands; with more in it, it would not be.
    """
    from wizard.base import state_folder

    path = f"{state_folder(installation)}/answers.yaml"
    try:
        return repository.working(path) == repository.read(path)
    except RefusedError:
        return False


@contextmanager
def _opened(*, make: bool, outside: Path | None = None) -> Iterator[int]:
    """The folder, held open so that nobody can put another in its place; OSError without it."""
    place = state_home()
    if outside is not None and place.resolve().is_relative_to(outside.resolve()):
        raise OSError("the state folder lies in the repository")
    if make:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    try:
        found = os.fstat(folder)
        if make and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(folder, 0o700)
            found = os.fstat(folder)
        _require_own(found, stat.S_ISDIR)
        yield folder
    finally:
        os.close(folder)


def _require_own(found: os.stat_result, kind: Any) -> None:
    if not kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise OSError("not this user's own")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

"""Reads and writes state files of an installation on this machine: private hints, never trusted.

They are in the user's state folder (XDG), outside the repository, readable by their owner only:
one file of each kind for each installation of a repository. A file that is missing, damaged, owned
by a different user or written by a newer version is ignored. They contain no secrets.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_VERSION = 1
_MAX_BYTES = 256 * 1024
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class StateFile:
    """One kind of state file of one installation; reading and writing never raise.

    `kind` is part of the file's name; empty for the history of `apply`.
    """

    def __init__(self, repository: WorkTree, installation: str, kind: str = "") -> None:
        self._repository = repository
        self._installation = installation
        place = f"{repository.common_dir}\0{repository.prefix}\0{installation}"
        digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
        self._name = f"{digest[:32]}{'.' if kind else ''}{kind}.json"

    @property
    def place(self) -> Path:
        """The file's path; RuntimeError for a user without a home folder."""
        return state_home() / self._name

    def read(self) -> dict[str, Any]:
        """Return the data that was last written; empty if the file is ignored."""
        try:
            with _open_state_folder(make=False) as folder:
                handle = os.open(self._name, os.O_RDONLY | _FLAGS, dir_fd=folder)
                with os.fdopen(handle, "rb") as file:
                    _require_own(os.fstat(handle), stat.S_ISREG)
                    text = file.read(_MAX_BYTES + 1)
            data: Any = json.loads(text) if len(text) <= _MAX_BYTES else None
        except (OSError, RuntimeError, ValueError):
            return {}
        return data if isinstance(data, dict) and data.get("version") == _VERSION else {}

    def write(self, data: Mapping[str, Any]) -> bool:
        """Replace the file with this data; return False if writing failed."""
        own = {
            "version": _VERSION,
            "repository": str(self._repository.top),
            "installation": self._installation,
        }
        try:
            self._replace(json.dumps({**own, **data}, indent=1).encode())
        except (OSError, RuntimeError):
            return False
        return True

    def forget(self) -> None:
        """Delete the file."""
        with suppress(OSError, RuntimeError), _open_state_folder(make=False) as folder:
            os.unlink(self._name, dir_fd=folder)

    def _replace(self, data: bytes) -> None:
        with _open_state_folder(make=True, outside=self._repository.root) as folder:
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
    """Return the wizard's state folder; RuntimeError for a user without a home folder."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # Ignore a relative path (XDG Base Directory Specification).
    home = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return home / "airflow-wizard"


@contextmanager
def _open_state_folder(*, make: bool, outside: Path | None = None) -> Iterator[int]:
    """Open the state folder, so that it cannot be replaced meanwhile; OSError if it is missing."""
    place = state_home()
    if outside is not None and place.resolve().is_relative_to(outside.resolve()):
        raise OSError("the state folder is in the repository")
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
        raise OSError("not owned by this user, or writable by others")

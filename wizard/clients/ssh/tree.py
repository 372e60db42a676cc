"""Reads the file names of one commit, fetched by git through an open channel.

git gets no key, no network access and no configuration. It uses one socket and requests only one
commit, like git-sync with depth 1, and no file contents if the server supports that. Its temporary
folder is deleted before the function returns.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from wizard.clients.ssh.routes import Deadline
from wizard.clients.ssh.session import CloneError
from wizard.formats.terminal import escape_unprintable
from wizard.git.command import find_git

MAX_FETCH_BYTES = 300_000_000
_NO_DAGS = {"__init__.py", "conftest.py", "setup.py"}
_MAX_FOLDERS_SHOWN = 5
_FETCH = (
    "-c", "protocol.allow=never", "-c", "protocol.fd.allow=always",
    "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-commit-graph",
    "--no-recurse-submodules", "--filter=blob:none",
)  # fmt: skip


def count_dag_files(
    channel: Any, told: bytes, ref: str, subpath: str | None, deadline: Deadline
) -> int:
    """Return the number of DAG files below `subpath` of a ref or commit; CloneError if none.

    Without a `subpath`, no files are counted. `told` is the server's ref advertisement, which was
    already read from the channel.
    """
    with tempfile.TemporaryDirectory(prefix="clone-proof-") as name:
        folder = Path(name)
        _run_git(folder, "init", "--quiet", "--bare", "--template=", ".", deadline=deadline)
        _fetch_commit(folder, channel, told, ref, deadline)
        return 0 if subpath is None else count_fetched_dags(folder, subpath, deadline)


def bare_environment(folder: Path) -> dict[str, str]:
    """Return git's environment for a temporary bare repository: no login, no configuration."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C",
        "GIT_DIR": str(folder), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0",
    }  # fmt: skip


def _run_git(folder: Path, *words: str, deadline: Deadline) -> tuple[int, bytes]:
    try:
        done = subprocess.run(  # noqa: S603 - a list without secrets
            [find_git(), *words],
            cwd=folder, env=bare_environment(folder), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=deadline.left, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return done.returncode, done.stdout


def _fetch_commit(folder: Path, channel: Any, told: bytes, ref: str, deadline: Deadline) -> None:
    ours, theirs = socket.socketpair()
    bridge = _Bridge(channel, ours, told)
    with ours, theirs:
        number = theirs.fileno()
        command = [find_git(), *_FETCH, f"fd::{number}", ref]
        with subprocess.Popen(  # noqa: S603 - a list without secrets
            command,
            cwd=folder, env=bare_environment(folder), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(number,),
        ) as process:  # fmt: skip
            theirs.close()
            bridge.start()
            try:
                _, said = process.communicate(timeout=deadline.left)
            except subprocess.TimeoutExpired:
                raise TimeoutError from None
            finally:
                bridge.stop()
                process.kill()
    if bridge.too_much:
        raise CloneError(
            "unfinished", f"the newest commit alone is more than {MAX_FETCH_BYTES // 10**6} MB"
        )
    if process.returncode:
        from wizard.formats.terminal import escape_unprintable

        lines = said.decode("utf-8", "replace").strip().splitlines()
        reason = (
            escape_unprintable(lines[-1].removeprefix("fatal: ")[:200])
            if lines
            else "git printed no reason"
        )
        raise CloneError("unfinished", f"the commit could not be fetched: {reason}")


class _Bridge:
    """Two threads that copy between an SSH channel and a socket; exit does not wait for them."""

    def __init__(self, channel: Any, ours: socket.socket, first: bytes) -> None:
        self._channel = channel
        self._ours = ours
        self._first = first
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._down, self._up)
        ]
        self.too_much = False

    def start(self) -> None:
        """Copy until either side ends."""
        self._channel.settimeout(None)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both directions."""
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        with suppress(Exception):
            self._channel.close()
        for thread in self._threads:
            thread.join(1)

    def _down(self) -> None:
        count = 0
        with suppress(Exception):
            self._ours.sendall(self._first)
            while data := self._channel.recv(65536):
                count += len(data)
                if count > MAX_FETCH_BYTES:
                    self.too_much = True
                    break
                self._ours.sendall(data)
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    def _up(self) -> None:
        with suppress(Exception):
            while data := self._ours.recv(65536):
                self._channel.sendall(data)
        with suppress(Exception):
            self._channel.shutdown_write()


def count_fetched_dags(folder: Path, subpath: str, deadline: Deadline) -> int:
    """Return the number of possible DAG files below `subpath`: Python files and zip archives.

    `folder` is a bare repository that has fetched the commit; CloneError without DAG files.
    """
    wanted = subpath.strip("/").removeprefix("./")
    wanted = "" if wanted == "." else wanted
    code, listed = _run_git(
        folder, "ls-tree", "-r", "-z", "--name-only", f"FETCH_HEAD:{wanted}", deadline=deadline
    )
    if code:
        raise CloneError(
            "subpath",
            f"the repository has no folder {subpath}{_describe_folders(folder, deadline)}",
        )
    paths = [PurePosixPath(os.fsdecode(name)) for name in listed.split(b"\0") if name]
    dags = [path for path in paths if path.suffix in {".py", ".zip"} and path.name not in _NO_DAGS]
    if not dags:
        where = f"below {wanted}" if wanted else "in the repository"
        raise CloneError("no-dags", f"no DAG file (.py or .zip) found {where}")
    return len(dags)


def _describe_folders(folder: Path, deadline: Deadline) -> str:
    """Return text about the existing folders, to end a sentence with."""
    _, listed = _run_git(
        folder, "ls-tree", "-d", "-z", "--name-only", "FETCH_HEAD", deadline=deadline
    )
    names = [escape_unprintable(os.fsdecode(name)) for name in listed.split(b"\0") if name]
    more = ", ..." if len(names) > _MAX_FOLDERS_SHOWN else ""
    return (
        f"; existing folders: {', '.join(names[:_MAX_FOLDERS_SHOWN])}{more}"
        if names
        else "; it has no folders"
    )

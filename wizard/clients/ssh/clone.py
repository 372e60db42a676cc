"""Tests over SSH whether git-sync can clone with the deploy key, the pinned host keys and the ref.

The key stays in memory: paramiko opens the session, and git reads the stream through a socket
(git-remote-fd(1)), so git itself parses the server's data. To find out whether the key may write,
a push is started and ended at once; the empty list of updates changes nothing (facts on SSH,
section 6). Each command uses its own connection, because some hosts allow only one per connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wizard.clients.ssh.routes import Deadline, DirectRoute, Route
from wizard.clients.ssh.session import (
    CloneError,
    CloneTarget,
    convert_connection_errors,
    convert_route_errors,
    load_key,
    open_transport,
)
from wizard.clients.ssh.tree import count_dag_files
from wizard.formats.terminal import escape_unprintable
from wizard.git.wire import FLUSH, Advertisement, WireError, read_advertisement

if TYPE_CHECKING:
    from pydantic import SecretStr


SECONDS = 60.0
_MAX_MESSAGE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CloneResult:
    """The result of a clone: the ref's full name, its commit, and the number of DAG files.

    `writable` is None if the server did not reveal whether the key may push.
    """

    ref: str
    commit: str
    files: int
    writable: bool | None


class CloneClient(Protocol):
    """The Git host operations that the probes use."""

    def look(self) -> CloneResult:
        """Return the result of all checks; raises CloneError."""
        ...


@dataclass(frozen=True)
class ParamikoClient:
    """The implementation for one target. `route` is the route to the host (default: direct)."""

    target: CloneTarget
    key: SecretStr
    seconds: float = SECONDS
    route: Route | None = field(default=None, repr=False)

    def look(self) -> CloneResult:
        """Log in, fetch the commit's file names, and find out whether the key may push."""
        logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
        target, deadline = self.target, Deadline(self.seconds)
        key = load_key(self.key)
        route = self.route or DirectRoute(target.host, target.port)
        try:
            with convert_route_errors():
                route.prepare(deadline)
            with self._open_command("git-upload-pack", key, route, deadline) as channel:
                told = _receive_advertisement(channel, target, deadline)
                ref, commit = find_ref(told, target.ref, target.endpoint)
                subpath = target.subpath if target.dags else None
                files = count_dag_files(channel, told.raw, ref or commit, subpath, deadline)
            return CloneResult(ref or commit, commit, files, self._may_push(key, route, deadline))
        finally:
            route.close()

    def _may_push(self, key: Any, route: Route, deadline: Deadline) -> bool | None:
        """Return whether the server would allow a push; starts one and ends it without changes."""
        try:
            with self._open_command("git-receive-pack", key, route, deadline) as channel:
                read_advertisement(_make_reader(channel, deadline))
                channel.sendall(FLUSH)
                channel.shutdown_write()
                channel.recv(1)
        except WireError as error:
            return False if error.server_message or error.ended else None
        except Exception:
            # A refused command or connection does not show whether the key may push.
            return None
        return True

    @contextmanager
    def _open_command(self, name: str, key: Any, route: Route, deadline: Deadline) -> Iterator[Any]:
        """Yield the channel of one command in its own session."""
        target = self.target
        with open_transport(target, key, route, deadline) as transport:
            try:
                channel = transport.open_session(timeout=deadline.left)
                channel.settimeout(deadline.left)
                channel.exec_command(f"{name} {_quote_path(target.path)}")
            except Exception:
                raise CloneError(
                    "repository", f"{target.endpoint} accepts the key but refuses to run {name}"
                ) from None
            with convert_connection_errors(target, deadline):
                yield channel


def command_path(url: str, path: str) -> str:
    """Return the path as git sends it to an SSH server: absolute if the URL has a scheme."""
    return f"/{path}" if "://" in url and not path.startswith("~") else path


def _quote_path(path: str) -> str:
    import shlex

    # git always quotes the path, and servers that parse the command expect quotes.
    plain = shlex.quote(path)
    return plain if plain.startswith("'") else f"'{path}'"


def _make_reader(channel: Any, deadline: Deadline) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        channel.settimeout(deadline.left)
        data: bytes = channel.recv(size)
        return data

    return read


def _receive_advertisement(channel: Any, target: CloneTarget, deadline: Deadline) -> Advertisement:
    try:
        return read_advertisement(_make_reader(channel, deadline))
    except WireError as error:
        said = error.server_message or _read_error_line(channel)
        raise CloneError(
            "repository",
            f"{target.endpoint} accepts the key but has no repository {target.path} for it"
            + (f": {said}" if said else ""),
        ) from None


def _read_error_line(channel: Any) -> str:
    """Return the error line, or else the last line, of stderr, without control characters."""
    data = b""
    with suppress(Exception):
        channel.settimeout(1)
        while len(data) < 4096 and (part := channel.recv_stderr(4096)):
            data += part
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    # Some hosts print empty lines and frames around their error.
    words = [line for line in lines if any(char.isalpha() for char in line)]
    said = next((line for line in words if "ERROR" in line or "fatal" in line), "")
    return escape_unprintable((said or (words[-1] if words else ""))[:_MAX_MESSAGE_LENGTH])


def find_ref(told: Advertisement, wanted: str, endpoint: str) -> tuple[str, str]:
    """Return the ref's full name (empty for a commit id) and the id of its commit or tag.

    Raises CloneError if the server at `endpoint` has no such ref.
    """
    import re

    name = told.find(wanted)
    if name:
        return name, told.refs[name]
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", wanted):
        if wanted in told.refs.values() or told.may_fetch_any_commit:
            return "", wanted
        raise refused_commit(endpoint)
    if not told.refs:
        raise CloneError("ref", "the repository is empty: it has no commits yet")
    there = f"; its default branch is {told.default_branch}" if told.default_branch else ""
    raise CloneError("ref", f"the repository has no branch or tag {wanted}{there}")


def refused_commit(endpoint: str) -> CloneError:
    """Return the error for a commit that the server does not serve by its id."""
    return CloneError("ref", f"{endpoint} does not serve commits by id; use a branch or a tag")

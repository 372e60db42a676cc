"""A session with a host whose keys are pinned, with a single login key that stays in memory.

Only the pinned host keys are trusted. The agent and the user's SSH files are not used, and the
login is never sent to a host that shows a different key. paramiko is imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wizard.clients.session import SessionError
from wizard.clients.ssh.banner import RecordingConnection
from wizard.clients.ssh.routes import Deadline, NotReachedError, Route
from wizard.hostkeys.keys import HostKey, known_hosts_name

if TYPE_CHECKING:
    from pydantic import SecretStr

_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}

Kind = Literal[
    "unreachable", "peer", "host-key", "key", "not-registered", "repository", "ref", "subpath",
    "no-dags", "unfinished", "certificate", "login", "refused-login", "redirect",
]  # fmt: skip


class CloneError(SessionError[Kind]):
    """The clone could not be verified; the message has the reason and no part of the key."""


@dataclass(frozen=True, slots=True)
class CloneTarget:
    """A repository: `path` as sent to the server; only the `pinned` host keys are accepted.

    `dags`: the repository must contain DAG files.
    """

    host: str
    port: int
    user: str
    path: str
    ref: str
    subpath: str
    pinned: tuple[HostKey, ...]
    dags: bool = True

    @property
    def endpoint(self) -> str:
        """Return the host in the form of known_hosts."""
        return known_hosts_name(self.host, self.port)


def load_key(key: SecretStr) -> Any:
    """Return the key as a paramiko key; errors never contain any part of it."""
    import io

    import paramiko

    kinds = (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey)
    for kind in kinds:
        with suppress(Exception):
            return kind.from_private_key(io.StringIO(key.get_secret_value()))
    raise CloneError("key", "the deploy key is damaged: it cannot be read as a private key")


@contextmanager
def convert_route_errors() -> Iterator[None]:
    """Convert NotReachedError to CloneError."""
    try:
        yield
    except NotReachedError as error:
        raise CloneError("unreachable", str(error)) from None


@contextmanager
def convert_connection_errors(target: CloneTarget, deadline: Deadline) -> Iterator[None]:
    """Convert time-outs and broken connections to CloneError."""
    import paramiko

    try:
        yield
    except TimeoutError:
        raise CloneError(
            "unfinished", f"{target.endpoint} did not finish {deadline.text}"
        ) from None
    except (OSError, EOFError, paramiko.SSHException):
        raise CloneError("unfinished", f"{target.endpoint} closed the connection") from None


@contextmanager
def open_transport(
    target: CloneTarget, key: Any, route: Route, deadline: Deadline
) -> Iterator[Any]:
    """Yield a logged-in paramiko transport; raises CloneError. `route` must be prepared."""
    with convert_route_errors():
        heard = RecordingConnection(route.open(deadline))
    transport = _start_transport(heard, target, deadline)
    try:
        _authenticate(transport, target, key, deadline)
        yield transport
    finally:
        with suppress(Exception):
            transport.close()


def _start_transport(heard: RecordingConnection, target: CloneTarget, deadline: Deadline) -> Any:
    """Return a session, not logged in yet, with a host that has shown a pinned key."""
    import paramiko

    transport = paramiko.Transport(heard)  # type: ignore[arg-type]
    kinds = dict.fromkeys(key.type for key in target.pinned)
    wanted = [name for kind in kinds for name in _SIGNATURES.get(kind, (kind,))]
    try:
        transport.banner_timeout = transport.handshake_timeout = deadline.left
        transport.get_security_options().key_types = tuple(wanted)
        transport.start_client(timeout=deadline.left)
        shown = transport.get_remote_server_key()
        if shown.asbytes() not in {key.blob for key in target.pinned}:
            pinned = next(key for key in target.pinned if key.type == shown.get_name())
            raise CloneError(
                "host-key",
                f"{target.endpoint} shows the key {shown.fingerprint}, which is not the pinned one "
                f"({pinned.fingerprint}); nothing was sent to it",
            )
    except CloneError:
        transport.close()
        raise
    except Exception as error:
        transport.close()
        raise _handshake_error(error, heard, target, wanted, deadline) from None
    return transport


def _handshake_error(
    error: Exception,
    heard: RecordingConnection,
    target: CloneTarget,
    wanted: list[str],
    deadline: Deadline,
) -> CloneError:
    if not heard.is_ssh:
        if heard.first.strip():
            return CloneError("peer", f"the server at {target.endpoint} does not speak SSH")
        return CloneError("unreachable", f"{target.endpoint} sends nothing {deadline.text}")
    if heard.host_key_algorithms and not set(wanted) & heard.host_key_algorithms:
        return CloneError(
            "host-key",
            f"{target.endpoint} shows no key of a pinned type ({', '.join(wanted)}); nothing was "
            "sent to it",
        )
    if "ignature" in str(error):
        return CloneError(
            "host-key",
            f"{target.endpoint} did not prove that it holds the pinned key: the connection may be "
            "intercepted; nothing was sent to it",
        )
    return CloneError("unreachable", f"no SSH session with {target.endpoint} could be established")


def _authenticate(transport: Any, target: CloneTarget, key: Any, deadline: Deadline) -> None:
    import paramiko

    try:
        transport.auth_timeout = deadline.left
        left = transport.auth_publickey(target.user, key)
    except paramiko.AuthenticationException:
        raise CloneError(
            "not-registered", f"{target.endpoint} does not accept the key for {target.user}"
        ) from None
    except Exception:
        raise CloneError(
            "unreachable", f"{target.endpoint} closed the connection during the login"
        ) from None
    if left:
        raise CloneError(
            "not-registered", f"{target.endpoint} requires more than a key ({', '.join(left)})"
        )

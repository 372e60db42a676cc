"""A session with the very host that is pinned, logged in to with one key that stays in memory.

Nothing but the pinned host keys counts, no agent and no file of the operator's is looked at, and
nothing is sent to a host that shows another key. paramiko is imported on first use.
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
    "no-dags", "unfinished",
]  # fmt: skip


class CloneError(SessionError[Kind]):
    """The clone could not be proven; the message says why, and holds nothing of the key."""


@dataclass(frozen=True, slots=True)
class CloneTarget:
    """What is cloned: `path` as the server gets it, `pinned` the only host keys that count.

    `dags` says that there have to be DAG files in it.
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
        """The host as known_hosts names it."""
        return known_hosts_name(self.host, self.port)


def load_key(key: SecretStr) -> Any:
    """The key as paramiko's; whatever is wrong with it, nothing of it is repeated."""
    import io

    import paramiko

    kinds = (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey)
    for kind in kinds:
        with suppress(Exception):
            return kind.from_private_key(io.StringIO(key.get_secret_value()))
    raise CloneError("key", "the deploy key is damaged: it cannot be read as a private key")


@contextmanager
def convert_route_errors() -> Iterator[None]:
    """What could not be reached, as CloneError."""
    try:
        yield
    except NotReachedError as error:
        raise CloneError("unreachable", str(error)) from None


@contextmanager
def convert_connection_errors(target: CloneTarget, deadline: Deadline) -> Iterator[None]:
    """Time-outs and broken connections as CloneError."""
    import paramiko

    try:
        yield
    except TimeoutError:
        raise CloneError(
            "unfinished", f"{target.endpoint} did not finish {deadline.text}"
        ) from None
    except (OSError, EOFError, paramiko.SSHException):
        raise CloneError("unfinished", f"{target.endpoint} broke the connection") from None


@contextmanager
def open_transport(
    target: CloneTarget, key: Any, route: Route, deadline: Deadline
) -> Iterator[Any]:
    """A paramiko transport that is logged in; raises CloneError. `route` is prepared."""
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
    """A session with the very host that is pinned; nothing was sent to any other."""
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
            return CloneError("peer", f"what answers at {target.endpoint} is not SSH")
        return CloneError("unreachable", f"{target.endpoint} says nothing {deadline.text}")
    if heard.host_key_algorithms and not set(wanted) & heard.host_key_algorithms:
        return CloneError(
            "host-key",
            f"{target.endpoint} shows no key of a pinned type ({', '.join(wanted)}); nothing was "
            "sent to it",
        )
    if "ignature" in str(error):
        return CloneError(
            "host-key",
            f"{target.endpoint} did not prove that it holds the pinned key: somebody may be in "
            "between; nothing was sent to it",
        )
    return CloneError("unreachable", f"no SSH session with {target.endpoint} came about")


def _authenticate(transport: Any, target: CloneTarget, key: Any, deadline: Deadline) -> None:
    import paramiko

    try:
        transport.auth_timeout = deadline.left
        left = transport.auth_publickey(target.user, key)
    except paramiko.AuthenticationException:
        raise CloneError(
            "not-registered", f"{target.endpoint} does not let the key in as {target.user}"
        ) from None
    except Exception:
        raise CloneError(
            "unreachable", f"{target.endpoint} broke the connection during the login"
        ) from None
    if left:
        raise CloneError(
            "not-registered", f"{target.endpoint} asks for more than a key ({', '.join(left)})"
        )

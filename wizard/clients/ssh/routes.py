"""Routes to an SSH server: direct, through an HTTP proxy, or through a jump host.

A route is prepared once (names resolved, jump host logged in) and then opens any number of
connections, all to the same address: the addresses of one name may belong to different servers.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wizard.hostkeys.keys import HostKey, known_hosts_name

_MAX_HEAD_BYTES = 16_384


class NotReachedError(Exception):
    """The server could not be reached; the message contains the reason."""


class Deadline:
    """The time by which everything must be finished."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the remaining seconds; never 0, because a time limit of 0 means not to block."""
        return max(0.001, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() >= self._end

    @property
    def text(self) -> str:
        """Return the time limit for a message, such as `within 5 s`."""
        return f"within {self.seconds:g} s"


class Connection(Protocol):
    """The socket methods that paramiko uses."""

    def recv(self, size: int, /) -> bytes:
        """Return some bytes, none at the end."""

    def send(self, data: bytes, /) -> int:
        """Return how many bytes were sent."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Set the time limit of `recv` and `send`, in seconds."""

    def close(self) -> None:
        """Close the connection."""


class Route(Protocol):
    """A route to one server."""

    def prepare(self, deadline: Deadline) -> None:
        """Prepare the route once; NotReachedError on failure."""

    def open(self, deadline: Deadline) -> Connection:
        """Open one more connection; NotReachedError on failure."""

    def close(self) -> None:
        """Close what `prepare` opened."""


@dataclass
class DirectRoute:
    """A direct TCP connection."""

    host: str
    port: int
    _addresses: Sequence[Any] = ()

    def prepare(self, deadline: Deadline) -> None:
        """Resolve the name, once for all connections."""
        del deadline
        try:
            self._addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotReachedError(_describe_resolve_error(error)) from None

    def open(self, deadline: Deadline) -> socket.socket:
        """Connect to the first address that answers."""
        reason = "its name has no address"
        for number, (family, kind, protocol, _, address) in enumerate(self._addresses):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(deadline.left / (len(self._addresses) - number))
                connection.connect(address)
            except OSError as error:
                connection.close()
                reason = _describe_connect_error(error, self.port, deadline)
            else:
                return connection
        raise NotReachedError(reason)

    def close(self) -> None:
        """Do nothing: no connection is kept open."""


@dataclass
class ProxyRoute:
    """A route through an HTTP proxy that allows CONNECT; the proxy sees only encrypted data."""

    host: str
    port: int
    proxy: DirectRoute

    def prepare(self, deadline: Deadline) -> None:
        """Resolve the proxy's name; the proxy itself resolves the host's name."""
        with _ErrorPrefix(f"the proxy {self.proxy.host}:{self.proxy.port}"):
            self.proxy.prepare(deadline)

    def open(self, deadline: Deadline) -> socket.socket:
        """Open a tunnel; NotReachedError with the HTTP status if the proxy refuses."""
        name = f"the proxy {self.proxy.host}:{self.proxy.port}"
        with _ErrorPrefix(name):
            connection = self.proxy.open(deadline)
        try:
            connection.settimeout(deadline.left)
            status = _request_tunnel(connection, self.host, self.port)
        except OSError:
            connection.close()
            raise NotReachedError(f"{name} does not answer {deadline.text}") from None
        if not status.startswith("2"):
            connection.close()
            raise NotReachedError(f"{name} refuses the connection ({status or 'no HTTP'})")
        return connection

    def close(self) -> None:
        """Do nothing: no connection is kept open."""


def _request_tunnel(connection: socket.socket, host: str, port: int) -> str:
    """Request the tunnel; return the HTTP status, empty if the answer is not HTTP."""
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
    head = b""
    # Read byte by byte: data after the empty line already comes from the SSH server.
    while not head.endswith(b"\r\n\r\n") and len(head) < _MAX_HEAD_BYTES:
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    words = head.split(b"\r\n")[0].split(b" ")
    plain = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return words[1].decode()[:3] if plain else ""


@dataclass
class JumpRoute:
    """A route through another SSH server, with its pinned host keys and the user's own login."""

    host: str
    port: int
    jump: DirectRoute
    user: str
    pinned: Sequence[HostKey]
    identity: Path | None = None
    _client: Any = field(default=None, repr=False)
    _opening: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def prepare(self, deadline: Deadline) -> None:
        """Log in to the jump host once, with the agent or the user's own key."""
        import paramiko

        name = f"the jump host {known_hosts_name(self.jump.host, self.jump.port)}"
        with _ErrorPrefix(name):
            self.jump.prepare(deadline)
            connection = self.jump.open(deadline)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        entry = known_hosts_name(self.jump.host, self.jump.port)
        for key in self.pinned:
            pinned = paramiko.PKey.from_type_string(key.type, key.blob)
            client.get_host_keys().add(entry, key.type, pinned)
        try:
            client.connect(
                self.jump.host, self.jump.port, self.user, sock=connection,
                key_filename=str(self.identity) if self.identity else None,
                look_for_keys=self.identity is None, allow_agent=self.identity is None,
                timeout=deadline.left, banner_timeout=deadline.left, auth_timeout=deadline.left,
            )  # fmt: skip
        except Exception as error:
            client.close()
            connection.close()
            raise NotReachedError(f"{name}: {_describe_login_error(error)}") from None
        self._client = client

    def open(self, deadline: Deadline) -> Connection:
        """Open a channel to the host in the session with the jump host."""
        try:
            # paramiko keeps one error per session: parallel calls could get each other's error.
            with self._opening:
                opened: Connection = self._client.get_transport().open_channel(
                    "direct-tcpip", (self.host, self.port), ("127.0.0.1", 0), timeout=deadline.left
                )
        except Exception as error:
            code = getattr(error, "code", 0)
            why = {1: "forwarding is not allowed", 2: "it cannot connect to the host"}.get(code, "")
            name = known_hosts_name(self.jump.host, self.jump.port)
            raise NotReachedError(
                f"the jump host {name} does not open a connection: {why or 'it did not answer'}"
            ) from None
        return opened

    def close(self) -> None:
        """End the session."""
        if self._client is not None:
            with suppress(Exception):
                self._client.close()


def _describe_login_error(error: Exception) -> str:
    import paramiko

    if isinstance(error, paramiko.BadHostKeyException):
        return (
            f"it shows the key {error.key.fingerprint}, which is not the pinned one "
            f"({error.expected_key.fingerprint}); nothing was sent through it"
        )
    if isinstance(error, paramiko.AuthenticationException):
        return "the login was refused"
    if "not found in known_hosts" in str(error):
        return "it shows no key of a pinned type; nothing was sent through it"
    return "no SSH session could be established"


class _ErrorPrefix:
    """Prefixes the message of a NotReachedError with a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotReachedError):
            raise NotReachedError(f"{self.name}: {error}") from None


def _describe_resolve_error(error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == socket.EAI_AGAIN:
        return "its name could not be resolved: no name server answers"
    return "its name is not found"


def _describe_connect_error(error: OSError, port: int, deadline: Deadline) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"it refuses connections to port {port}"
    if isinstance(error, TimeoutError):
        return f"it does not answer on port {port} {deadline.text}"
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL}:
        return "there is no route to it from this machine"
    return f"no connection to port {port}: {os.strerror(error.errno or errno.EIO)}"

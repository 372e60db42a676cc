"""Reads the facts that Celery needs from a Redis, in one session that stores nothing.

Redis has no login that hides the password, so the password is sent only over verified TLS or to
this machine itself. Errors never repeat the server's text, because servers quote unknown commands.
redis-py is imported on first use. It connects once, without redirects, and within the limits that
are set here.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

from wizard.clients.lazy import import_modules
from wizard.clients.session import SessionError
from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr

SECONDS = 5.0
_MAX_BYTES = 1_048_576
_PORT = 6379

Kind = Literal["unreachable", "trust", "tls", "password", "database", "peer", "refused"]
# Error codes of temporary failures.
_TRANSIENT_CODES = ("LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")
_MEANINGS = {
    "LOADING": "it is still loading its data",
    "BUSY": "it is busy with a script",
    "DENIED": "it is in protected mode, which refuses connections from here",
    "NOPERM": "this user may not even send PING",
}
_CODES = (*_TRANSIENT_CODES, *_MEANINGS, "NOAUTH", "WRONGPASS")


class RedisError(SessionError[Kind]):
    """The session failed; the message contains nothing that was sent."""


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A Redis database and the login; `verifies_tls` is whether Celery will verify TLS."""

    host: str
    port: int
    database: int
    user: str
    password: SecretStr | None
    tls: bool
    verifies_tls: bool

    @property
    def endpoint(self) -> str:
        """Return the address for display; contains no secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def private(self) -> bool:
        """Return whether a password may be sent: over TLS, or to this machine itself."""
        return self.tls or is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class RedisServer:
    """The server's facts, read in one session; an empty text means that it could not be read.

    `asks` is whether the server requires a password, `logged_in` whether the target's password was
    sent and accepted. `policy` is the eviction policy, which applies with `has_memory_limit`.
    """

    asks: bool
    logged_in: bool
    version: str = ""
    mode: str = ""
    role: str = ""
    policy: str = ""
    has_memory_limit: bool = False


class RedisClient(Protocol):
    """The broker operations that the probes use."""

    def look(self) -> RedisServer:
        """Return all facts; raises RedisError."""
        ...


def parse_broker_url(url: SecretStr) -> RedisTarget | str:
    """Return the target of a broker URL, or only the scheme of a URL that is not for Redis.

    Raises ValueError with the problem, without any part of the URL.
    """
    text = url.get_secret_value()
    scheme = text.partition("://")[0]
    if scheme not in {"redis", "rediss"} or ";" in text:
        known = scheme.isascii() and scheme.isalpha() and "://" in text
        if not known:
            raise ValueError("it is not a URL such as redis://:PASSWORD@HOST:6379/0")
        return "several URLs" if ";" in text else scheme
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        raise ValueError("its port is not a number; encode : / # @ in the password") from None
    if not parts.hostname:
        raise ValueError("it has no host")
    if parts.fragment:
        raise ValueError("a # in the password must be written as %23")
    database = unquote(parts.path).strip("/") or "0"
    if not (database.isascii() and database.isdigit() and len(database) < 6):
        raise ValueError("its database is not a number; write a / in the password as %2F")
    wanted = parse_qs(parts.query).get("ssl_cert_reqs", ["required"])[-1]
    password = unquote(parts.password or "")
    return RedisTarget(
        parts.hostname, port, int(database), unquote(parts.username or ""),
        SecretStr(password) if password else None, scheme == "rediss",
        wanted.casefold().removeprefix("cert_") == "required",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SocketClient:
    """The implementation for one target."""

    target: RedisTarget

    def look(self) -> RedisServer:
        """Log in if that is safe, and return the facts; raises RedisError."""
        import_modules("redis")
        import redis

        connection = _build_connection(self.target)
        try:
            connection.connect()
            return _read_server(connection, self.target)
        except (redis.RedisError, ValueError, LookupError, RecursionError):
            # The parser's errors for bytes that are not a Redis answer.
            fault = RedisError("peer", "the server does not speak Redis")
        finally:
            connection.disconnect()
        # Outside the handler: the library's exceptions may contain the server's text.
        raise fault


def _build_connection(target: RedisTarget) -> Any:
    """Return a connection that sends nothing by itself; with TLS, it verifies the server."""
    from redis._parsers import _RESP2Parser
    from redis.connection import Connection, SSLConnection

    base: Any = SSLConnection if target.tls else Connection

    class Guarded(base):  # type: ignore[misc]
        """Reads through the guarded socket; hiredis, if installed, would bypass that socket."""

        def _connect(self) -> _GuardedSocket:
            try:
                return _GuardedSocket(super()._connect())
            except (OSError, UnicodeError) as error:
                fault = _network_error(error, tls=target.tls)
            raise fault

    tls = {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if target.tls else {}
    return Guarded(
        host=target.host, port=target.port, socket_timeout=SECONDS, protocol=2, driver_info=None,
        parser_class=_RESP2Parser, decode_responses=True, encoding_errors="replace", **tls,
    )  # fmt: skip


class _GuardedSocket:
    """Ends a session at its deadline, after too many bytes, or at bytes that are not an answer.

    redis-py has no such limits; test_endless_answers_end and test_peers_that_answer_something_else
    show that they are needed.
    """

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened
        self._deadline = time.monotonic() + SECONDS
        self._left = _MAX_BYTES
        self._mark = b""
        self.shutdown, self.close = opened.shutdown, opened.close

    def sendall(self, data: bytes) -> None:
        self._mark = b""
        # The next read reports a closed connection.
        with suppress(OSError):
            self._opened.sendall(data)

    def recv(self, size: int) -> bytes:
        self._opened.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            data = self._opened.recv(size)
        except ConnectionError:
            data = b""
        except OSError as error:
            raise _network_error(error) from None
        self._mark = self._mark or data[:1]
        self._left -= len(data)
        if self._mark == b"\x15":
            raise RedisError("peer", "it requires TLS on this port")
        if not self._mark:
            raise RedisError(
                "unreachable", "it closed the connection; it may require TLS (rediss://)"
            )
        if self._mark not in b"+-:$" or not data or self._left < 0:
            raise RedisError("peer", "the server does not speak Redis")
        return data


def _network_error(error: Exception, *, tls: bool = False) -> RedisError:
    """Return the error for a network failure; `tls`: it happened during the TLS handshake."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return RedisError("unreachable", "its name does not resolve here")
    if isinstance(error, ssl.SSLCertVerificationError):
        # Pods may trust an authority that this machine does not know.
        own = "issuer" in error.verify_message or "self-signed" in error.verify_message
        return RedisError("trust" if own else "tls", error.verify_message)
    if isinstance(error, TimeoutError):
        # A Redis without TLS takes the handshake for an incomplete command, and waits for more.
        silent = "no TLS session in time; it may not support TLS"
        late = f"no answer in {SECONDS:g} s"
        return RedisError("unreachable", silent if "handshake" in str(error) else late)
    if tls and isinstance(error, ssl.SSLError | ConnectionResetError):
        return RedisError("tls", "it does not support TLS on this port")
    text = error.strerror if isinstance(error, OSError) else ""
    return RedisError("unreachable", text or "the connection broke")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The server's error answer; its text is searched but never repeated."""

    text: str = field(repr=False)
    code: str


def _ask(connection: Any, *words: str) -> str | _Refusal:
    import redis

    connection.send_command(*words)
    try:
        return str(connection.read_response())
    except redis.RedisError as error:
        text, code = str(error), error.status_code or str(error).partition(" ")[0]
        if error.status_code is None and not isinstance(error, redis.ResponseError):
            raise
    return _Refusal(text.casefold(), code if code in _CODES else "ERR")


def _read_server(connection: Any, target: RedisTarget) -> RedisServer:
    logged_in = False
    password = target.password
    if password is not None and target.private:
        words = [target.user] if target.user else []
        _check_login(_ask(connection, "AUTH", *words, password.get_secret_value()))
        logged_in = True
    answer = _ask(connection, "PING")
    if isinstance(answer, _Refusal):
        if answer.code == "NOAUTH":
            return RedisServer(asks=True, logged_in=False)
        raise _refusal_error(answer)
    if target.database and isinstance(_ask(connection, "SELECT", str(target.database)), _Refusal):
        said = f"database {target.database} is out of range, or this user may not select it"
        raise RedisError("database", said)
    info = _ask(connection, "INFO")
    if isinstance(info, _Refusal):
        return RedisServer(logged_in, logged_in)
    facts = dict(
        line.strip().split(":", 1) for line in info.splitlines() if ":" in line
    )  # fmt: skip
    return RedisServer(
        logged_in, logged_in,
        version=facts.get("redis_version", "")[:40],
        mode=facts.get("redis_mode", "")[:40],
        role=facts.get("role", "")[:40],
        policy=facts.get("maxmemory_policy", "")[:40],
        has_memory_limit=facts.get("maxmemory", "0") != "0",
    )  # fmt: skip


def _check_login(answer: str | _Refusal) -> None:
    """Raise RedisError for a failed login, without the server's text: it may quote the password."""
    if not isinstance(answer, _Refusal):
        return
    low = answer.text
    if answer.code in {"WRONGPASS", "NOPERM"} or "invalid password" in low:
        raise RedisError("password", f"the login was refused ({answer.code})")
    if "without any password" in low or "no password is set" in low:
        raise RedisError("password", "it has no password and refuses a login with one")
    if answer.code in {*_TRANSIENT_CODES, "DENIED"} or "max number of clients" in low:
        raise _refusal_error(answer)
    if "wrong number of arguments" in low:
        raise RedisError("password", "it is older than Redis 6 and does not support user names")
    raise RedisError("refused", f"it does not accept the login ({answer.code})")


def _refusal_error(answer: _Refusal) -> RedisError:
    if "max number of clients" in answer.text:
        return RedisError("unreachable", "it has reached its maximum number of clients")
    said = f"{_MEANINGS.get(answer.code, 'it refuses the session')} ({answer.code})"
    return RedisError("unreachable" if answer.code in _TRANSIENT_CODES else "refused", said)

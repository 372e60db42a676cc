"""What Celery needs to know of a Redis, read in one session that stores nothing.

Redis has no login that hides the password, so it is sent over verified TLS only, or to this machine
itself. Errors repeat nothing that was sent: servers quote what they do not understand. Source of
the protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from wizard.clients.session import SessionError
from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr

SECONDS = 5.0
_MAX_BYTES = 1_048_576
_PORT = 6379

Kind = Literal["unreachable", "trust", "tls", "password", "database", "peer", "refused"]
# Codes of errors that pass by themselves.
_TRANSIENT_CODES = ("LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")


class RedisError(SessionError[Kind]):
    """The session could not be had; the message holds nothing that was sent."""


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A database of a Redis and who logs in; `verified` is whether Celery will verify TLS."""

    host: str
    port: int
    database: int
    user: str
    password: SecretStr | None
    tls: bool
    verifies_tls: bool

    @property
    def endpoint(self) -> str:
        """As a person writes it; no secret in it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def private(self) -> bool:
        """Whether a password may be sent: over TLS, or without leaving this machine."""
        return self.tls or is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class RedisServer:
    """What one session saw; empty texts could not be read.

    `asks` is whether it wants a password, `logged_in` whether ours was sent and taken. `policy` is
    what it drops when `limited` memory is full.
    """

    asks: bool
    logged_in: bool
    version: str = ""
    mode: str = ""
    role: str = ""
    policy: str = ""
    has_memory_limit: bool = False


class RedisClient(Protocol):
    """What the probes need of a broker."""

    def look(self) -> RedisServer:
        """Everything at once; raises RedisError."""
        ...


def parse_broker_url(url: SecretStr) -> RedisTarget | str:
    """The target of a broker URL, or its scheme where that is not Redis.

    Raises ValueError, which says what is wrong and repeats nothing of the URL.
    """
    from pydantic import SecretStr

    text = url.get_secret_value()
    scheme = text.partition("://")[0]
    if scheme not in {"redis", "rediss"} or ";" in text:
        known = scheme.isascii() and scheme.isalpha() and "://" in text
        if not known:
            raise ValueError("it is no URL such as redis://:PASSWORD@HOST:6379/0")
        return "several URLs" if ";" in text else scheme
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        raise ValueError("its port is no number; encode : / # @ in the password") from None
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.fragment:
        raise ValueError("a # in the password must be written %23")
    database = unquote(parts.path).strip("/") or "0"
    if not (database.isascii() and database.isdigit() and len(database) < 6):
        raise ValueError("its database is no number; a / in the password must be written %2F")
    wanted = parse_qs(parts.query).get("ssl_cert_reqs", ["required"])[-1]
    password = unquote(parts.password or "")
    return RedisTarget(
        parts.hostname, port, int(database), unquote(parts.username or ""),
        SecretStr(password) if password else None, scheme == "rediss",
        wanted.casefold().removeprefix("cert_") == "required",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SocketClient:
    """The real client of one target."""

    target: RedisTarget

    def look(self) -> RedisServer:
        """Log in where that is safe, and read; raises RedisError."""
        try:
            with _open_connection(self.target) as connection:
                return _read_server(_Session(connection), self.target)
        except TimeoutError:
            raise RedisError("unreachable", f"no answer in {SECONDS:g} s") from None
        except OSError as error:
            text = error.strerror or "the connection broke"
            raise RedisError("unreachable", text) from None


def _open_connection(target: RedisTarget) -> socket.socket:
    try:
        plain = socket.create_connection((target.host, target.port), timeout=SECONDS)
    except socket.gaierror:
        raise RedisError("unreachable", "its name does not resolve here") from None
    except UnicodeError:
        raise RedisError("unreachable", "its name does not resolve here") from None
    if not target.tls:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        # Pods may trust an authority that this machine does not know.
        own = "issuer" in error.verify_message or "self-signed" in error.verify_message
        raise RedisError("trust" if own else "tls", error.verify_message) from None
    except TimeoutError:
        plain.close()
        # A Redis in clear waits for the end of what it takes for a command.
        raise RedisError("unreachable", "no TLS session in time; it may speak none") from None
    except (ssl.SSLError, ConnectionError):
        plain.close()
        raise RedisError("tls", "it speaks no TLS on this port") from None
    except OSError:
        plain.close()
        raise


def _read_server(session: _Session, target: RedisTarget) -> RedisServer:
    logged_in = False
    password = target.password
    if password is not None and target.private:
        words = [target.user] if target.user else []
        _check_login(session.ask("AUTH", *words, password.get_secret_value()))
        logged_in = True
    answer = session.ask("PING")
    if isinstance(answer, _Refusal):
        if answer.code == "NOAUTH":
            return RedisServer(asks=True, logged_in=False)
        raise _refusal_error(answer)
    asks = logged_in
    if target.database:
        chosen = session.ask("SELECT", str(target.database))
        if isinstance(chosen, _Refusal):
            raise RedisError("database", f"database {target.database}: {chosen.text}")
    info = session.ask("INFO")
    if isinstance(info, _Refusal):
        return RedisServer(asks, logged_in)
    facts = dict(
        line.strip().split(":", 1) for line in info.splitlines() if ":" in line
    )  # fmt: skip
    return RedisServer(
        asks, logged_in,
        version=facts.get("redis_version", "")[:40],
        mode=facts.get("redis_mode", "")[:40],
        role=facts.get("role", "")[:40],
        policy=facts.get("maxmemory_policy", "")[:40],
        has_memory_limit=facts.get("maxmemory", "0") != "0",
    )  # fmt: skip


def _check_login(answer: str | _Refusal) -> None:
    """Only the code is repeated: the text of an error may quote the password."""
    if not isinstance(answer, _Refusal):
        return
    low = answer.text.casefold()
    if answer.code in {"WRONGPASS", "NOPERM"} or "invalid password" in low:
        raise RedisError("password", f"the login was refused ({answer.code})")
    if "without any password" in low or "no password is set" in low:
        raise RedisError("password", "it has no password, and refuses a login with one")
    if answer.code in {*_TRANSIENT_CODES, "DENIED"} or "max number of clients" in low:
        raise _refusal_error(answer)
    if "wrong number of arguments" in low:
        raise RedisError("password", "it is older than Redis 6 and knows no user names")
    raise RedisError("refused", f"it does not take the login ({answer.code})")


def _refusal_error(answer: _Refusal) -> RedisError:
    passing = answer.code in _TRANSIENT_CODES or "max number of clients" in answer.text
    return RedisError("unreachable" if passing else "refused", answer.text)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error that the server answered with."""

    text: str

    @property
    def code(self) -> str:
        """Its first word, where that is a code: capital letters."""
        word = self.text.partition(" ")[0]
        return word if word.isascii() and word.isupper() and len(word) < 20 else "ERR"


class _Session:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._held = b""
        self._deadline = time.monotonic() + SECONDS

    def ask(self, *words: str) -> str | _Refusal:
        """One command; its answer as text, or the server's refusal."""
        encoded = [word.encode() for word in words]
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        self._connection.sendall(b"*%d\r\n" % len(parts) + b"".join(parts))
        line = self._line()
        mark, rest = line[:1], line[1:]
        if mark in {b"+", b":"}:
            return rest.decode("utf-8", "replace")
        if mark == b"-":
            return _Refusal(" ".join(rest.decode("utf-8", "replace").split())[:200])
        if mark == b"$" and rest.isdigit() and int(rest) < _MAX_BYTES:
            data = self._take(int(rest) + 2)
            return data[:-2].decode("utf-8", "replace")
        raise _protocol_error(line)

    def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            if len(self._held) > 4096:
                raise _protocol_error(self._held)
            self._receive()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _take(self, count: int) -> bytes:
        while len(self._held) < count:
            self._receive()
        data, self._held = self._held[:count], self._held[count:]
        return data

    def _receive(self) -> None:
        self._connection.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            data = self._connection.recv(65536)
        except ConnectionError:
            data = b""
        if not data and self._held:
            raise _protocol_error(self._held)
        if not data:
            raise RedisError("unreachable", "it closed the connection; it may want TLS (rediss://)")
        self._held += data


def _protocol_error(heard: bytes) -> RedisError:
    if heard[:1] == b"\x15":
        return RedisError("peer", "it wants TLS on this port")
    return RedisError("peer", "what answers is no Redis")

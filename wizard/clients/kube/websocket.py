"""A connection to an API server that is switched to WebSocket: the handshake, then bytes both ways.

Made with the pool's own TLS context and proxy. The pool itself has no use for a connection that
stops to speak HTTP, and the handshake of websocket-client follows redirects with the login.
Source: RFC 6455, section 4.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from wizard.clients.kube.errors import KubeError, convert_response, convert_transport_error

if TYPE_CHECKING:
    import ssl

    from wizard.clients.kube.config import KubeContext
    from wizard.clients.kube.request import Request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_BODY_BYTES = 65536
_SWITCHED = 101
# These say themselves what they mean; any other answer means that no stream is to be had.
_EXPLAINED_KINDS = ("login", "forbidden", "busy")


class WebSocketConnection:
    """The connection afterwards: bytes that are no HTTP any more, until a moment and an amount."""

    def __init__(
        self, connection: HTTPConnection, response: HTTPResponse, deadline: float, limit: int
    ) -> None:
        self._connection = connection
        # What came right behind the answer's headers is in its buffer.
        self._response = response
        self._deadline = deadline
        self._left = limit

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, none at the end; TimeoutError when time is up.

        KubeError of kind `pod` when more has come than was allowed.
        """
        self._sock.settimeout(self._remaining())
        data: bytes = self._response.fp.read1(size)
        self._left -= len(data)
        if self._left < 0:
            raise KubeError("pod", "sends more than is read of it")
        return data

    def send(self, data: bytes) -> None:
        """All of it; TimeoutError when time is up."""
        self._sock.settimeout(self._remaining())
        self._sock.sendall(data)

    def close(self) -> None:
        """End it without a word."""
        self._response.close()
        self._connection.close()

    @property
    def _sock(self) -> Any:
        return self._connection.sock

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Connection(HTTPConnection):
    """TLS on port 443 or another, to the name that the certificate must have."""

    default_port = 443

    def __init__(
        self, host: str, port: int | None, context: ssl.SSLContext, name: str, seconds: float
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self._context = context
        self._name = name

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


def open_websocket(
    access: KubeContext,
    manager: Any,
    request: Request,
    headers: Mapping[str, str],
    protocol: str,
    deadline: float,
    limit: int,
) -> WebSocketConnection:
    """The connection once the server has switched; `manager` is the pool that would be used.

    Raises KubeError: as `convert_response` for 401, 403, 429 and 503, as `convert_transport_error`
    where no connection is to be had, and of kind `upgrade` for every other answer.
    """
    seconds = max(0.1, deadline - time.monotonic())
    connection = _build_connection(access, manager, request.what, seconds)
    try:
        connection.connect()
    except Exception as error:
        connection.close()
        raise convert_transport_error(request.what, access.server, error) from None
    key = base64.b64encode(os.urandom(16)).decode()
    try:
        response = _send_handshake(connection, access, request, {
            **headers, "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": protocol,
        })  # fmt: skip
        _verify_handshake(request.what, response, key, protocol)
    except BaseException:
        connection.close()
        raise
    return WebSocketConnection(connection, response, deadline, limit)


def _build_connection(
    access: KubeContext, manager: Any, what: str, seconds: float
) -> HTTPConnection:
    parts = urlsplit(access.server)
    host = parts.hostname or ""
    context = manager.connection_pool_kw["ssl_context"]
    name = access.server_name or host
    proxy = getattr(manager, "proxy", None)
    if proxy is None:
        return _Connection(host, parts.port, context, name, seconds)
    if proxy.scheme != "http":
        raise KubeError("upgrade", f"{what}: a proxy over {proxy.scheme} is not gone through")
    connection = _Connection(proxy.host, proxy.port or 80, context, name, seconds)
    connection.set_tunnel(host, parts.port or 443, dict(manager.proxy_headers or {}))
    return connection


def _send_handshake(
    connection: HTTPConnection, access: KubeContext, request: Request, headers: Mapping[str, str]
) -> HTTPResponse:
    # A server behind others may have a path of its own.
    path = f"{urlsplit(access.server).path}{request.path}?{urlencode(list(request.query))}"
    try:
        connection.request(request.method, path, headers=dict(headers))
        return connection.getresponse()
    except TimeoutError:
        raise _upgrade_error(request.what, "the request to switch to it is not answered") from None
    except (OSError, HTTPException):
        # Other requests pass: it is this kind that something on the way does not let through.
        raise _upgrade_error(
            request.what, "the connection was closed when it was asked for"
        ) from None


def _verify_handshake(what: str, response: HTTPResponse, key: str, protocol: str) -> None:
    if response.status != _SWITCHED:
        try:
            body = response.read(_MAX_BODY_BYTES)
        except (OSError, HTTPException):
            body = b""
        found = convert_response(what, response.status, body, secret=False)
        if found.kind in _EXPLAINED_KINDS:
            raise found
        said = found.message.removeprefix(f"{what}: ")
        raise _upgrade_error(what, said, response.status)
    digest = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
    if (
        response.headers.get("Sec-WebSocket-Accept") != base64.b64encode(digest).decode()
        or response.headers.get("Sec-WebSocket-Protocol") != protocol
    ):
        raise _upgrade_error(what, f"the answer is no {protocol}")


def _upgrade_error(what: str, why: str, status: int = 0) -> KubeError:
    return KubeError("upgrade", f"{what}: no WebSocket: {why}", status=status)

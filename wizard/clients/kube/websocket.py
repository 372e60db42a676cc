"""A WebSocket to an API server: websocket-client on a connection with the pool's TLS and proxy.

The library would follow redirects and send the credentials along, so redirects are off. It does
not limit time or size of a response, so the socket here does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from wizard.clients.kube.errors import KubeError, convert_response, convert_transport_error

if TYPE_CHECKING:
    from urllib3.connection import HTTPSConnection
    from websocket import WebSocket

    from wizard.clients.kube.config import KubeContext
    from wizard.clients.kube.request import Request

# Failures with a cause of their own; all others mean that WebSockets do not work.
_EXPLAINED_KINDS = ("login", "forbidden", "busy")


class _BoundedSocket:
    """A socket for websocket-client with a deadline (of time.monotonic()) and a limit in bytes."""

    # The library closes only a socket that has this attribute set.
    _closed = False

    def __init__(self, connection: HTTPSConnection, deadline: float, limit: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = limit

    def gettimeout(self) -> float:
        """Return the seconds until the deadline; TimeoutError when the time is up."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def recv(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end; KubeError of kind `pod` past the limit."""
        self._sock.settimeout(self.gettimeout())
        data: bytes = self._sock.recv(size)
        self._left -= len(data)
        if self._left < 0:
            raise KubeError("pod", "sends more data than the wizard reads")
        return data

    def send(self, data: bytes) -> int:
        """Send all data: the library does not check whether all of its handshake was sent."""
        self._sock.settimeout(self.gettimeout())
        self._sock.sendall(data)
        return len(data)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def _sock(self) -> Any:
        return self._connection.sock


def open_websocket(
    access: KubeContext,
    manager: Any,
    request: Request,
    headers: Mapping[str, str],
    protocol: str,
    deadline: float,
    limit: int,
) -> WebSocket:
    """Return the WebSocket after the server has switched protocols; `manager` is the pool.

    Raises KubeError: from `convert_response` for 401, 403, 429 and 503, from
    `convert_transport_error` if there is no connection, and of kind `upgrade` for every other
    response.
    """
    from websocket import WebSocket

    what = request.what
    connection = _build_connection(access, manager, what, max(0.1, deadline - time.monotonic()))
    try:
        connection.connect()
    except Exception as error:
        connection.close()
        raise convert_transport_error(what, access.server, error) from None
    # The server's address may have a path prefix, if the server is behind a proxy.
    place = f"{access.server.partition(':')[2]}{request.path}?{urlencode(list(request.query))}"
    opened = WebSocket(skip_utf8_validation=True)
    try:
        opened.connect(  # type: ignore[no-untyped-call]
            f"wss:{place}", socket=_BoundedSocket(connection, deadline, limit), redirect_limit=0,
            header=dict(headers), subprotocols=[protocol], suppress_origin=True,
        )  # fmt: skip
    except Exception as error:
        raise _convert_handshake_error(what, error, opened.status, protocol) from None
    return opened


def _build_connection(
    access: KubeContext, manager: Any, what: str, seconds: float
) -> HTTPSConnection:
    from urllib3.connection import HTTPSConnection

    parts = urlsplit(access.server)
    host = parts.hostname or ""
    proxy = getattr(manager, "proxy", None)
    if proxy is not None and proxy.scheme != "http":
        raise KubeError("upgrade", f"{what}: proxies of type {proxy.scheme} are not supported")
    connection = HTTPSConnection(
        proxy.host if proxy else host, (proxy.port or 80) if proxy else parts.port,
        timeout=seconds, ssl_context=manager.connection_pool_kw["ssl_context"],
        server_hostname=access.server_name or host,
    )  # fmt: skip
    if proxy is not None:
        connection.set_tunnel(host, parts.port or 443, dict(manager.proxy_headers or {}))
    return connection


def _convert_handshake_error(
    what: str, error: Exception, status: int | None, protocol: str
) -> KubeError:
    """Return the error for a failed handshake; `status` is the status of a refused redirect."""
    import websocket

    said = f"HTTP {status}" if status else f"the answer is not {protocol}"
    if isinstance(error, websocket.WebSocketBadStatusException):
        status = error.status_code
        found = convert_response(what, status or 0, error.resp_body or b"", secret=False)
        if found.kind in _EXPLAINED_KINDS:
            return found
        said = found.message.removeprefix(f"{what}: ")
    elif isinstance(error, websocket.WebSocketTimeoutException):
        said = "the upgrade request was not answered"
    elif isinstance(error, (websocket.WebSocketConnectionClosedException, OSError)):
        # Other requests succeed, so something in between blocks WebSockets.
        said = "the connection was closed at the upgrade request"
    return KubeError("upgrade", f"{what}: no WebSocket: {said}", status=status or 0)

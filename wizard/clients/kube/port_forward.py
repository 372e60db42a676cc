"""Sends one HTTP GET to a program in a pod, through a port-forward in memory.

No socket listens on this machine. The protocol is v4.channel.k8s.io: for the first port, channel 0
carries the data and channel 1 the errors; the first message of each channel is the port
number, two bytes in little endian. Source: k8s.io/kubelet 0.34.4,
pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, cast

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import PodResponse
from wizard.clients.kube.request import Request
from wizard.clients.kube.transport import Transport
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from websocket import WebSocket

PROTOCOL = "v4.channel.k8s.io"
# Airflow's health response has about 400 bytes.
MAX_BODY_BYTES = 65536
_DATA, _ERROR = 0, 1
_MAX_MESSAGE_LENGTH = 300


def request_pod(
    transport: Transport, path: str, what: str, port: int, asked: bytes, seconds: float
) -> PodResponse:
    """Return the response to the request `asked`, sent to `port` through the subresource `path`.

    The whole exchange may take `seconds`. Raises KubeError like `Transport.open_websocket`, and of
    kind `pod` if the stream was opened but the response is missing or not valid.
    """
    request = Request("GET", path, what, [("ports", str(port))])
    # More than the body: frames and headers need some bytes too.
    connection = transport.open_websocket(
        request, PROTOCOL, time.monotonic() + seconds, limit=2 * MAX_BODY_BYTES
    )  # fmt: skip
    import websocket

    try:
        channel = _Channel(connection)
        connection.send_bytes(bytes([_DATA]) + asked)
        return _read_response(channel)
    except (TimeoutError, websocket.WebSocketTimeoutException):
        raise KubeError("pod", f"does not answer within {seconds:g} s") from None
    except HTTPException:
        raise KubeError("pod", "answers, but not with HTTP") from None
    except (OSError, websocket.WebSocketConnectionClosedException):
        raise KubeError("pod", "closes the connection without an answer") from None
    except websocket.WebSocketException:
        raise KubeError(
            "pod", "is not reachable: the proxy in between does not support WebSockets"
        ) from None
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]


def build_request(path: str, host: str) -> bytes:
    """Return the bytes of the request."""
    lines = (
        f"GET {path} HTTP/1.1", f"Host: {host}", "Accept: application/json",
        "User-Agent: airflow-wizard", "Connection: close", "", "",
    )  # fmt: skip
    if any(letter in f"{path}{host}" for letter in "\r\n "):
        raise ValueError("a path and a host must not contain spaces")
    return "\r\n".join(lines).encode("ascii")


def _read_response(channel: _Channel) -> PodResponse:
    answer = HTTPResponse(cast("Any", channel), method="GET")
    answer.begin()
    body = answer.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise KubeError("pod", f"answers with more than {MAX_BODY_BYTES // 1024} KiB")
    return PodResponse(answer.status, answer.headers.get_content_type(), body)


class _Channel(io.RawIOBase):
    """The data channel of the first port, as a file; raises errors from the error channel."""

    def __init__(self, connection: WebSocket) -> None:
        self._connection = connection
        self._opened: set[int] = set()
        self._held = b""
        self._ended = False

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader, like `socket.makefile`; http.client reads the response from it."""
        del mode
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes sent by the port into `buffer`; return their number, 0 at the end."""
        while not self._held and not self._ended:
            self._held = self._next()
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size

    def _next(self) -> bytes:
        message = self._receive()
        if not message:
            return b""
        number, data = message[0], message[1:]
        if number not in self._opened:
            self._opened.add(number)
            return b""
        if number == _ERROR and data:
            said = " ".join(data.decode("utf-8", "replace").split())
            raise KubeError(
                "pod", f"cannot be reached: {escape_unprintable(said[:_MAX_MESSAGE_LENGTH])}"
            )
        return data if number == _DATA else b""

    def _receive(self) -> bytes:
        """Return the next message; empty when the stream has ended."""
        import websocket

        try:
            opcode, message = self._connection.recv_data()
        except (websocket.WebSocketConnectionClosedException, OSError):
            # The server may close the connection without waiting for our close frame.
            if self._connection.connected:
                raise
            opcode, message = websocket.ABNF.OPCODE_CLOSE, b""
        self._ended = opcode == websocket.ABNF.OPCODE_CLOSE
        return b"" if self._ended else bytes(message)

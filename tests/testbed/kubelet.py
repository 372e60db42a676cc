"""A labelled stand-in for a kubelet, which cannot run here: it forwards ports and does no more.

The API server is the real one and reaches this as it reaches any kubelet: by address and port of a
Node, over TLS, at /portForward. It speaks v4.channel.k8s.io as k8s.io/kubelet 0.34.4 does
(pkg/cri/streaming/portforward/websocket.go) and copies bytes to and from a program on loopback.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.certificates import Authority

PROTOCOL = "v4.channel.k8s.io"
PORT = 8080
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE = 2, 8
BEAT = "2026-11-21T12:00:00.123456+00:00"
PARTS = ("scheduler", "triggerer", "dag_processor")
Script = Callable[[str], Iterator[bytes]]


def health(**statuses: str | None) -> dict[str, Any]:
    """The JSON of Airflow 3.2.2; every part is healthy unless another status is named."""
    found: dict[str, Any] = {"metadatabase": {"status": statuses.get("metadatabase", "healthy")}}
    for name in PARTS:
        status = statuses.get(name, "healthy")
        found[name] = {"status": status, f"latest_{name}_heartbeat": status and BEAT}
    return found


def http(body: object, status: str = "200 OK", media: str = "application/json") -> bytes:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


class Program:
    """What listens in a pod: it reads one request and answers with the bytes of a script.

    `asked` are the requests as they came; the connection is left open, as uvicorn leaves it.
    """

    def __init__(self, script: Script) -> None:
        self.asked: list[str] = []
        self.script = script
        self.ended = threading.Event()
        program = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                data = b""
                while not data.endswith(b"\r\n\r\n"):
                    more = self.request.recv(65536)
                    if not more:
                        return
                    data += more
                program.asked.append(data.decode())
                with suppress(OSError):
                    for part in program.script(data.decode()):
                        self.request.sendall(part)
                    # Only a script that gives nothing closes at once.
                    program.ended.wait(30)

        self._server = _Tcp(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Tcp(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_about: object) -> None:
        """Clients that turn away are what is tested."""


def airflow(path: str = "/api/v2/monitor/health", **statuses: str | None) -> Script:
    """Airflow's API server, as far as its health goes."""

    def script(asked: str) -> Iterator[bytes]:
        method, where, _ = asked.partition("\r\n")[0].split()
        known = (method, where) == ("GET", path)
        yield http(health(**statuses)) if known else http({"detail": "Not Found"}, "404 Not Found")

    return script


class Kubelet:
    """One kubelet for all pods of its node; Airflow is well in a pod that `runs` nothing else."""

    node = "stand-in"

    def __init__(self) -> None:
        self._well = Program(airflow())
        self._programs: dict[tuple[str, str], Program] = {}
        kubelet = self

        class Handler(_Handler):
            def port(self, namespace: str, pod: str) -> int:
                return kubelet._programs.get((namespace, pod), kubelet._well).port

        self._server = _Http(("127.0.0.1", 0), Handler)
        self._server.socket = _context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def register(self, request: Callable[..., Any]) -> None:
        """Make its Node, with the API server's own `request`."""
        about = {"name": self.node, "annotations": {"tests/stand-in-for": "kubelet"}}
        request("POST", "/api/v1/nodes", {"metadata": about})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
        }
        path = f"/api/v1/nodes/{self.node}/status"
        request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def runs(self, namespace: str, pod: str, script: Script) -> Program:
        """This program listens in this pod from now on."""
        program = Program(script)
        self._programs[namespace, pod] = program
        return program

    def stop(self) -> None:
        """Close everything."""
        self._server.shutdown()
        self._server.server_close()
        for program in (self._well, *self._programs.values()):
            program.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_about: object) -> None:
        """Clients that turn away are what is tested."""


def _context() -> ssl.SSLContext:
    """As a kubelet by default: with a certificate that the API server does not verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kubelet.pem"
        file.write_text("".join(Authority.make(Path(folder)).issue("127.0.0.1")))
        context.load_cert_chain(file)
    return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def port(self, namespace: str, pod: str) -> int:
        """Where the pod's program listens."""
        raise NotImplementedError

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, kind, namespace, pod = parts.path.split("/")
        assert kind == "portForward"
        asked = int(parse_qs(parts.query)["port"][0])
        self._switch()
        for channel in (0, 1):
            self._send(channel, struct.pack("<H", asked))
        if asked != PORT:
            refused = f"dial tcp4 127.0.0.1:{asked}: connect: connection refused"
            self._send(1, f"error forwarding port {asked} to pod {pod}, uid : {refused}".encode())
            self._frame(_CLOSE, b"")
            return
        with socket.create_connection(("127.0.0.1", self.port(namespace, pod))) as program:
            threading.Thread(target=self._back, args=(program,), daemon=True).start()
            with suppress(OSError, struct.error):
                while (data := self._received()) is not None:
                    program.sendall(data)

    def _switch(self) -> None:
        key = f"{self.headers['Sec-WebSocket-Key']}{_GUID}".encode()
        assert self.headers["Sec-WebSocket-Protocol"] == PROTOCOL
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        digest = base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", digest)
        self.send_header("Sec-WebSocket-Protocol", PROTOCOL)
        self.end_headers()

    def _back(self, program: socket.socket) -> None:
        with suppress(OSError):
            while data := program.recv(32768):
                self._send(0, data)
            self._frame(_CLOSE, b"")

    def _received(self) -> bytes | None:
        """What came for the data channel; None at the end."""
        first, second = struct.unpack("!BB", self.rfile.read(2))
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", self.rfile.read(2))
        mask = self.rfile.read(4)
        data = self.rfile.read(size)
        plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        if first & 15 != _BINARY:
            return None if first & 15 == _CLOSE else b""
        assert plain[0] == 0
        return plain[1:]

    def _send(self, channel: int, data: bytes) -> None:
        self._frame(_BINARY, bytes([channel]) + data)

    def _frame(self, kind: int, data: bytes) -> None:
        long = len(data) > 125
        size = struct.pack("!BH", 126, len(data)) if long else struct.pack("!B", len(data))
        self.wfile.write(bytes([128 | kind]) + size + data)

    def log_message(self, *_about: object) -> None: ...

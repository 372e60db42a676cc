"""Scripted peers, only for what no real server does: silence, garbage, half an answer, a lie."""

from __future__ import annotations

import http.server
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from wizard.hostkeys.keys import HostKey

Handler = Callable[[socket.socket], None]


@dataclass
class Peer:
    """A TCP server on loopback; `connections` counts whom it took."""

    port: int
    connections: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def peer(handle: Handler) -> Iterator[Peer]:
    """Run `handle` with each connection in a thread; all are closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Peer(listener.getsockname()[1])
    opened: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            handle(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                found.connections += 1
                opened.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield found
    finally:
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for connection in opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def saying(*parts: bytes, wait: bool = True) -> Handler:
    """Say these things at once, then wait for the client to go (or go first)."""

    def handle(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
        while wait and connection.recv(4096):
            pass

    return handle


def endless(connection: socket.socket) -> None:
    """Bytes without a line end, for ever."""
    while True:
        connection.sendall(b"\x00garbage" * 4096)


def dripping(connection: socket.socket) -> None:
    """A version line that never ends, a byte at a time."""
    waiting = threading.Event()
    for _ in range(1000):
        connection.sendall(b"S")
        waiting.wait(0.05)


def pretending(shown: HostKey, own: Path) -> Handler:
    """An SSH server that shows one ed25519 key and signs with its own."""

    class Pretended(paramiko.Ed25519Key):
        def asbytes(self) -> bytes:
            return shown.blob

    def handle(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(Pretended(filename=str(own)))
        with suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=paramiko.ServerInterface())
            transport.join(10)
        transport.close()

    return handle


@contextmanager
def web_server() -> Iterator[int]:
    """A real web server where SSH was expected; its port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def connect_proxy(refuse: bytes = b"", *, greeted: bool = True) -> Iterator[Peer]:
    """An HTTP proxy that tunnels CONNECT, or answers with `refuse`; `asked` are the targets.

    `greeted`: the target speaks first, as SSH servers do.
    """
    found: list[Peer] = []

    def handle(connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return
            head += byte
        match = re.match(rb"CONNECT \[?([^ \]]+)\]?:(\d+) HTTP/1\.1\r\n", head)
        assert match is not None
        found[0].asked.append(f"{match[1].decode()}:{match[2].decode()}")
        if refuse:
            connection.sendall(refuse)
            return
        try:
            target = socket.create_connection((match[1].decode(), int(match[2])))
        except OSError:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with target:
            # Together with what follows: a client that reads ahead would lose the banner.
            banner = target.recv(4096) if greeted else b""
            connection.sendall(b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\n" + banner)
            back = threading.Thread(target=_copy, args=(target, connection), daemon=True)
            back.start()
            _copy(connection, target)
            back.join(5)

    with peer(handle) as running:
        found.append(running)
        yield running


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

"""Peers that misbehave as no real server does: each connection is handed to a script."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress


@contextmanager
def scripted(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a loopback server that calls `serve` with each connection, in a thread of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            serve(connection)

    def accept() -> None:
        while not closing.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        closing.set()
        # A blocked accept does not notice that its socket is closed; a last guest wakes it.
        with suppress(OSError):
            socket.create_connection(listener.getsockname(), timeout=1).close()
        listener.close()
        thread.join(5)


def hangs() -> tuple[list[int], AbstractContextManager[int]]:
    """How many connections were taken, and the port of a server that never says anything."""
    taken: list[int] = []

    def hold(connection: socket.socket) -> None:
        taken.append(1)
        connection.settimeout(60)
        while connection.recv(4096):
            pass

    return taken, scripted(hold)


def answer_slowly(connection: socket.socket, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
    """Answer with `head` and then a byte now and then, for longer than any test waits."""
    connection.recv(65536)
    connection.sendall(head)
    for _ in range(200):
        time.sleep(0.05)
        connection.sendall(b" ")

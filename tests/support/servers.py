"""An HTTPS server on loopback that answers by a script, for what no real server can be made to do.

It remembers what it was asked; its certificate is one of the tests' own authority.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.certificates import Authority


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to say; a `status` of 0 closes the connection without a word."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Web:
    """A running server: `url`, and what it was `asked` so far."""

    def __init__(self, script: Callable[[Asked], Answer]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def web(
    authority: Authority, script: Callable[[Asked], Answer], *, clients: str = "", name: str = ""
) -> Iterator[Web]:
    """Serve while the block runs; `clients` is PEM of who signs the certificates they must show.

    `name` is what its certificate says instead of 127.0.0.1.
    """
    found = Web(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
            found.asked.append(asked)
            said = found.script(asked)
            if not said.status:
                self.close_connection = True
                return
            self.send_response(said.status)
            for key, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that turn away are what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = _context(authority, clients, name or "127.0.0.1").wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        with suppress(OSError):
            server.server_close()
        thread.join(5)


def _context(authority: Authority, clients: str, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_text("".join(authority.issue(name)))
        context.load_cert_chain(file)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients)
    return context

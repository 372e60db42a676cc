"""A real Git server over HTTPS: git's own http-backend behind TLS and basic authentication."""

from __future__ import annotations

import base64
import http.server
import os
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.testbed.programs import MissingError


def http_backend() -> Path:
    """git's CGI program; MissingError where git was installed without it."""
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()) / "git-http-backend"
    if not path.exists():
        raise MissingError(f"no {path}: install git with git-http-backend")
    return path


@dataclass
class GitHttps:
    """Serves the bare repositories in `root` below /git/; stopped by `stop`.

    `logins` maps a user to a password; without any, everybody may read. `writers` may push.
    `redirects` maps the path of a request to where it is sent. `seen` are the requests: method,
    path with query, and the user who logged in (empty: none).
    """

    root: Path
    certificate: Path
    logins: dict[str, str] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    status: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    _server: http.server.ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        assert self._server is not None
        return self._server.server_port

    def url(self, repository: str = "dags.git") -> str:
        """The address of a repository."""
        return f"https://127.0.0.1:{self.port}/git/{repository}"

    def start(self) -> None:
        """Start, and return once it listens."""
        backend, outer = http_backend(), self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def do_GET(self) -> None:
                outer._answer(self, backend)

            do_POST = do_GET  # noqa: N815

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # The handshake is the handler's own, so a client that does not finish it blocks nobody.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop; connections that are open end with their clients."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, request: http.server.BaseHTTPRequestHandler, backend: Path) -> None:
        user = self._user(request.headers.get("Authorization", ""))
        self.seen.append((request.command, request.path, user))
        body = self._body(request)
        parts = urlsplit(request.path)
        target = next((v for k, v in self.redirects.items() if parts.path.startswith(k)), "")
        pushing = "git-receive-pack" in request.path
        if self.status:
            self._send(request, self.status, {}, b"")
        elif target:
            self._send(request, 301, {"Location": target + request.path}, b"")
        elif (self.logins or pushing) and not user:
            self._send(request, 401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you")
        elif pushing and user not in self.writers:
            self._send(request, 403, {}, b"Write access to repository not granted.")
        else:
            self._send(request, *self._run(request, backend, parts.path, parts.query, user, body))

    def _user(self, header: str) -> str:
        kind, _, text = header.partition(" ")
        if kind != "Basic":
            return ""
        user, _, password = base64.b64decode(text).decode().partition(":")
        return user if self.logins.get(user) == password else ""

    def _body(self, request: http.server.BaseHTTPRequestHandler) -> bytes:
        if request.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(request.rfile.readline().strip() or b"0", 16):
                data += request.rfile.read(size)
                request.rfile.readline()
            request.rfile.readline()
            return data
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))

    def _run(
        self,
        request: http.server.BaseHTTPRequestHandler,
        backend: Path,
        path: str,
        query: str,
        user: str,
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root), "REMOTE_USER": user,
            "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path.removeprefix("/git"),
            "QUERY_STRING": query, "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.root),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        done = subprocess.run([backend], env=env, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines() if ": " in line]
        headers = dict(lines)
        status = int(headers.pop("Status", "200 OK").split()[0])
        return status, headers, content

    def _send(
        self,
        request: http.server.BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

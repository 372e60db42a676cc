"""Requests to a server of the testbed over connections that are kept: no handshake for each."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 30.0


@dataclass
class Connections:
    """Verified connections to one loopback port; each serves one thread at a time."""

    port: int
    ca: Path
    _free: list[http.client.HTTPSConnection] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _context: ssl.SSLContext | None = None
    _closed: bool = False

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Status and body of the answer; on a connection that was closed meanwhile, once again."""
        with self._lock:
            kept = self._free.pop() if self._free else None
        if kept is not None:
            try:
                return self._ask(kept, method, path, body, headers)
            except (ConnectionError, ssl.SSLEOFError, http.client.BadStatusLine):
                kept.close()
        return self._ask(self._open(), method, path, body, headers)

    def close(self) -> None:
        """Close what is kept; what is under way is closed at its end."""
        with self._lock:
            self._closed = True
            kept, self._free = self._free, []
        for one in kept:
            one.close()

    def __del__(self) -> None:
        # Of a server that a test only borrowed, nobody stops.
        self.close()

    def _open(self) -> http.client.HTTPSConnection:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=SECONDS, context=self._context
        )

    def _ask(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        try:
            connection.request(method, path, body, dict(headers))
            with connection.getresponse() as answer:
                found = answer.status, answer.read()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._free.append(connection)
                return found
        connection.close()
        return found

"""Records an SSH server's unencrypted greeting, so that errors can explain a failure."""

from __future__ import annotations

import struct

from wizard.clients.ssh.routes import Connection

_MAX_GREETING_BYTES = 65_536
_MAX_BYTES = 1_048_576


class RecordingConnection:
    """A connection that records the server's first bytes, to explain a failure later."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count = 0
        self.first = b""
        self.ended = False
        self._closed = False  # paramiko reads this attribute of a socket

    def recv(self, size: int) -> bytes:
        """Return some bytes; none if the greeting is too long or not SSH."""
        try:
            data = self._connection.recv(size)
        except ConnectionError:
            data = b""
        self._count += len(data)
        if len(self.first) < _MAX_GREETING_BYTES:
            self.first += data
        if self._count > _MAX_BYTES or (self._count > _MAX_GREETING_BYTES and not self.is_ssh):
            return b""
        self.ended = self.ended or not data
        return data

    def send(self, data: bytes) -> int:
        """Return how many bytes were sent; only reading reports a closed connection."""
        try:
            return self._connection.send(data)
        except ConnectionError:
            return len(data)

    def settimeout(self, seconds: float | None) -> None:
        """Set the time limit of `recv` and `send`, in seconds."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self._connection.close()

    @property
    def _greeting(self) -> bytes:
        """Return the version line; other lines may come before it (RFC 4253, 4.2)."""
        lines = self.first.split(b"\n")
        return next((line for line in lines[:-1] if line.startswith(b"SSH-")), b"")

    @property
    def is_ssh(self) -> bool:
        """Return whether the server sent an SSH version."""
        return bool(self._greeting)

    @property
    def version(self) -> bytes:
        """Return the version: 2.0 or 1.99 for SSH 2."""
        return self._greeting.split(b"-")[1]

    @property
    def host_key_algorithms(self) -> set[str]:
        """Return the host key algorithms that the server offers; empty before its KEXINIT.

        KEXINIT is the first packet and not encrypted (RFC 4253, 6 and 7.1).
        """
        packet = self.first.partition(self._greeting + b"\n")[2]
        try:
            if not self._greeting or packet[5] != 20:
                return set()
            at = 22
            (skipped,) = struct.unpack_from(">I", packet, at)
            at += 4 + skipped
            (size,) = struct.unpack_from(">I", packet, at)
        except (IndexError, struct.error):
            return set()
        names = packet[at + 4 : at + 4 + size]
        return set(names.decode("ascii", "replace").split(",")) if len(names) == size else set()

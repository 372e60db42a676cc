"""What an SSH server said before anything was encrypted: words about failures come from here."""

from __future__ import annotations

import struct

from wizard.clients.ssh.routes import Connection

_MAX_GREETING_BYTES = 65_536
_MAX_BYTES = 1_048_576


class RecordingConnection:
    """A connection that remembers how the server began, for words about what went wrong."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count = 0
        self.first = b""
        self.ended = False
        self._closed = False  # paramiko looks at it as at a socket's

    def recv(self, size: int) -> bytes:
        """Some bytes; an end is made of a peer that never stops or never becomes SSH."""
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
        """How many bytes went out; a peer that has gone is met again when reading."""
        try:
            return self._connection.send(data)
        except ConnectionError:
            return len(data)

    def settimeout(self, seconds: float | None) -> None:
        """How long the others may take."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """The end."""
        self._closed = True
        self._connection.close()

    @property
    def _greeting(self) -> bytes:
        """The line with the version; servers may say other lines before it (RFC 4253, 4.2)."""
        lines = self.first.split(b"\n")
        return next((line for line in lines[:-1] if line.startswith(b"SSH-")), b"")

    @property
    def is_ssh(self) -> bool:
        """Whether the server said which SSH it speaks."""
        return bool(self._greeting)

    @property
    def version(self) -> bytes:
        """2.0 or 1.99 for SSH 2."""
        return self._greeting.split(b"-")[1]

    @property
    def host_key_algorithms(self) -> set[str]:
        """The signatures of host keys that the server offers; empty until it said so.

        The first packet is its KEXINIT, not encrypted: RFC 4253, 6 and 7.1.
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

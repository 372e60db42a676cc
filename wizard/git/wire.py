"""Parses a Git server's first answer: pkt-lines with refs and capabilities, protocol version 0.

Source: gitprotocol-common(5) and gitprotocol-pack(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FLUSH = b"0000"
MOST_BYTES = 33_554_432
_REF = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n]+)(?:\0([^\n]*))?\n?")
# The places where git searches for a short name, in this order (gitrevisions(7)).
_REF_PATTERNS = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}")


class WireError(Exception):
    """The server sent something other than an advertisement.

    `server_message` is the server's error message, or empty; `ended` is true if the server closed
    the stream.
    """

    def __init__(self, server_message: str = "", *, ended: bool = False) -> None:
        super().__init__(server_message)
        self.server_message = server_message
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Advertisement:
    """Refs by full name, and the server's capabilities; `raw` has the bytes that were read."""

    refs: Mapping[str, str]
    capabilities: tuple[str, ...]
    raw: bytes

    def find(self, name: str) -> str:
        """Return the full name of the ref that git would fetch for `name`; empty if missing."""
        return next((ref for p in _REF_PATTERNS if (ref := p.format(name)) in self.refs), "")

    @property
    def default_branch(self) -> str:
        """Return the branch that HEAD refers to; empty if the server does not say."""
        prefix = "symref=HEAD:refs/heads/"
        return next((c.removeprefix(prefix) for c in self.capabilities if c.startswith(prefix)), "")

    @property
    def may_fetch_any_commit(self) -> bool:
        """Return whether a commit without a ref can be fetched by its id."""
        wanted = {"allow-reachable-sha1-in-want", "allow-any-sha1-in-want"}
        return bool(wanted & set(self.capabilities))


def read_advertisement(read: Callable[[int], bytes]) -> Advertisement:
    """Read an advertisement up to the flush packet.

    `read(n)` returns at most n bytes, and no bytes at the end of the stream.

    Raises WireError, and any error of `read`.
    """
    raw = bytearray()
    refs: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    while (line := _read_packet(read, raw)) is not None:
        if line.startswith(b"ERR "):
            raise WireError(line[4:].decode("utf-8", "replace").strip())
        if line.startswith(b"version 1"):
            continue
        match = _REF.fullmatch(line)
        if match is None:
            raise WireError
        if match[3] is not None:
            capabilities = tuple(match[3].decode("utf-8", "replace").split())
        name = match[2].decode("utf-8", "surrogateescape")
        if name != "capabilities^{}":
            refs[name] = match[1].decode()
    return Advertisement(refs, capabilities, bytes(raw))


def _read_packet(read: Callable[[int], bytes], raw: bytearray) -> bytes | None:
    """Return the next packet's content; None for a flush packet."""
    head = _read_exactly(read, 4, raw)
    if not re.fullmatch(rb"[0-9a-f]{4}", head):
        raise WireError
    size = int(head, 16)
    if size == 0:
        return None
    if size < 4 or len(raw) + size > MOST_BYTES:
        raise WireError
    return _read_exactly(read, size - 4, raw)


def _read_exactly(read: Callable[[int], bytes], size: int, raw: bytearray) -> bytes:
    data = b""
    while len(data) < size:
        part = read(size - len(data))
        if not part:
            raise WireError(ended=True)
        data += part
    raw += data
    return data

"""Finds secrets inside base64: keys as PEM, OpenSSH or DER, archives, and text with a secret."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator

# (rule, kind) of a secret in a text, or None.
Judge = Callable[[str], tuple[str, str] | None]

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}+(?:\r?\n[ \t]{0,80}+[A-Za-z0-9+/_-]{20,}+)*+={0,2}")
_PEM = re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
# DER of a private key: a sequence that starts with the version of PKCS#8 (0, then an algorithm),
# PKCS#1 (0, then a long number), SEC 1 (1, then the key) or PKCS#12 (3, then the content).
# Certificates and public keys start with another sequence. Sources: RFC 5958, 8017, 5915, 7292.
_LENGTH = rb"(?:[\x20-\x7f]|\x81.|\x82..|\x83...)"
_DER = re.compile(
    rb"\x30" + _LENGTH + rb"\x02\x01(?:"
    rb"[\x00\x01]\x30[\x05-\x7f]\x06|\x00\x02(?:[\x40-\x7f]|\x81.|\x82..)\x00?"
    rb"|\x01\x04[\x10-\x50]|\x03\x30" + _LENGTH + rb"\x06\x09\x2a\x86\x48)",
    re.DOTALL,
)
_KEYSTORE = b"\xfe\xed\xfe\xed"
_GZIP = b"\x1f\x8b\x08"
_MAX_UNPACKED = 256 * 1024


def find_encoded(text: str, judge: Judge) -> Iterator[tuple[str, int, str]]:
    """Yield (rule, offset, kind) of each base64 run that hides a secret, at any alignment."""
    for match in _BASE64.finditer(text):
        if hidden := _find_in_base64(match[0], judge, 2):
            rule, what = hidden
            yield rule, match.start(), f"{what} in base64"


def decode_base64(run: str) -> bytes:
    """Return the bytes of base64 text of either alphabet, with or without padding; b"" if none."""
    compact = "".join(run.split()).rstrip("=").replace("-", "+").replace("_", "/")
    compact = compact[: len(compact) - (len(compact) % 4 == 1)]
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _find_in_base64(run: str, judge: Judge, depth: int) -> tuple[str, str] | None:
    compact = "".join(run.split())
    for offset in range(4):
        found = _find_in_bytes(decode_base64(compact[offset:]), judge, depth)
        if found:
            return found
    return None


def _find_in_bytes(data: bytes, judge: Judge, depth: int) -> tuple[str, str] | None:
    if _PEM.search(data) or data.startswith((b"openssh-key-v1\0", _KEYSTORE)) or _DER.match(data):
        return "secret.private-key", "a private key"
    if data.startswith(_GZIP) and depth:
        try:
            unpacked = zlib.decompressobj(wbits=31).decompress(data, _MAX_UNPACKED)
        except zlib.error:
            return None
        return _find_in_bytes(unpacked, judge, depth - 1)
    if not data.isascii() and b"://" not in data:
        return None
    text = data.decode("latin-1")
    if found := judge(text):
        return found
    if depth > 1:
        for match in _BASE64.finditer(text):
            if hidden := _find_in_base64(match[0], judge, depth - 1):
                return hidden
    return None

"""The leak gate: no secret value in memory may occur in written data, in any usual encoding.

The gate searches for exact values, so it has no false positives and no override. In two ways:

- it decodes the data from every escaping that could hide a value (URL, JSON and YAML, HTML,
  doubled quotes, folded lines), and searches for the value in each result;
- it searches for the value, also URL-, JSON- and HTML-encoded, as base64 (three alignments, both
  alphabets, line breaks ignored), as hexadecimal digits and as UTF-16.

For a PEM private key, it searches for every single line, because one line reveals half an Ed25519
key; lines that all keys have in common and lines of the public key are left out.

It does not search for values under 8 characters, and values of one or two different characters (a
row of stars): a password such as `airflow` occurs in every file, and users would switch off a gate
that always refuses. Code that accepts secret values must refuse these values (`is_too_weak`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote_to_bytes

if TYPE_CHECKING:
    from pydantic import SecretStr

MIN_LENGTH = 8
_MIN_LINE = 24  # characters of a PEM line; a shorter last line may be only padding
_MIN_JOINED = 24  # characters of a multi-line value; shorter ones could match by chance

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----((?:[^-]|-(?!----))*+)-----END \1-----")
_ESCAPE = re.compile(
    rb"\\(?:((?:u[0-9a-fA-F]{4})(?:\\u[0-9a-fA-F]{4})*)|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})"
    rb"|(\r?\n[ \t]*)|(.))"
)
# The escapes of YAML 1.2 (5.7), which include JSON's.
_SINGLE = {
    b"0": b"\0", b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f",
    b"r": b"\r", b"e": b"\x1b", b"N": b"\xc2\x85", b"_": b"\xc2\xa0",
    b"L": b"\xe2\x80\xa8", b"P": b"\xe2\x80\xa9",
}  # fmt: skip


def is_too_weak(value: str) -> bool:
    """Return whether the gate cannot search for this value without false positives."""
    return len(value.strip()) < MIN_LENGTH or len(set(value.strip())) < 3


class Gate:
    """The secret values of this process, prepared once for the search in many files."""

    def __init__(self, held: Iterable[SecretStr]) -> None:
        self._clear: set[bytes] = set()
        self._joined: set[bytes] = set()
        self._utf16: set[bytes] = set()
        self._base64: set[bytes] = set()
        self._hex: set[bytes] = set()
        for secret in held:
            for value in _searched_values(secret.get_secret_value()):
                self._add(value)

    def _add(self, value: str) -> None:
        data = _to_bytes(value)
        self._clear |= {data, b"\n".join(_lines(data))}
        joined = b"".join(_lines(data))
        if len(joined) >= _MIN_JOINED:
            self._joined.add(joined)
        wide = value.encode("utf-16-le", "surrogatepass")
        self._utf16 |= {wide, value.encode("utf-16-be", "surrogatepass")}
        for form in (*_encoded_forms(value), wide):
            self._base64 |= set(_base64_needles(form))
            self._hex.add(form.hex().encode())

    def leaks(self, data: bytes) -> bool:
        """Return whether any secret value occurs in `data` (file, file name, message, log)."""
        if not self._clear:
            return False
        if _has_any(self._utf16, data):
            return True
        for view in _decode_views(data):
            # A regular expression would take quadratic time on long rows of spaces.
            lines = (line.rstrip(b" \t\r\"'\\") for line in view.split(b"\n"))
            joined = b"".join(line.lstrip(b" \t\"'>|#") for line in lines)
            if (
                _has_any(self._clear, view)
                or _has_any(self._joined, joined)
                or _has_any(self._base64, view)
                or _has_any(self._base64, joined)
                or _has_any(self._hex, re.sub(rb"[\s:]+", b"", view).lower())
            ):
                return True
        return False

    def where(self, data: bytes) -> tuple[int, ...]:
        """Return the numbers of the lines with a secret value; of a multi-line value, its last."""
        if not self.leaks(data):
            return ()
        lines = data.split(b"\n")
        alone = tuple(number for number, line in enumerate(lines, 1) if self.leaks(line))
        if alone:
            return alone
        low, high = 1, len(lines)
        while low < high:
            middle = (low + high) // 2
            if self.leaks(b"\n".join(lines[:middle])):
                high = middle
            else:
                low = middle + 1
        return (low,)


def _has_any(needles: Iterable[bytes], data: bytes) -> bool:
    return any(needle in data for needle in needles)


# --- values -----------------------------------------------------------------------------------


def _to_bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _searched_values(value: str) -> Iterator[str]:
    """Yield the texts to search for: the stripped value, and each line of a private key in it."""
    stripped = value.strip()
    if is_too_weak(stripped):
        return
    yield stripped
    # The JSON key of a cloud service account contains PEM with escaped line ends.
    for text in {stripped, stripped.replace("\\n", "\n")}:
        for match in _PEM.finditer(text):
            yield from _key_lines(match[2])


def _key_lines(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", line)]
    try:
        body = base64.b64decode("".join(lines))
    except binascii.Error:
        body = b""
    public = _public_part(body)
    start = 0
    for line in lines:
        first, last = -(-start * 6 // 8), (start + len(line.rstrip("="))) * 6 // 8
        start += len(line)
        if len(line) >= _MIN_LINE and not (body and body[first:last] in public):
            yield line


def _public_part(body: bytes) -> bytes:
    """Return the public part of an unencrypted private key: its header and the public key."""
    if body.startswith(b"openssh-key-v1\0"):
        # Layout: magic, three strings (cipher, KDF, KDF options), key count, public key.
        place = 15
        for _ in range(3):
            place += 4 + int.from_bytes(body[place : place + 4], "big")
        size = int.from_bytes(body[place + 4 : place + 8], "big")
        return body[: place + 8 + size]
    # RSA (PKCS #1, also inside PKCS #8): the modulus follows version 0.
    modulus = re.search(rb"\x02\x01\x00\x02\x82(..)", body, re.DOTALL)
    if modulus:
        return body[: modulus.end() + int.from_bytes(modulus[1], "big")]
    # ECDSA (SEC 1, also inside PKCS #8): the public point comes last.
    point = re.search(rb"\xa1(?:\x81.|.)\x03(?:\x81.|.)\x00\x04.*$", body, re.DOTALL)
    return point[0] if point else b""


def _encoded_forms(value: str) -> set[bytes]:
    """Return the value in each encoding that a program may use before base64 or hex."""
    import html
    import json

    data = _to_bytes(value)
    return {
        data,
        quote(data, safe="").encode(),
        quote(data, safe="/").encode(),
        quote_plus(data).encode(),
        _to_bytes(json.dumps(value)[1:-1]),
        _to_bytes(json.dumps(value, ensure_ascii=False)[1:-1]),
        _to_bytes(html.escape(value)),
        data.replace(b"'", b"''"),
    }


def _base64_needles(data: bytes) -> Iterator[bytes]:
    """Yield the base64 text that depends only on `data`, for every alignment and alphabet."""
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + data)
        needle = text[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        yield needle
        yield needle.translate(bytes.maketrans(b"+/", b"-_"))


# --- decodings of the data ------------------------------------------------------------------------


def _decode_views(data: bytes) -> Iterator[bytes]:
    yield data
    seen = {data}
    # Join the lines of block or folded text: indented, with blank lines between them, CRLF.
    readings = [b"\n".join(_lines(data)), b" ".join(_lines(data))]
    for sign, read in _READINGS:
        if sign in data:
            once = read(data)
            readings += [once, read(once)]
    for view in readings:
        if view not in seen:
            seen.add(view)
            yield view


def _lines(data: bytes) -> list[bytes]:
    return [line.strip(b" \t\r") for line in data.split(b"\n") if line.strip(b" \t\r")]


def _decode_percent(data: bytes) -> bytes:
    return unquote_to_bytes(data)


def _decode_plus(data: bytes) -> bytes:
    return _decode_percent(data.replace(b"+", b" "))


def _unescape(data: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        utf16, wide, narrow, fold, single = match.groups()
        if utf16:
            digits = bytes.fromhex(utf16.replace(b"\\u", b"").replace(b"u", b"").decode())
            return digits.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")
        if wide or narrow:
            code = int(wide or narrow, 16)
            return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else match[0]
        return b"" if fold else _SINGLE.get(single, single)

    return _ESCAPE.sub(plain, data)


def _decode_html(data: bytes) -> bytes:
    import html

    text = data.decode("utf-8", "surrogateescape")
    return html.unescape(text).encode("utf-8", "surrogatepass")


def _undouble(data: bytes) -> bytes:
    return re.sub(rb"(['\"%$])\1", rb"\1", data)


def _decode_shell(data: bytes) -> bytes:
    return data.replace(b"'\\''", b"'").replace(b"'\"'\"'", b"'")


_READINGS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"%", _decode_percent),
    (b"+", _decode_plus),
    (b"\\", _unescape),
    (b"&", _decode_html),
    (b"''", _undouble),
    (b'""', _undouble),
    (b"%%", _undouble),
    (b"$$", _undouble),
    (b"'", _decode_shell),
)

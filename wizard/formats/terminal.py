"""Makes untrusted text safe to print: escapes control and bidirectional characters."""

from __future__ import annotations

from collections.abc import Sequence

_SHORT = {"\t": "\\t", "\r": "\\r", "\n": "\\n", "\x1b": "\\e"}


def escape_unprintable(text: str) -> str:
    """Return the text with all unprintable characters escaped (`\\e`, `\\u202e`, `\\xff`).

    `str.isprintable` is false for Unicode's controls, format characters (bidirectional and
    zero-width ones), separators other than the space, surrogates and unassigned code points.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def format_first(items: Sequence[object], most: int = 3) -> str:
    """Return the first items as text, and the number of the others; safe to print."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(escape_unprintable(str(one)) for one in items[:most]) + more


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, decoded with surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

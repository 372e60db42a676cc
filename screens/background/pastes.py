"""Pastes that arrive in one piece, also where the terminal encodes the line ends in them.

tmux with `extended-keys-format csi-u` writes a line end in a bracketed paste as the escape sequence
of a key. Textual takes that for typed keys, which then arrive before the paste, and loses the rest
of the paste. Source: Textual 8.2, `XTermParser.parse`; xterm, "modifyOtherKeys".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.message import Message

_BEGIN, _END = "\x1b[200~", "\x1b[201~"
_KEY = re.compile(r"\x1b\[(?:(?P<code>\d+)(?:;(?P<more>\d+))?u|27;(?P<mods>\d+);(?P<other>\d+)~)")
_UNFINISHED = re.compile(r"\x1b(\[[\d;]*)?\Z")
_CONTROL = 4


class PasteParser(XTermParser):
    """Textual's parser of terminal input, with the keys inside a paste decoded before."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pastes = False
        self._rest = ""

    def feed(self, data: str) -> Iterable[Message]:
        """Return the events of one piece of input; empty at the end of the input."""
        text = self._decode(data) if data else ""
        # Textual takes an empty text for the end of the input.
        return () if data and not text else super().feed(text)

    def _decode(self, data: str) -> str:
        text, found = self._rest + data, []
        self._rest = ""
        while text:
            if not self._pastes:
                head, mark, text = text.partition(_BEGIN)
                found.append(head + mark)
                self._pastes = bool(mark)
                continue
            head, mark, text = text.partition(_END)
            # A sequence may be cut at the end of a piece.
            if not mark and (cut := _UNFINISHED.search(head)):
                head, self._rest = head[: cut.start()], head[cut.start() :]
            found.append(_KEY.sub(_decode_key, head) + mark)
            self._pastes = not mark
        return "".join(found)


def _decode_key(match: re.Match[str]) -> str:
    """Return the character that an encoded key stands for; a line end for enter."""
    code = int(match["code"] or match["other"])
    held = int(match["more"] or match["mods"] or 1) - 1
    if held & _CONTROL and 64 <= code < 128:
        code &= 0x1F
    return "\n" if code == 13 else chr(code) if code < 0x110000 else ""

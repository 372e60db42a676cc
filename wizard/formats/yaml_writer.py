"""The YAML writer: turns plain data and comments into stable block-style text.

Every string is read back as the same string by a YAML 1.1 reader (PyYAML), a 1.2 reader (ruamel)
and the mixture of both in Kubernetes and Helm (go-yaml). Text that one of them could read as a
number, a date, a boolean or null is quoted. Single lines are never folded; the key order of the
caller is kept. The output does not depend on the Python version: invisible characters are listed
here and not taken from the interpreter's Unicode tables.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

Yaml: TypeAlias = "bool | int | float | str | list[Yaml] | dict[str, Yaml] | None"
Path: TypeAlias = tuple[str | int, ...]

# Text that needs no quotes. It starts like a word or a path, so no reader takes it for a number or
# another type (these all start with a digit, a sign, a dot, "~", "=" or "<", or are words below).
_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@%+=,;~$()*-]|:(?! |\Z)| (?! |\Z))*\Z").match
_WORD = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|nan|inf)\Z").match

# Control, invisible, bidirectional and byte-order characters, and noncharacters: a reader may
# reject or change them (U+0085, U+2028), and a person does not see them.
HIDDEN_CHARACTERS = (
    "\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ESCAPE = re.compile(f'["\\\\{HIDDEN_CHARACTERS}]')
_UNSEEN = re.compile(f"[{HIDDEN_CHARACTERS}]")
_SURROGATE = re.compile("[\ud800-\udfff]").search
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

# Text that is not safe as a literal block: hidden characters except the line feed and a tab inside
# a line, spaces or tabs at a line's ends, and an empty first line (it would need an indentation
# indicator). Code has lines that begin with spaces.
_UNSAFE = r"\A[\n \t]|[ \t]\n|\n\t|[ \t]\Z|[" + "\x00-\x08\x0b-\x1f" + HIDDEN_CHARACTERS[3:] + "]"
_NOT_CODE = re.compile(_UNSAFE).search
_NOT_LITERAL = re.compile(rf"\n |{_UNSAFE}").search

# Readers accept no simple key (`key: value`) of more than 1,024 characters.
_LONGEST_KEY = 1000


class Code(str):
    """Text of a program, which is written line by line although lines are indented."""

    __slots__ = ()


def dump_yaml(data: Yaml, comments: Mapping[Path, str] | None = None, header: str = "") -> str:
    """Return the YAML text of `data`, ending in one line feed.

    `comments` maps the path of a key or list item to the text written above it as `# ` lines;
    paths that `data` does not have are ignored. `header` is a comment block at the top. Both always
    stay comments, whatever they contain.
    Raises TypeError for a type or key that YAML cannot represent safely, and ValueError for text
    with lone surrogates; both name the place but never the value.
    """
    lines: list[str] = []
    if header:
        lines += [*_comment(header, ""), ""]
    writer = _Writer(lines, comments or {})
    if () in writer.comments:
        lines += _comment(writer.comments[()], "")
    writer.node(data, 0, (), "", "")
    lines.append("")
    return "\n".join(lines)


def quote_yaml(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar; without rare characters, this is also JSON."""
    return '"' + _ESCAPE.sub(_escape, text) + '"'


class _Writer:
    """Writes the data in one pass, as a list of lines."""

    __slots__ = ("comments", "lines")

    def __init__(self, lines: list[str], comments: Mapping[Path, str]) -> None:
        self.lines = lines
        self.comments = comments

    def node(self, value: Yaml, indent: int, path: Path, lead: str, outer: str) -> None:
        """Write a node whose first line begins with `lead`; `outer` indents its comments."""
        if isinstance(value, dict) and value:
            self.mapping(value, indent, path, lead, outer)
        elif isinstance(value, list | tuple) and value:
            self.sequence(value, indent, path, lead, outer)
        else:
            self.lines.append(lead + _scalar(value, indent, path))

    def mapping(
        self, value: dict[str, Yaml], indent: int, path: Path, lead: str, outer: str
    ) -> None:
        """Write a non-empty mapping in block style."""
        lines, comments = self.lines, self.comments
        pad = " " * indent
        for key, child in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{_where(path)}: a key is {type(key).__name__}, not text")
            name = _key(str.__str__(key))
            here = (*path, key)
            if comments and here in comments:
                lines += _comment(comments[here], outer)
            if name is None:
                _refuse_surrogates(key, path)
                lines.append(f"{lead}? {quote_yaml(key)}")
                start = pad + ":"
            else:
                start = f"{lead}{name}:"
            if isinstance(child, dict) and child:
                lines.append(start)
                self.mapping(child, indent + 2, here, pad + "  ", pad + "  ")
            elif isinstance(child, list | tuple) and child:
                lines.append(start)
                self.sequence(child, indent + 2, here, pad + "  ", pad + "  ")
            else:
                lines.append(f"{start} {_scalar(child, indent + 2, here)}")
            lead = outer = pad

    def sequence(self, value: list[Yaml], indent: int, path: Path, lead: str, outer: str) -> None:
        """Write a non-empty list in block style."""
        comments = self.comments
        pad = " " * indent
        for number, child in enumerate(value):
            here = (*path, number)
            if comments and here in comments:
                self.lines += _comment(comments[here], outer)
            self.node(child, indent + 2, here, lead + "- ", outer)
            lead = outer = pad


def _scalar(value: Yaml, indent: int, path: Path) -> str:
    if isinstance(value, str):
        text = str.__str__(value)
        if _PLAIN(text) and not _WORD(text):
            return text
        is_unsafe = _NOT_CODE if isinstance(value, Code) else _NOT_LITERAL
        if "\n" in text and not is_unsafe(text):
            return _literal(text, " " * (indent or 2))
        _refuse_surrogates(text, path)
        return quote_yaml(text)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"{_where(path)}: cannot write {type(value).__name__} as YAML")


def _literal(text: str, pad: str) -> str:
    body = text.rstrip("\n")
    tail = len(text) - len(body)
    chomp = "-" if tail == 0 else "" if tail == 1 else "+"
    lines = [pad + line if line else "" for line in body.split("\n")]
    return "\n".join([f"|{chomp}", *lines, *[""] * (tail - 1)])


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = float.__repr__(value)
    mantissa, e, exponent = text.partition("e")
    # YAML 1.1 would read 1e+16 as a string: the mantissa needs a decimal point.
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


@lru_cache(maxsize=8192)
def _key(text: str) -> str | None:
    """Return the key as YAML text; None if it needs the long `? ` form (or is not allowed)."""
    if _PLAIN(text) and not _WORD(text):
        return text if len(text) < _LONGEST_KEY else None
    if _SURROGATE(text):
        return None
    name = quote_yaml(text)
    return name if len(name) < _LONGEST_KEY else None


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    short = _SHORT.get(char)
    if short:
        return short
    # One \U escape: go-yaml rejects the two \u escapes of a surrogate pair, as in JSON.
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def _comment(text: str, pad: str) -> list[str]:
    """Return `text` as comment lines; escapes line breaks and hidden characters."""
    lines = []
    for line in text.splitlines():
        clean = _UNSEEN.sub(_escape, line.replace("\t", " ").rstrip())
        lines.append(f"{pad}# {clean}" if clean else f"{pad}#")
    return lines


def _refuse_surrogates(text: str, path: Path) -> None:
    if _SURROGATE(text):
        raise ValueError(f"{_where(path)}: text with half a surrogate pair is not Unicode")


def _where(path: Path) -> str:
    return ".".join(str(part) for part in path).encode("unicode_escape").decode() or "document"

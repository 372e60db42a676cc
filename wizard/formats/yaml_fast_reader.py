"""Reads YAML that yaml_writer wrote, thirty times faster than a full YAML reader.

The result is verified: the data is written again and must give the same text, apart from comments.
All YAML readers read such text in the same way (see yaml_writer). Any other text is refused, even
if it is very similar, and the caller uses the full reader.
"""

from __future__ import annotations

import re

from wizard.formats.yaml_writer import HIDDEN_CHARACTERS, Yaml, dump_yaml

_DEPTH_LIMIT = 60
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(rf"({_QUOTED}|[^\s\"#?|>&*!%@`'\[\]{{}}-][^\"#]*?):(?: (.*))?\Z").match
_STRING = re.compile(_QUOTED + r"\Z").match
_NUMBER = re.compile(r"-?[0-9]+\Z").match
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+(?:e[-+][0-9]+)?\Z|-?\.inf\Z|\.nan\Z").match
_ESCAPE = re.compile(r"\\(?:u([0-9A-F]{4})|U([0-9A-F]{8})|(.))")
_SHORT = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}
_UNSEEN = re.compile(f"[{HIDDEN_CHARACTERS}]").search
_CONSTANTS: dict[str, Yaml] = {"null": None, "true": True, "false": False}


class ForeignYamlError(ValueError):
    """The text is not in the form that yaml_writer writes."""


def load_own_yaml(text: str) -> Yaml:
    """Return the data of a text from yaml_writer; comments must be on their own lines.

    Raises ForeignYamlError for every other text, valid YAML or not.
    """
    reader = _Reader(text)
    data = reader.document()
    try:
        again = dump_yaml(data)
    except ValueError as error:  # an escape for half of a surrogate pair
        raise ForeignYamlError from error
    if again != "\n".join(reader.kept):
        raise ForeignYamlError
    return data


class _Reader:
    __slots__ = ("at", "kept", "lines")

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 0
        self.kept: list[str] = []

    def document(self) -> Yaml:
        """Return the single document of the text."""
        lines = self.lines
        if lines[-1]:
            raise ForeignYamlError
        while lines[self.at].startswith("#"):
            self.comment(lines[self.at])
        if 0 < self.at < len(lines) - 1 and not lines[self.at]:
            self.at += 1
        self.comments()
        if self.at == len(lines) - 1:
            raise ForeignYamlError
        line = lines[self.at]
        if line.startswith("- ") or _ENTRY(line):
            data = self.block(0, 0)
        else:
            self.kept.append(line)
            self.at += 1
            data = self.scalar(line, 0)
        self.kept += lines[self.at :]
        return data

    def comment(self, line: str) -> None:
        """Skip a comment line; refuse characters that another reader takes for a line break."""
        if _UNSEEN(line):
            raise ForeignYamlError
        self.at += 1

    def comments(self) -> None:
        """Skip the comment lines at the cursor."""
        while (line := self.lines[self.at]).lstrip(" ").startswith("#"):
            self.comment(line)

    def block(self, indent: int, depth: int, first: str = "") -> Yaml:
        """Return the mapping or list at this indentation.

        `first` is the rest of the line after a dash, if the mapping or list begins there.
        """
        if depth > _DEPTH_LIMIT:
            raise ForeignYamlError
        line = first or self.lines[self.at][indent:]
        return (self.items if line.startswith("- ") else self.mapping)(indent, depth, first)

    def mapping(self, indent: int, depth: int, first: str) -> dict[str, Yaml]:
        """Return the mapping's entries, up to a less indented line."""
        found: dict[str, Yaml] = {}
        lines, pad = self.lines, " " * indent
        line = first or self.next(pad)
        while line:
            entry = _ENTRY(line)
            if entry is None:
                raise ForeignYamlError
            key = _text(entry[1]) if line[0] == '"' else entry[1]
            if key in found:
                raise ForeignYamlError
            self.kept.append(lines[self.at])
            self.at += 1
            rest: str | None = entry[2]
            if rest is None:
                self.comments()
                if not lines[self.at].startswith(pad + "  "):
                    raise ForeignYamlError
                found[key] = self.block(indent + 2, depth + 1)
            else:
                found[key] = self.scalar(rest, indent + 2)
            line = self.next(pad)
        return found

    def items(self, indent: int, depth: int, first: str) -> list[Yaml]:
        """Return the list's items, up to a less indented line."""
        found: list[Yaml] = []
        pad = " " * indent
        line = first or self.next(pad)
        while line:
            if not line.startswith("- "):
                raise ForeignYamlError
            rest = line[2:]
            if rest.startswith("- ") or _ENTRY(rest):
                found.append(self.block(indent + 2, depth + 1, rest))
            else:
                self.kept.append(self.lines[self.at])
                self.at += 1
                found.append(self.scalar(rest, indent + 2))
            line = self.next(pad)
        return found

    def next(self, pad: str) -> str:
        """Return the next line at exactly this indentation, stripped; "" at the block's end."""
        self.comments()
        line = self.lines[self.at]
        if not line.startswith(pad) or not line:
            return ""
        line = line[len(pad) :]
        if line.startswith(" "):
            raise ForeignYamlError
        return line

    def scalar(self, text: str, indent: int) -> Yaml:
        """Return a scalar; of a literal block, `text` is only the first line."""
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[:1] == '"':
            return _text(text)
        if text in ("|", "|-", "|+"):
            return self.literal(text, " " * (indent or 2))
        if _NUMBER(text) and len(text) < 4000:
            return int(text)
        if _FLOAT(text):
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        if text == "{}":
            return {}
        return [] if text == "[]" else text

    def literal(self, style: str, pad: str) -> str:
        """Return the lines of a literal block; blank lines at its end count only with `|+`."""
        lines, start = self.lines, self.at
        last = len(lines) - 1
        while self.at < last and (not lines[self.at] or lines[self.at].startswith(pad)):
            self.at += 1
        body = lines[start : self.at]
        self.kept += body
        text = "\n".join(line[len(pad) :] for line in body)
        return text if style == "|-" else text + "\n"


def _text(quoted: str) -> str:
    if _STRING(quoted) is None:
        raise ForeignYamlError
    return _ESCAPE.sub(_unescape, quoted[1:-1])


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if digits:
        return chr(int(digits, 16)) if int(digits, 16) < 0x110000 else ""
    return _SHORT.get(match[3], "")

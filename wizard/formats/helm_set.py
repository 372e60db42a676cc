r"""Applies Helm's `--set`, `--set-string` and `--set-file` to values, as Helm does.

Source: Helm's package strvals. A line has the form ``name1=value1,name2=value2``. Names are split
at dots and have list indexes in brackets; a backslash takes the next character literally, and
``{a,b}`` is a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

# Helm allows indexes up to 65,536. No list of the chart is that long, and a line with many such
# indexes would fill the memory.
_MAX_INDEX = 1000
_MAX_LEVELS = 30
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z").match
_WORDS = {"true": True, "false": False, "null": None}
_INT64 = range(-(2**63), 2**63)
Convert = Callable[[str], Any]


class HelmSetError(ValueError):
    """A line that Helm refuses, or that this module cannot apply as Helm would."""


def apply_set(values: dict[str, Any], line: str, convert: Convert | None = None) -> dict[str, Any]:
    """Return the values after `--set LINE`; the given values are not changed.

    `convert` turns the text of a value into the value (default: Helm's types, see
    `convert_text`; `str` for `--set-string`). Raises HelmSetError.
    """
    changed = deepcopy(values)
    update_set(changed, line, convert)
    return changed


def update_set(values: dict[str, Any], line: str, convert: Convert | None = None) -> None:
    """Do the same in `values` itself, which is quicker for many lines."""
    _Line(line, convert or convert_text).apply(values)


def convert_text(text: str) -> Any:
    """Return the value that Helm reads in a text: a boolean, null, an integer or the text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text == "0":
        return 0
    # A leading zero means text, such as an octal mode or a telephone number.
    if not text.startswith("0") and _INTEGER(text) and int(text) in _INT64:
        return int(text)
    return text


class _EndError(Exception):
    """The end of the line, where a next name could begin."""


class _Line:
    """One line with the position up to which it was read."""

    def __init__(self, text: str, convert: Convert) -> None:
        self.text = text
        self.at = 0
        self.convert = convert

    def apply(self, values: dict[str, Any]) -> None:
        """Set every name of the line in `values`."""
        while True:
            try:
                self.set_name(values, 0)
            except _EndError:
                return

    def read_until(self, stop: str) -> tuple[str, str]:
        """Return the text up to a character in `stop`, and that character; "" at the end."""
        found: list[str] = []
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter in stop:
                return "".join(found), letter
            if letter == "\\":
                letter = self.text[self.at : self.at + 1]
                self.at += 1
            found.append(letter)
        return "".join(found), ""

    def set_name(self, data: dict[str, Any], level: int) -> None:
        """Read one name and its value, and set it in `data`."""
        name, last = self.read_until("=[,.")
        if last == "":
            if name:
                raise HelmSetError("a name without a value")
            raise _EndError
        if last == ",":
            raise HelmSetError("a name without a value")
        if last == "=":
            _put(data, name, self.read_value())
        elif last == "[":
            _put(data, name, self.set_item(_list(data, name), self.read_index(), level + 1))
        else:
            _require_level(level + 1)
            below = _mapping(data, name)
            self.set_name(below, level + 1)
            if not below:
                raise HelmSetError("a name without a value")
            _put(data, name, below)

    def read_index(self) -> int:
        """Read the index up to the closing bracket."""
        text, last = self.read_until("]")
        if last != "]" or not _INTEGER(text) or not 0 <= int(text) <= _MAX_INDEX:
            raise HelmSetError("not an index of a list")
        return int(text)

    def set_item(self, items: list[Any], index: int, level: int) -> list[Any]:
        """Return the list with the value that follows set at `index`."""
        _require_level(level)
        between, last = self.read_until("[.=")
        if between or not last:
            raise HelmSetError("unexpected text after an index")
        items = [*items, *[None] * (index + 1 - len(items))]
        if last == "=":
            items[index] = self.read_value()
        elif last == "[":
            below = items[index] if items[index] is not None else []
            if not isinstance(below, list):
                raise HelmSetError("an index where the value is not a list")
            items[index] = self.set_item(below, self.read_index(), level + 1)
        else:
            inner = items[index] if isinstance(items[index], dict) else {}
            self.set_name(inner, level + 1)
            items[index] = inner
        return items

    def read_value(self) -> Any:
        """Read a value: a list in braces, or the text up to the next comma."""
        if self.text[self.at : self.at + 1] != "{":
            return self.convert(self.read_until(",")[0])
        self.at += 1
        items = []
        while True:
            text, last = self.read_until(",}")
            if not last:
                raise HelmSetError("a list without its closing brace")
            items.append(self.convert(text))
            if last == "}":
                break
        if self.text[self.at : self.at + 1] == ",":
            self.at += 1
        return items


def _put(data: dict[str, Any], name: str, value: Any) -> None:
    # Helm ignores an empty name.
    if name:
        data[name] = value


def _list(data: dict[str, Any], name: str) -> list[Any]:
    found = data.get(name, [])
    if not isinstance(found, list):
        raise HelmSetError("an index where the value is not a list")
    return found


def _mapping(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise HelmSetError("a key below a value that is not a mapping")
    return found


def _require_level(level: int) -> None:
    if level > _MAX_LEVELS:
        raise HelmSetError("nested too deeply")

"""The text of new entries: copied from the rendering with its comments, or written anew."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from wizard.formats.nested import get_value
from wizard.formats.yaml_writer import dump_yaml
from wizard.plan.merge.layout import Layout, lay_out
from wizard.plan.merge.sides import Item, Path, is_same


class Source:
    """The last and the new rendering of a file, in which comments are the wizard's."""

    def __init__(self, base: str, new: str, data: Any) -> None:
        self._base_text = base
        self._new_text = new
        self._data = data

    @cached_property
    def _base(self) -> Layout:
        return lay_out(self._base_text)

    @cached_property
    def _new(self) -> Layout:
        return lay_out(self._new_text)

    @cached_property
    def comments(self) -> frozenset[str]:
        """All comment lines of the last rendering; any other comment is a person's."""
        lines = (line.strip() for line in self._base_text.split("\n"))
        return frozenset(line for line in lines if line.startswith("#"))

    def comments_of(self, path: Path) -> list[str]:
        """Return the comments directly above a key in the last rendering."""
        found = self._base.find_entry(path) if path else None
        if found is None:
            return []
        at = found[0].start_mark.index
        return self._base.comments_in(self._base.comments_above(at), self._base.line_start(at))

    def write_entry(self, path: Path, value: Any, column: int) -> list[str]:
        """Return the lines of an entry in block style at a column, with its comments above it."""
        lines = self._copy(path, value)
        if lines is None:
            lines = dump_yaml({path[-1]: value}).rstrip("\n").split("\n")
        return [" " * column + line if line else line for line in lines]

    def write_value(self, path: Path, value: Any, column: int) -> list[str]:
        """Return the text behind the colon of an entry, and the lines that follow it."""
        lines = self._copy(path, value, above=False) if isinstance(value, dict | list) else None
        key = path[-1]
        if lines is None or not lines[0].startswith(f"{key}:"):
            key = "k"
            lines = dump_yaml({key: value}).rstrip("\n").split("\n")
        first, *rest = lines
        return [
            first.removeprefix(f"{key}:").strip(),
            *(" " * column + line if line else line for line in rest),
        ]

    def write_item(self, value: Any, column: int) -> list[str]:
        """Return the lines of a list's item in block style at a column."""
        lines = dump_yaml([value]).rstrip("\n").split("\n")
        return [" " * column + line if line else line for line in lines]

    def _copy(self, path: Path, value: Any, *, above: bool = True) -> list[str] | None:
        """Return the lines of an entry in the new rendering, if its value there is this one."""
        if any(isinstance(part, Item) for part in path):
            return None
        if not is_same(get_value(self._data, path), value):
            return None
        layout = self._new
        found = layout.find_entry(path)
        if found is None or not layout.starts_line(found[0].start_mark.index):
            return None
        key, node = found
        end = layout.line_end(layout.span(node, layout.value_start(key, path))[1])
        at = key.start_mark.index
        start = layout.comments_above(at) if above else layout.line_start(at)
        lines = layout.text[start:end].rstrip("\n").split("\n")
        column = key.start_mark.column
        if any(line[:column].strip() for line in lines):
            return None
        return [line[column:] for line in lines]

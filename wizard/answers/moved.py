"""Keys of answers that moved: files, commands and scripts with the old keys stay valid.

Answers are moved when they are read, so nothing else knows the old keys. What is saved has the new
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_reader import read_yaml


@dataclass(frozen=True, slots=True)
class MovedKey:
    """One key that moved, and the new value for each old one that is written differently now."""

    old: str
    new: str
    values: Mapping[object, object] = field(default_factory=dict)

    def convert(self, value: object) -> object:
        """Return the value in its new form; one that was never valid stays as it is."""
        known = isinstance(value, (bool, str))
        return self.values.get(value, value) if known else value

    def read(self, text: str) -> object:
        """Return the new value for an old one as text; AnswersError if it is not YAML."""
        return self.convert(read_yaml(text, self.old))


MOVED_KEYS = (
    MovedKey("components.logs.persistence", "logs.kind", {True: "volume", False: "pod"}),
    MovedKey("components.logs.size", "logs.size"),
    MovedKey("components.logs.storage_class", "logs.storage_class"),
)
_MISSING = object()


def find_moved_key(key: str) -> MovedKey | None:
    """Return what became of this dotted key; None if it did not move."""
    return next((one for one in MOVED_KEYS if one.old == key), None)


def follow_moved_key(key: str) -> str:
    """Return the key, or the one below which all keys below it are now."""
    for one in MOVED_KEYS:
        if one.old == key:
            return one.new
        if one.old.startswith(f"{key}.") and not one.new.startswith(f"{key}."):
            below = [other for other in MOVED_KEYS if other.old.startswith(f"{key}.")]
            parents = {other.new.rpartition(".")[0] for other in below}
            if len(parents) == 1 and key.count(".") >= 1:
                return parents.pop()
    return key


def move_answers(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw answers without old keys.

    Raises AnswersError if an old and its new key have different values.
    """
    moved = dict(data)
    problems = []
    for one in MOVED_KEYS:
        path, new = tuple(one.old.split(".")), tuple(one.new.split("."))
        value = get_value(moved, path, _MISSING)
        if value is _MISSING:
            continue
        value = one.convert(value)
        moved = _remove(moved, path)
        if get_value(moved, new, value) != value:
            problems.append(
                Problem(one.old, f"remove it: it is {one.new} now, which has another value")
            )
        elif get_value(moved, new, _MISSING) is _MISSING:
            moved = put_value(moved, new, value)
    if problems:
        raise AnswersError("a key and the one that it moved to differ", problems)
    return moved


def _remove(data: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return a copy without the value at `path`, and without mappings that are empty then."""
    head, *rest = path
    if not rest:
        return {key: value for key, value in data.items() if key != head}
    below = _remove(data[head], tuple(rest))
    return {
        key: below if key == head else value for key, value in data.items() if key != head or below
    }


def describe_moved_keys(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema of the answers that also accepts the old keys, as deprecated ones."""
    for one in MOVED_KEYS:
        section, *parents, last = one.old.split(".")
        node = schema["$defs"][section.capitalize()]
        for part in parents:
            empty = {"type": "object", "deprecated": True, "additionalProperties": False}
            node = node["properties"].setdefault(part, {**empty, "properties": {}})
        kind = "boolean" if True in one.values else "string"
        about = f"Now {one.new}."
        node["properties"][last] = {"type": kind, "deprecated": True, "description": about}
    return schema

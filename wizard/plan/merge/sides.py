"""The records of a merge: where both sides differ, and why a file cannot be merged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wizard.formats.nested import TaggedText
from wizard.git.changes import Side


class Missing(Enum):
    """The value of a key that is not there, which is not null."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Edited:
    """A value that a user gives for a key, in place of both sides."""

    value: Any


Decision = Side | Edited
# What counts for a key; None leaves it undecided.
Decide = Callable[[str], Decision | None]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a user decided for: for single places by path and key, and a side for all others."""

    others: Side | None = None
    single: Mapping[tuple[str, str], Decision] = field(default_factory=dict)

    def find(self, path: str, key: str = "") -> Decision | None:
        """Return the decision for one place; None if it is undecided."""
        return self.single.get((path, key), self.others)


UNDECIDED = Decisions()


class Item(str):
    """The identity of a list's item, as a part of a path."""

    __slots__ = ()


Path = tuple[str, ...]
# The field that identifies the items of the list at a path ("": the whole item), or None.
Identify = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A place that the person and the answers changed differently, as text for a person.

    `key` is a dotted path or a range of lines. A side is None where the place does not exist.
    """

    key: str
    base: str | None
    mine: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class MergedFile:
    """The merged bytes, or the disagreements that nobody has decided yet, and no bytes."""

    data: bytes | None
    disagreements: tuple[Disagreement, ...] = ()


class MergeError(Exception):
    """A file cannot be merged: the place in it (empty: the file), the reason and the remedy."""

    def __init__(self, key: str, reason: str, fix: str) -> None:
        super().__init__(f"{key}: {reason}" if key else reason)
        self.key = key
        self.reason = reason
        self.fix = fix


def format_key(path: Path) -> str:
    """Return a path as text: `env[LANG].value`, or `labels."a.b"` for a key with a dot."""
    text = ""
    for part in path:
        if isinstance(part, Item):
            text += f"[{part}]"
        else:
            name = part if part and "." not in part else f'"{part}"'
            text += f".{name}" if text else name
    return text


def is_same(one: object, other: object) -> bool:
    """Return whether two values are equal and of the same types; the order of keys is free."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return repr(one) == repr(other)
    return type(one) is type(other) and one == other


def index_items(items: Sequence[Any], field: str) -> dict[Item, Any] | None:
    """Return the items of a list by their identity; None if two have the same, or one has none."""
    found: dict[Item, Any] = {}
    for item in items:
        name = _identify(item, field)
        if name is None or name in found:
            return None
        found[name] = item
    return found


def _identify(item: object, field: str) -> Item | None:
    if field:
        value = item.get(field) if isinstance(item, Mapping) else None
        return Item(value) if isinstance(value, str) and value else None
    return Item(item if isinstance(item, str) else write_canonical(item))


def write_canonical(value: object) -> str:
    """Return a text that only the same value has."""
    tagged = isinstance(value, TaggedText)
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return f"!{text}" if tagged else text


def order_keys(mine: Sequence[str], new: Sequence[str], kept: Mapping[str, object]) -> list[str]:
    """Return the keys in `kept` in the order of `mine`; others go where `new` has them.

    A key follows its nearest predecessor in `new`, or stands before its nearest successor.
    """
    keys = [key for key in mine if key in kept]
    for at, key in enumerate(new):
        if key not in kept or key in keys:
            continue
        before = next((other for other in reversed(new[:at]) if other in keys), None)
        after = next((other for other in new[at + 1 :] if other in keys), None)
        if before is not None:
            keys.insert(keys.index(before) + 1, key)
        else:
            keys.insert(len(keys) if after is None else keys.index(after), key)
    return keys

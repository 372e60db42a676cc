"""Dotted keys in nested mappings: read, set, walk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from keyword import iskeyword
from typing import Any


class TaggedText(str):
    """A text that has a tag of its own in YAML, such as `!Ref`: Helm ignores it, others obey it."""

    __slots__ = ()


def format_path(path: Sequence[str | int]) -> str:
    """Return a path as text: `env[0].name`, or `labels."a.b"` for a key with a dot."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part == "[]":
            text += "[]"
        else:
            name = part if part and "." not in part else f'"{part}"'
            text += f".{name}" if text else name
    return text


@cache
def split_key(key: str) -> tuple[str, ...]:
    """Return the path of a dotted key of the program's own; each is split once."""
    return tuple(key.split("."))


def name_attribute(key: str) -> str:
    """Return the attribute that holds this key of a model: `class_` for `class`."""
    return f"{key}_" if iskeyword(key) else key


def name_key(attribute: str) -> str:
    """Return the key that this attribute of a model holds: `class` for `class_`."""
    return attribute.removesuffix("_")


def get_value(data: Any, path: tuple[str, ...], default: object = None) -> Any:
    """Return the value at `path` in nested mappings or models, else `default`."""
    for part in path:
        kind = type(data)
        if hasattr(kind, "__pydantic_fields__"):
            # A pydantic model; to import pydantic only for a type check would slow other callers.
            data = getattr(data, name_attribute(part), default)
        # Most mappings are dictionaries, and to ask the abstract class takes ten times longer.
        elif kind is dict or isinstance(data, Mapping):
            if part not in data:
                return default
            data = data[part]
        else:
            return default
    return data


def put_value(data: Mapping[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a copy of nested mappings with `value` at `path`; replaces values in the way."""
    head, *rest = path
    copied = dict(data)
    if not rest:
        copied[head] = value
        return copied
    below = copied.get(head)
    copied[head] = put_value(below if isinstance(below, Mapping) else {}, tuple(rest), value)
    return copied


def walk(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Yield every node with its path, parents before children."""
    yield path, value
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from walk(child, (*path, str(key)))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from walk(child, (*path, number))


def walk_mappings(
    value: object, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every node with its path as `walk` does; a list is one node."""
    yield path, value
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from walk_mappings(child, (*path, str(key)))

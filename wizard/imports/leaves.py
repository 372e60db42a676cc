"""Helm values as single leaves, so that two sets of values can be compared key by key.

Lists whose items have an identity, lists of mappings, and JSON in a text are taken apart, too. What
the chart sets by default counts as set, and an empty value as not set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from wizard.chart.defaults import load_defaults
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.plan.lists import find_identity
from wizard.plan.merge.sides import index_items, write_canonical

Path: TypeAlias = tuple[str, ...]
Leaves: TypeAlias = dict[Path, Any]

_TEXT_LISTS = ("extraEnv", "extraEnvFrom")
# The part of a path that stands for JSON in a text.
JSON = "(JSON)"
# Airflow reads the options of its configuration as text, in any case.
_CONFIG = "config"


def list_leaves(values: Mapping[str, Any]) -> Leaves:
    """Return every leaf of some Helm values by its path."""
    return dict(_walk(values, ()))


def add_defaults(leaves: Leaves, chart: str) -> Leaves:
    """Return the leaves in effect: with the chart's defaults, and without empty values."""
    defaults = _load_normal_defaults(chart)
    found = {**defaults, **leaves}
    # A null at a mapping removes all defaults below it.
    gone = [path for path, value in leaves.items() if value is None and path not in defaults]
    for path in [one for one in defaults if any(one[: len(top)] == top for top in gone)]:
        if path not in leaves:
            del found[path]
    return {path: value for path, value in found.items() if not _is_empty(value)}


@lru_cache(maxsize=8)
def _load_normal_defaults(chart: str) -> Leaves:
    return {path: _normalize(value, path) for path, value in load_defaults(chart).items()}


def get_source(path: Path) -> Path:
    """Return the path of the nearest value around a leaf that Helm knows as one value."""
    for number, part in enumerate(path):
        if part == JSON or part.startswith("["):
            return path[:number]
    return path


def _walk(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Mapping):
        if not node:
            yield path, {}
        for key, below in node.items():
            yield from _walk(below, (*path, str(key)))
        return
    name = path[-1] if path else ""
    if isinstance(node, str):
        parsed = _parse_text(node, name in _TEXT_LISTS)
        if isinstance(parsed, list) and name in _TEXT_LISTS:
            yield from _walk_list(parsed, path, name)
            return
        if isinstance(parsed, (Mapping, list)) and parsed:
            yield from _walk(parsed, (*path, JSON))
            return
    if isinstance(node, list) and node:
        yield from _walk_list(node, path, name)
        return
    yield path, _normalize(node, path)


def _walk_list(node: list[Any], path: Path, name: str) -> Iterator[tuple[Path, Any]]:
    field = find_identity(name)
    items = None if field is None else index_items(node, field)
    if items is not None:
        for identity, item in items.items():
            at = (*path, f"[{identity}]")
            if field:
                yield from _walk(item, at)
            else:
                yield at, item
    elif all(isinstance(item, Mapping) for item in node):
        for number, item in enumerate(node):
            yield from _walk(item, (*path, f"[{number}]"))
    else:
        yield path, node


@lru_cache(maxsize=4096)
def _parse_text(text: str, is_list: bool) -> Any:
    if is_list:
        return parse_yaml_text(text)
    if text[:1] not in ("{", "[") or len(text) < 3:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _normalize(value: Any, path: Path) -> Any:
    if path[:1] != (_CONFIG,) or JSON in path or isinstance(value, (list, dict)) or value is None:
        return value
    text = str(value)
    return text.lower() if text in ("True", "False") else text


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def is_equal(one: Any, other: Any) -> bool:
    """Return whether two leaves are the same; 1 and true are not."""
    if type(one) is type(other) and not isinstance(one, (list, dict)):
        return bool(one == other)
    return write_canonical(one) == write_canonical(other)

"""The values keys that each version of the Airflow chart knows, and the deprecated ones.

The chart's schema accepts unknown keys at the root, under `ingress` and `workers.celery` and in
eighty more places (verified on 1.22.0), so it does not find typos there. The wizard therefore has
its own list per chart version, generated from values.schema.json into keydata/<version>.txt;
tests/tools/chart_keys.py describes the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from importlib import resources
from typing import TypeAlias

from wizard.chart.versions import list_chart_versions
from wizard.formats.nested import format_path

Path: TypeAlias = tuple[str | int, ...]


@lru_cache(maxsize=8)
def load_keys(version: str) -> ChartKeys:
    """Return the keys of one chart version; KeyError for a version without a list."""
    if version not in list_chart_versions():
        known = ", ".join(list_chart_versions())
        raise KeyError(f"no key list for chart {version}; there is one for {known}")
    return ChartKeys(version, read_key_list(version))


@lru_cache(maxsize=1)
def list_names() -> frozenset[str]:
    """Return all keys of all known chart versions, without their place."""
    return frozenset(name for version in list_chart_versions() for name in load_keys(version).names)


def read_key_list(version: str) -> str:
    """Return the text of keydata/<version>.txt."""
    # Read through the package, so that a zipped wheel works too.
    return resources.files("wizard.chart").joinpath("keydata", f"{version}.txt").read_text("utf-8")


class _Node:
    __slots__ = ("children", "free", "instead")

    def __init__(self, free: bool, instead: str | None) -> None:
        self.children: dict[str, _Node] = {}
        self.free = free
        self.instead = instead

    def child(self, part: str | int) -> _Node | None:
        """Return the child node; None for an unknown key, _ANYTHING where any key is allowed."""
        if isinstance(part, int):
            part = "[]"
        found = self.children.get(part)
        if found is None and part != "[]":
            found = self.children.get("*")
        if found is None and (self.free or (part == "[]" and not self.children)):
            return _ANYTHING
        return found


_ANYTHING = _Node(free=True, instead=None)


class ChartKeys:
    """The key tree of one chart version.

    A path is a sequence of keys; list items are written as their index or as `[]`.
    """

    def __init__(self, version: str, source: str) -> None:
        self.version = version
        self._root = _Node(free=False, instead=None)
        stack = [self._root]
        for line in source.splitlines():
            name = line.lstrip(" ")
            if name.startswith("#"):
                continue
            head, mark, instead = name.partition(" !")
            key, _, star = head.partition(" ")
            node = _Node(star == "*", instead.strip() if mark else None)
            del stack[len(line) - len(name) + 1 :]
            stack[-1].children[key] = node
            stack.append(node)

    @cached_property
    def names(self) -> frozenset[str]:
        """All keys that the chart lists, without their place."""
        return frozenset(part for path in _walk(self._root, ()) for part in path[-1:])

    def known(self, path: Sequence[str | int]) -> bool:
        """Return whether the chart knows this key, or accepts any key in this place."""
        return self._find(path) is not None

    def listed(self, path: Sequence[str | int]) -> bool:
        """Return whether the chart lists exactly this key."""
        found = self._find(path)
        return found is not None and found is not _ANYTHING

    def is_single(self, path: Sequence[str | int]) -> bool:
        """Return whether the chart lists exactly this key, with a text or number and no mapping."""
        found = self._find(path)
        return (
            found is not None and found is not _ANYTHING and not found.free and not found.children
        )

    def deprecated(self, path: Sequence[str | int]) -> str | None:
        """Return a deprecated key's replacement, "" if it has none; None if not deprecated."""
        found = self._find(path)
        return found.instead if found else None

    def unknown(self, values: Mapping[str, object]) -> list[Path]:
        """Return the keys in `values` that the chart would silently ignore, in order.

        The keys below an ignored key are not listed.
        """
        return list(_find_unknown(self._root, values, ()))

    def deprecated_keys(self, values: Mapping[str, object]) -> list[tuple[Path, str]]:
        """Return the deprecated keys that `values` sets, each with its replacement."""
        return list(_find_deprecated(self._root, values, ()))

    def nearest_key(self, path: Sequence[str | int]) -> str | None:
        """Return the dotted key most similar to the unknown `path`, or None."""
        from difflib import get_close_matches

        node = self._root
        for depth, part in enumerate(path):
            below = node.child(part)
            if below is not None:
                node = below
                continue
            near = get_close_matches(str(part), [*node.children], n=1, cutoff=0.75)
            if near:
                return format_path([*path[:depth], near[0]])
            return self._find_by_name(str(part), path[:depth])
        return None

    def _find(self, path: Sequence[str | int]) -> _Node | None:
        node: _Node | None = self._root
        for part in path:
            if node is None:
                return None
            node = node.child(part)
        return node

    def _find_by_name(self, name: str, parent: Sequence[str | int]) -> str | None:
        """Return the path of the key with exactly this name that is nearest to `parent`."""
        found = [path for path in _walk(self._root, ()) if path[-1] == name and "[]" not in path]
        if not found:
            return None
        best = min(found, key=lambda path: (-_shared_length(path, parent), len(path)))
        near = _shared_length(best, parent)
        alike = [p for p in found if (_shared_length(p, parent), len(p)) == (near, len(best))]
        return format_path(best) if len(alike) == 1 else None


def _find_unknown(node: _Node, value: object, path: Path) -> Iterator[Path]:
    for part, below in _iterate_children(value):
        child = node.child(part)
        if child is None:
            yield (*path, part)
        elif child is not _ANYTHING:
            yield from _find_unknown(child, below, (*path, part))


def _find_deprecated(node: _Node, value: object, path: Path) -> Iterator[tuple[Path, str]]:
    for part, below in _iterate_children(value):
        child = node.child(part)
        if child is None or child is _ANYTHING:
            continue
        here = (*path, part)
        deeper = list(_find_deprecated(child, below, here))
        if deeper:
            yield from deeper
        elif child.instead is not None:
            yield here, child.instead


def _iterate_children(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield str(key), child
    elif isinstance(value, list):
        yield from enumerate(value)


def _walk(node: _Node, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, child in node.children.items():
        yield (*path, key)
        yield from _walk(child, (*path, key))


def _shared_length(left: Sequence[str | int], right: Sequence[str | int]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count

"""What a kustomization applies: its manifests, and what it would do to the wizard's.

Kustomizations that it includes are read, too. Source: the documentation of kustomize 5.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.formats.yaml_untrusted import parse_yaml
from wizard.manifests.objects import KUSTOMIZATION_NAMES
from wizard.manifests.transformations import (
    Manifest,
    Read,
    find_transformations,
    generate_config_maps,
    rename,
)

_MOST_OBJECTS = 2000
# The forms of kustomize for a Git repository or a file elsewhere, besides `://`.
_REMOTE_STARTS = ("github.com/", "github.com:", "gh:", "git::", "git@")


@dataclass(slots=True)
class Kustomized:
    """All that a kustomization applies: the objects by file, and what is wrong with it.

    `faults` are file, place and sentence. `missing` are local paths that no file has. `remote` are
    file and place of resources outside the repository, whose objects are not known.
    """

    objects: list[Manifest] = field(default_factory=list)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    remote: list[tuple[str, str]] = field(default_factory=list)
    known: set[int] = field(default_factory=set, repr=False)

    def add(self, other: Kustomized) -> None:
        """Add what another kustomization or a file contains, each object and fault once."""
        for one in other.objects:
            if id(one) not in self.known:
                self.known.add(id(one))
                self.objects.append(one)
        self.faults = list(dict.fromkeys([*self.faults, *other.faults]))
        self.missing = list(dict.fromkeys([*self.missing, *other.missing]))
        self.remote = list(dict.fromkeys([*self.remote, *other.remote]))

    @property
    def paths(self) -> set[str]:
        """Return the files of the objects."""
        return {one.path for one in self.objects}


def kustomize(path: str, read: Read, guarded: frozenset[str]) -> Kustomized:
    """Return what the kustomization in file `path` applies, with those that it includes.

    `guarded` are the files whose objects must stay as they are written.
    """
    return _Build(read, guarded).build(path, ())


def list_objects(path: str, data: bytes, *, pinned: bool = True) -> list[Manifest]:
    """Return the Kubernetes objects in one file, those of a `kind: List` one by one."""
    found = []
    for document in parse_yaml(path, data)[0]:
        items = _mapping(document).get("items")
        several = str(_mapping(document).get("kind") or "").endswith("List")
        for item in items if several and isinstance(items, list) else [document]:
            if isinstance(item, Mapping):
                found.append(Manifest(path, item, pinned))
    return found


class _Build:
    def __init__(self, read: Read, guarded: frozenset[str]) -> None:
        self.read, self.guarded = read, guarded
        self.files: dict[str, list[Manifest]] = {}
        self.built: dict[str, Kustomized] = {}

    def build(self, path: str, above: tuple[str, ...]) -> Kustomized:
        """Return the result of one kustomization; `above` are those that include it."""
        result = Kustomized()
        documents, _ = parse_yaml(path, self.read(path) or b"")
        if path in above or len(documents) != 1 or not isinstance(documents[0], Mapping):
            result.faults.append((path, "", "kustomize cannot read this file, or it repeats"))
            return result
        data, folder = documents[0], posixpath.dirname(path)
        others = [name for name in KUSTOMIZATION_NAMES if name != posixpath.basename(path)]
        for name in others:
            if self.read(posixpath.join(folder, name)) is not None:
                message = "kustomize refuses a folder with two kustomization files"
                result.faults.append((posixpath.join(folder, name), "", message))
        for key in ("resources", "bases"):
            for number, item in enumerate(_list(data.get(key))):
                self._include(result, path, f"{key}[{number}]", str(item), above)
        kept = [one for one in result.objects if one.pinned or one.makes_secret]
        read = lambda name: self.read(posixpath.normpath(posixpath.join(folder, name)))  # noqa: E731
        for where, message in find_transformations(data, kept, read):
            result.faults.append((path, where, message))
        result.add(Kustomized([*generate_config_maps(path, data)]))
        result.objects = [one if one.pinned else rename(one, data) for one in result.objects]
        if len(result.objects) > _MOST_OBJECTS:
            # Overlays that rename make copies, in each level twice as many.
            result.faults.append((path, "resources", f"more than {_MOST_OBJECTS} objects"))
            result.objects = [one for one in result.objects if one.pinned]
        result.known = {id(one) for one in result.objects}
        return result

    def _include(
        self, result: Kustomized, path: str, where: str, item: str, above: tuple[str, ...]
    ) -> None:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), item))
        data = self.read(place)
        if data is not None:
            if place not in self.files:
                self.files[place] = list_objects(place, data, pinned=place in self.guarded)
            result.add(Kustomized(self.files[place]))
            return
        for name in KUSTOMIZATION_NAMES:
            inner = posixpath.normpath(posixpath.join(place, name))
            if self.read(inner) is not None:
                # Two kustomizations may include a third; it is the same each time.
                if inner not in self.built:
                    self.built[inner] = self.build(inner, (*above, path))
                result.add(self.built[inner])
                return
        if is_remote(item):
            result.remote.append((path, where))
        else:
            result.missing.append(place)


def is_remote(resource: str) -> bool:
    """Return whether a resource of a kustomization is outside the repository."""
    marked = any(mark in resource for mark in ("://", "::", "@", "?"))
    return marked or resource.startswith(_REMOTE_STARTS)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

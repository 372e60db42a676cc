"""Addresses below an API server, and what its discovery says there is (APIResourceList).

Not the library's Resource, which does not escape names: test_a_name_stays_one_part_of_the_path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of one kind are: a group's address, and the plural in it."""

    base: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """Of one object, or of all; an empty namespace is for all of them, or for the cluster."""
        parts = [self.base]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=":"))
        return "/".join(parts)


def version_path(api_version: str) -> str:
    """Where a group's version is served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def index_resources(api_version: str, listed: Iterable[Mapping[str, Any]]) -> dict[str, Resource]:
    """The resources of a version, by kind, of its discovery's list; their parts are left out."""
    base = version_path(api_version)
    return {
        str(one["kind"]): Resource(base, str(one["name"]), bool(one["namespaced"]))
        for one in listed
        if "/" not in one["name"]
    }


def find_deletable_resources(
    groups: Iterable[Mapping[str, Any]],
    discovered: Callable[[str], Iterable[Mapping[str, Any]]],
) -> dict[tuple[str, str], Resource]:
    """All of namespaces that can be listed and deleted, by version and kind, each once.

    `groups` are those of the APIGroupList, `discovered` gives the resources of one version. What
    can only be listed, such as metrics, stores nothing.
    """
    found: dict[tuple[str, str], Resource] = {}
    seen = set()
    for version in ("v1", *(one for group in groups for one in _list_versions(group))):
        listed = [one for one in discovered(version) if {"list", "delete"} <= {*one["verbs"]}]
        for kind, one in index_resources(version, listed).items():
            key = (version.rpartition("/")[0], one.plural)
            if one.namespaced and key not in seen:
                seen.add(key)
                found[version, kind] = one
    return found


def _list_versions(group: Mapping[str, Any]) -> list[str]:
    """The versions of a group, the preferred one first."""
    preferred = (group.get("preferredVersion") or {}).get("groupVersion")
    every = [str(one["groupVersion"]) for one in group.get("versions") or []]
    return sorted(every, key=lambda one: one != preferred)

"""Paths of an API server, and the resources that its discovery lists (APIResourceList).

The kubernetes package's own Resource does not escape names; see
test_a_name_stays_one_part_of_the_path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """The resource of one kind: the path of its group and version, and its plural name."""

    base: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of one object, or of all without `name`.

        An empty namespace means all namespaces, or a cluster-scoped kind.
        """
        parts = [self.base]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=":"))
        return "/".join(parts)


def version_path(api_version: str) -> str:
    """Return the path of a group's version."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def index_resources(api_version: str, listed: Iterable[Mapping[str, Any]]) -> dict[str, Resource]:
    """Return the resources in a version's discovery list by kind, without subresources."""
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
    """Return apiVersion and kind of each namespaced resource that can be listed and deleted.

    Each kind is returned once. `groups` come from the APIGroupList; `discovered` returns the
    resources of one version. A resource that can only be listed, such as metrics, stores nothing.
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
    """Return the versions of a group, the preferred one first."""
    preferred = (group.get("preferredVersion") or {}).get("groupVersion")
    every = [str(one["groupVersion"]) for one in group.get("versions") or []]
    return sorted(every, key=lambda one: one != preferred)

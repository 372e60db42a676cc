"""What an AppProject must allow for an installation, and whether it does.

Source: Argo CD 3.5 (IsSourcePermitted, isDestinationMatched and IsGroupKindNamePermitted in
pkg/apis/application/v1alpha1/app_project_types.go): a pattern with `!` denies, `*` in a repository
stops at `/`, and an absent list of namespaced kinds allows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.chart.kinds import RenderedKind, list_kinds, list_special_kinds
from wizard.formats.addresses import IN_CLUSTER_SERVER, normalize_url
from wizard.formats.yaml_reader import read_mapping

if TYPE_CHECKING:
    from wizard.deliveries.argocd.settings import ArgoSettings
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

_IN_CLUSTER_NAME = "in-cluster"
# More stars in a pattern are no pattern of a person, and slow to match.
_MOST_STARS = 10
# Kinds of manifests of ours that have no namespace, besides those of the chart.
_CLUSTER_KINDS = frozenset(("Namespace", "ClusterSecretStore"))


@dataclass(frozen=True, slots=True)
class ProjectNeeds:
    """What an installation needs from its project: sources, one destination, and kinds."""

    sources: tuple[str, ...]
    server: str
    namespace: str
    kinds: tuple[RenderedKind, ...]


def list_cluster_kinds(argo: ArgoSettings, total: Contribution) -> Iterator[RenderedKind]:
    """Yield the kinds without a namespace that the Applications apply."""
    yield RenderedKind("", "Namespace", "", cluster=True)
    if argo.cluster_store:
        yield RenderedKind("external-secrets.io", "ClusterSecretStore", "", cluster=True)
    yield from (one for one in list_special_kinds(total.values) if one.cluster)
    for group, kind in total.cluster_kinds:
        yield RenderedKind(group, kind, "", cluster=True)


def find_needs(release: Release, argo: ArgoSettings, total: Contribution) -> ProjectNeeds:
    """Return what the Applications of an installation need."""
    kinds = [*list_cluster_kinds(argo, total), *list_kinds(total.values)]
    kinds += [one for one in list_special_kinds(total.values) if not one.cluster]
    outside = _CLUSTER_KINDS | {kind for _, kind in total.cluster_kinds}
    for file in total.manifests:
        data = read_mapping(file.text, file.path)
        group, slash, _ = str(data.get("apiVersion")).partition("/")
        kind = str(data.get("kind"))
        if kind not in outside:
            kinds.append(RenderedKind(group if slash else "", kind, ""))
    once = {(one.group, one.kind): one for one in kinds}
    return ProjectNeeds(
        (release.chart_repository.argocd_url, argo.repo_url),
        argo.destination,
        release.namespace,
        tuple(once.values()),
    )


def describe_needs(needs: ProjectNeeds) -> dict[str, Any]:
    """Return the needs in the form of an AppProject's `spec`."""
    return {
        "sourceRepos": [*needs.sources],
        "destinations": [{"server": needs.server, "namespace": needs.namespace}],
        "clusterResourceWhitelist": [
            {"group": one.group, "kind": one.kind} for one in needs.kinds if one.cluster
        ],
        "namespaceResourceWhitelist": [
            {"group": one.group, "kind": one.kind} for one in needs.kinds if not one.cluster
        ],
    }


def find_missing(spec: Mapping[str, Any], needs: ProjectNeeds) -> tuple[str, ...]:
    """Return what a project does not allow, as entries that its lists lack or must not have."""
    found = [
        f"sourceRepos: {source}"
        for source in needs.sources
        if not _is_source_allowed(spec.get("sourceRepos"), source)
    ]
    if not _is_target_allowed(spec.get("destinations"), needs):
        found.append(f"destinations: server {needs.server}, namespace {needs.namespace}")
    for one in needs.kinds:
        if not is_kind_allowed(spec, one):
            scope = "cluster" if one.cluster else "namespace"
            group = f"{one.group}/" if one.group else ""
            found.append(f"{scope}ResourceWhitelist: {group}{one.kind}")
    return tuple(found)


def is_kind_allowed(project: Mapping[str, Any], one: RenderedKind) -> bool:
    """Return whether the project allows the kind; an absent list of kinds allows all of them.

    Argo CD allows no cluster-scoped kind, and every other kind, unless a list says otherwise.
    """
    scope = "cluster" if one.cluster else "namespace"
    allowed, denied = (project.get(f"{scope}Resource{name}list") for name in ("White", "Black"))
    if any(_matches(item, one) for item in _list(denied)):
        return False
    if allowed is None:
        return not one.cluster
    return any(_matches(item, one) for item in _list(allowed))


def _matches(item: object, one: RenderedKind) -> bool:
    entry = _mapping(item)
    group, kind = (str(entry.get(key) or "") for key in ("group", "kind"))
    return fnmatchcase(one.group, group) and fnmatchcase(one.kind, kind)


def _is_source_allowed(patterns: object, url: str) -> bool:
    allowed = False
    for pattern in map(str, _list(patterns)):
        denies = pattern.startswith("!")
        found = _is_match(normalize_url(pattern.removeprefix("!")), normalize_url(url), "/")
        if denies and found:
            return False
        allowed |= found != denies
    return allowed


def _is_target_allowed(entries: object, needs: ProjectNeeds) -> bool:
    name = _IN_CLUSTER_NAME if needs.server == IN_CLUSTER_SERVER else ""
    allowed = False
    for entry in map(_mapping, _list(entries)):
        patterns = {key: str(entry.get(key) or "") for key in ("name", "server", "namespace")}
        named = bool(name) and _is_permitted(patterns["name"], name)
        served = _is_permitted(patterns["server"], needs.server)
        spaced = _is_permitted(patterns["namespace"], needs.namespace)
        denied = {key for key, pattern in patterns.items() if pattern.startswith("!")}
        if (named or served) and spaced:
            allowed = True
        elif (
            ("name" in denied and not named)
            or ("server" in denied and not served and spaced)
            or ("namespace" in denied and not spaced and served)
        ):
            return False
    return allowed


def _is_permitted(pattern: str, value: str) -> bool:
    if pattern.startswith("!"):
        return not _is_match(pattern[1:], value)
    return _is_match(pattern, value)


def _is_match(pattern: str, value: str, separator: str = "") -> bool:
    """Return whether a pattern of Argo CD (github.com/gobwas/glob) matches the whole value."""
    if pattern == "*":
        return True
    if pattern.count("*") > _MOST_STARS:
        return False
    one = f"[^{re.escape(separator)}]" if separator else "."
    words = {"**": ".*", "*": f"{one}*", "?": one, "{": "(?:", "}": ")", ",": ","}
    depth, parts = 0, []
    for word in re.findall(r"\*\*|\\.|.", pattern, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(word, 0)
        if word == "," and depth > 0:
            parts.append("|")
        else:
            parts.append(words.get(word, re.escape(word[-1])))
    try:
        return re.fullmatch("".join(parts), value, re.DOTALL) is not None
    except re.error:
        return False


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

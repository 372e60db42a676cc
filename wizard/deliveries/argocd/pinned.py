"""What may not change by hand in an Application and an AppProject that the wizard wrote.

A hand edit of the pinned parts would install another chart, from another place, with other values,
or let more into the cluster than the answers say. Labels, annotations, sync settings and the like
may change. Source: facts on Argo CD; the CRDs of Argo CD 3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from wizard.chart.guarded import find_guarded_values
from wizard.declarations.argocd import compute_effective_values, list_sources
from wizard.declarations.values import EffectiveValues
from wizard.deliveries.argocd.manifests import CREDENTIAL_PREFIX
from wizard.formats.nested import format_path
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.manifests.transformations import Manifest, find_transformations

Edits = Iterator[tuple[str, str]]

_CREDENTIAL = "Argo CD's credential would not come from the place that the answers name"
_OTHER = "Argo CD would install something other than what the answers describe"
_MORE = "the project would allow more than this installation needs"
_TARGET = "Argo CD would deploy somewhere other than where the answers say"
_UNREAD = "its effect on the Secrets and values cannot be judged"
_REPLACED = "Argo CD would delete objects and create them again, with their data"
_VALUES = "it would override what the values file sets"
_IGNORED = "Argo CD would leave changes of these objects in the cluster in place"
_WIDER = dict.fromkeys(
    ("roles", "sourceNamespaces", "destinationServiceAccounts"),
    "more people or more Applications could use the project",
)
_JUDGED_PROJECT = frozenset(
    (
        "sourceRepos",
        "destinations",
        "clusterResourceWhitelist",
        "namespaceResourceWhitelist",
        "namespaceResourceBlacklist",
    )
)
# These describe the project, or can only narrow it.
_FREE_PROJECT = frozenset(
    (
        "clusterResourceBlacklist",
        "description",
        "orphanedResources",
        "permitOnlyProjectScopedClusters",
        "signatureKeys",
        "sourceIntegrity",
        "syncWindows",
    )
)
_FREE_SPEC = frozenset(("info", "revisionHistoryLimit"))
_FREE_SYNC = frozenset(("automated", "retry"))
_FREE_HELM = frozenset(("skipCrds", "skipSchemaValidation", "skipTests"))
_HELM_VALUES = frozenset(("values", "valuesObject", "parameters"))
_IDENTITY = ("name", "namespace", "generateName", "ownerReferences")
# Argo CD's own annotations, except those that only change how it compares and when it refreshes.
_FREE_ANNOTATIONS = frozenset(("compare-options", "manifest-generate-paths", "refresh"))
_ANNOTATIONS = "argocd.argoproj.io/"
_LOOSE_OPTIONS = frozenset(("Replace=true", "Force=true"))
# Kinds that Argo CD must keep as they are in Git: the store, its Secrets, account and CA.
_PLAIN = re.compile(r"[A-Za-z0-9.-]*\Z").match
# Not more edits of values are named, so that a long list of them is no long message.
_SHOWN = 20
_KEPT_GROUP = "external-secrets.io"
_KEPT_KINDS = ("ServiceAccount", "ConfigMap", "NetworkPolicy")


def find_argocd_edits(
    logical: str,
    data: bytes,
    rendered: bytes,
    *,
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Edits:
    """Yield the edits that may not be kept; see `wizard.deliveries.record.FindEdits`."""
    if not logical.startswith("argocd/"):
        return
    if logical.startswith(CREDENTIAL_PREFIX):
        yield "", _CREDENTIAL
        return
    mine, ours = _document(data), _document(rendered)
    kind = ours.get("kind")
    if mine == ours:
        return
    if kind not in ("Application", "AppProject"):
        yield "", "the store's ServiceAccount would no longer be reserved for the store"
        return
    if not mine:
        yield "", "Argo CD cannot read it as one object"
        return
    for key in sorted({*mine, *ours} - {"metadata", "spec"}):
        if mine.get(key) != ours.get(key):
            yield key, _OTHER
    yield from _metadata(_mapping(mine.get("metadata")), _mapping(ours.get("metadata")))
    spec, wanted = _mapping(mine.get("spec")), _mapping(ours.get("spec"))
    if kind == "AppProject":
        yield from _project(spec, wanted)
    else:
        yield from _application(spec, wanted, values, objects)


def _document(data: bytes) -> Mapping[str, Any]:
    documents, findings = parse_yaml("", data)
    broken = any(finding.is_error for finding in findings)
    return _mapping(documents[0]) if len(documents) == 1 and not broken else {}


def _metadata(mine: Mapping[str, Any], ours: Mapping[str, Any]) -> Edits:
    for key in _IDENTITY:
        if mine.get(key) != ours.get(key):
            yield f"metadata.{key}", "Argo CD would have a different object"
    for key in ("labels", "annotations"):
        wanted = _mapping(ours.get(key))
        found = _mapping(mine.get(key))
        for name in sorted({*wanted, *found}):
            if found.get(name) == wanted.get(name):
                continue
            if name in wanted or name == OWNER_ANNOTATION:
                yield _place("metadata", key, name), "the object would no longer show its owner"
            elif key == "annotations" and not _is_free_annotation(name, found[name]):
                yield _place("metadata", key, name), _OTHER


def _is_free_annotation(name: str, value: object) -> bool:
    if not name.startswith(_ANNOTATIONS):
        return True
    if name == f"{_ANNOTATIONS}sync-options":
        return not _LOOSE_OPTIONS & {word.strip() for word in str(value).split(",")}
    return name.removeprefix(_ANNOTATIONS) in _FREE_ANNOTATIONS


# AppProject


def _project(mine: Mapping[str, Any], ours: Mapping[str, Any]) -> Edits:
    """Yield edits that widen the project; it may be narrowed."""
    for key in ("sourceRepos", "destinations", "clusterResourceWhitelist"):
        allowed = _list(ours.get(key))
        for number, item in enumerate(_list(mine.get(key))):
            # A pattern with `!` also allows everything that it does not match.
            if item not in allowed:
                yield f"spec.{key}[{number}]", _MORE
        if not isinstance(mine.get(key, []), list):
            yield f"spec.{key}", _MORE
    kinds = _list(ours.get("namespaceResourceWhitelist"))
    given = _list(mine.get("namespaceResourceWhitelist"))
    # An empty list of namespaced kinds allows all of them.
    if kinds and (not given or any(item not in kinds for item in given)):
        yield "spec.namespaceResourceWhitelist", _MORE
    for number, item in enumerate(_list(ours.get("namespaceResourceBlacklist"))):
        if item not in _list(mine.get("namespaceResourceBlacklist")):
            yield f"spec.namespaceResourceBlacklist[{number}]", _MORE
    for key in sorted({*mine, *ours} - _JUDGED_PROJECT - _FREE_PROJECT):
        if mine.get(key) != ours.get(key):
            yield f"spec.{key}", _WIDER.get(key, _MORE)


# Application


def _application(
    mine: Mapping[str, Any],
    ours: Mapping[str, Any],
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Edits:
    handled = {"source", "sources", "destination", "syncPolicy", "ignoreDifferences", "project"}
    for key in sorted({*mine, *ours} - handled - _FREE_SPEC):
        if mine.get(key) != ours.get(key):
            yield f"spec.{key}", _OTHER
    if mine.get("project") != ours.get("project"):
        yield "spec.project", _MORE
    if mine.get("destination") != ours.get("destination"):
        yield "spec.destination", _TARGET
    yield from _sync_policy(_mapping(mine.get("syncPolicy")), _mapping(ours.get("syncPolicy")))
    yield from _ignored(mine.get("ignoreDifferences"), ours.get("ignoreDifferences"))
    found, wanted = dict(list_sources(mine)), dict(list_sources(ours))
    if list(found) != list(wanted):
        yield ("spec.sources" if "sources" in mine else "spec.source"), _OTHER
        return
    for where, source in wanted.items():
        yield from _source(mine, where, found[where], source, values, objects)


def _sync_policy(mine: Mapping[str, Any], ours: Mapping[str, Any]) -> Edits:
    where = "spec.syncPolicy"
    for key in sorted({*mine, *ours} - _FREE_SYNC - {"syncOptions", "managedNamespaceMetadata"}):
        if mine.get(key) != ours.get(key):
            yield f"{where}.{key}", _OTHER
    for number, option in enumerate(_list(mine.get("syncOptions"))):
        if str(option).replace(" ", "") in _LOOSE_OPTIONS:
            yield f"{where}.syncOptions[{number}]", _REPLACED
    wanted = _mapping(_mapping(ours.get("managedNamespaceMetadata")).get("labels"))
    found = _mapping(_mapping(mine.get("managedNamespaceMetadata")).get("labels"))
    for name, value in wanted.items():
        if found.get(name) != value:
            place = _place(where, "managedNamespaceMetadata", "labels", name)
            yield place, "the namespace would enforce less than the answers say"


def _ignored(mine: object, ours: object) -> Edits:
    for number, item in enumerate(_list(mine)):
        if item in _list(ours):
            continue
        group = str(_mapping(item).get("group") or "")
        kind = str(_mapping(item).get("kind") or "")
        # Argo CD compares both as patterns.
        wide = not kind or _PLAIN(kind) is None or _PLAIN(group) is None
        if wide or group.endswith(_KEPT_GROUP) or kind in _KEPT_KINDS:
            yield f"spec.ignoreDifferences[{number}]", _IGNORED


def _source(
    spec: Mapping[str, Any],
    where: str,
    mine: Mapping[str, Any],
    ours: Mapping[str, Any],
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Edits:
    for key in sorted({*mine, *ours} - {"helm", "kustomize", "name"}):
        if mine.get(key) != ours.get(key):
            yield f"{where}.{key}", _OTHER
    options = mine.get("kustomize")
    if options is not None and "chart" in ours:
        yield f"{where}.kustomize", _OTHER
    elif options != ours.get("kustomize"):
        yield from _kustomize(f"{where}.kustomize", options, objects)
    helm, wanted = _mapping(mine.get("helm")), _mapping(ours.get("helm"))
    if "helm" in mine and "helm" not in ours:
        yield f"{where}.helm", _OTHER
        return
    for key in sorted({*helm, *wanted} - _FREE_HELM - _HELM_VALUES):
        if helm.get(key) != wanted.get(key):
            yield f"{where}.helm.{key}", _OTHER if key != "fileParameters" else _UNREAD
    if any(helm.get(key) for key in _HELM_VALUES):
        yield from _overrides(spec, where, mine, values)


def _kustomize(where: str, options: object, objects: Sequence[Manifest]) -> Edits:
    """Yield the options of an Application that change an object of the wizard."""
    if not isinstance(options, Mapping):
        yield where, _UNREAD
        return
    for place, message in find_transformations(options, objects, lambda _path: None):
        yield f"{where}.{place}", message


def _overrides(
    spec: Mapping[str, Any], where: str, source: Mapping[str, Any], values: bytes | None
) -> Edits:
    """Yield the values that the Application sets differently from the values file.

    Values that the file does not set may be added. The rules for values judge them.
    """
    name = str(next(iter(_list(_mapping(source.get("helm")).get("valueFiles"))), ""))
    found = compute_effective_values(
        "", spec, where, source, lambda path: values if name.endswith(f"/{path}") else None
    )
    yield from ((fault.where, fault.message) for fault in found.faults)
    file = next((layer.values for layer in found.layers if not layer.where), {})
    changed = (path for path, value in walk_leaves(file) if _get(found.values, path) != value)
    for path in islice(changed, _SHOWN):
        yield _find_place(found, path), f"{_VALUES} at {format_path(path)}"
    before = dict(find_guarded_values(file))
    added = (name for name, _ in find_guarded_values(found.values) if name not in before)
    for name in islice(added, _SHOWN):
        place = _find_place(found, tuple(name.split(".")))
        yield place, f"it would set {name}, which follows from the answers"


def _find_place(found: EffectiveValues, path: Sequence[str]) -> str:
    """Return the place of the last part of the source that sets this value."""
    places = [layer for layer in found.layers if layer.where]
    return next((one.where for one in reversed(places) if _touches(one.values, path)), "")


def walk_leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield path and value of everything below mappings that is not a non-empty mapping."""
    if isinstance(value, Mapping) and (value or not path):
        for key, below in value.items():
            yield from walk_leaves(below, (*path, str(key)))
    else:
        yield path, value


_ABSENT = object()


def _get(values: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return _ABSENT
        values = values[key]
    return values


def _touches(values: object, path: Sequence[str]) -> bool:
    """Return whether a layer sets the value at this path, or one of its parents."""
    for key in path:
        if not isinstance(values, Mapping):
            return True
        if key not in values:
            return False
        values = values[key]
    return True


def _place(*parts: str) -> str:
    first, *rest = parts
    return f"{first}.{format_path(rest)}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

"""Objects of others beside the wizard's Applications that would take their place.

A parent Application applies the whole folder, so these take effect together with the wizard's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from wizard.checks.subject import Document, Layout, Subject, as_list, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.nested import format_path, walk
from wizard.manifests.kustomize import kustomize
from wizard.manifests.objects import KUSTOMIZATION_NAMES
from wizard.manifests.ownership import repository_place

_GROUP = "argoproj.io"
_KINDS = ("Application", "ApplicationSet", "AppProject")


def check_rivals(subject: Subject) -> Iterator[Finding]:
    """Report a second Application of this installation, and changes by a kustomization.

    A tree that the wizard did not write has no such Applications.
    """
    if not subject.layout.applications:
        return
    objects = list(subject.objects(*_KINDS, group=_GROUP))
    own = [one for one in objects if one.path in subject.layout.applications]
    names = {(one.kind, one.name) for one in own}
    ours = read_deployment(one.data for one in own)
    for document in objects:
        if document.path in subject.layout.applications:
            continue
        if (document.kind, document.name) in names:
            message = "another file already has an object of this kind and name"
            yield _finding(document, "metadata.name", message, "give it a name of its own")
        where = find_second_installation(subject.layout, document.data, ours)
        if where and document.kind != "AppProject":
            message = "applies this installation a second time, unlike the answers say"
            yield _finding(document, where, message, "remove it, and change the answers instead")
    yield from _check_kustomizations(subject)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The repositories from which our Applications take files, and the clusters they deploy to."""

    repositories: frozenset[str]
    servers: frozenset[str]


def read_deployment(applications: Iterable[Mapping[str, Any]]) -> Deployment:
    """Return what our Applications say of their sources and destinations."""
    found = list(applications)
    sources = (one for data in found for one in _list_sources(data))
    servers = (get_nested(data, "spec", "destination", "server") for data in found)
    return Deployment(
        frozenset(repository_place(str(one["repoURL"])) for one in sources if "chart" not in one),
        frozenset(one.rstrip("/") for one in servers if isinstance(one, str)),
    )


def find_second_installation(layout: Layout, data: Mapping[str, Any], ours: Deployment) -> str:
    """Return the place that names our values or manifests, or installs our chart; else "".

    The same path in another repository is not ours, nor the same namespace of another cluster.
    """
    values = posixpath.join(layout.prefix, layout.values)
    folder = posixpath.dirname(values)
    others = {
        f"${source.get('ref')}"
        for source in _list_sources(data)
        if _is_elsewhere(source, ours.repositories)
    }
    for path, value in walk(data):
        if isinstance(value, str) and len(path) > 1 and path[-2] == "valueFiles":
            root, _, file = value.partition("/")
            if root not in others and _resolve(file) == values:
                return format_path(path)
        elif isinstance(value, Mapping):
            if _installs_chart(layout, value, ours.servers):
                return format_path(path)
            if not _is_elsewhere(value, ours.repositories):
                if _names_folder(value, folder):
                    return format_path((*path, "path"))
                if _applies_above(layout, value):
                    return format_path(path)
    return ""


def _list_sources(data: object) -> Iterator[Mapping[str, Any]]:
    """Yield the sources of an Application or of a template of one."""
    for _, value in walk(data):
        if isinstance(value, Mapping) and isinstance(value.get("repoURL"), str):
            yield value


def _is_elsewhere(source: Mapping[str, Any], repositories: frozenset[str]) -> bool:
    """Return whether a source is certainly another repository; a template may be any."""
    url = source.get("repoURL")
    if not isinstance(url, str) or "{{" in url or not repositories:
        return False
    return repository_place(url) not in repositories


def _names_folder(source: Mapping[str, Any], folder: str) -> bool:
    """Return whether this is a source of our folder; a generator's `path` has no repoURL."""
    path = source.get("path")
    return "repoURL" in source and isinstance(path, str) and _resolve(path) == folder


def _applies_above(layout: Layout, source: Mapping[str, Any]) -> bool:
    """Return whether this source applies files of ours below a folder above our manifests."""
    path, directory = source.get("path"), as_mapping(source.get("directory"))
    if directory.get("recurse") is not True or not isinstance(path, str):
        return False
    above = _resolve(path)
    paths = [posixpath.join(layout.prefix, one) for one in layout.manifests]
    inside = [
        one if above == "." else one.removeprefix(f"{above}/")
        for one in paths
        if above == "." or one.startswith(f"{above}/")
    ]
    include, exclude = (str(directory.get(key) or "") for key in ("include", "exclude"))
    return any(
        (not include or _matches(one, include)) and not (exclude and _matches(one, exclude))
        for one in inside
    )


def _matches(path: str, glob: str) -> bool:
    """Return whether a path matches a glob of Argo CD, in which `{a,b}` is a choice."""
    head, brace, rest = glob.partition("{")
    inner, closed, tail = rest.partition("}")
    if brace and closed and "{" not in inner:
        return any(_matches(path, f"{head}{one}{tail}") for one in inner.split(",")[:50])
    return fnmatchcase(path, glob)


def _is_other_cluster(destination: Mapping[str, Any], servers: frozenset[str]) -> bool:
    """Return whether a destination is certainly another cluster than ours, by its address."""
    server = destination.get("server")
    if destination.get("name") == "in-cluster":
        server = IN_CLUSTER_SERVER
    if not isinstance(server, str) or "{{" in server or not servers:
        return False
    return server.rstrip("/") not in servers


def _installs_chart(layout: Layout, spec: Mapping[str, Any], servers: frozenset[str]) -> bool:
    """Return whether this is the spec of an Application with Airflow's chart in our namespace."""
    if get_nested(spec, "destination", "namespace") != layout.namespace:
        return False
    if _is_other_cluster(as_mapping(spec.get("destination")), servers):
        return False
    sources = [*as_list(spec.get("sources")), spec.get("source")]
    charts = [str(as_mapping(source).get("chart") or "") for source in sources]
    return any(chart.rpartition("/")[2] == "airflow" for chart in charts)


def _resolve(path: str) -> str:
    return posixpath.normpath(path.strip("/"))


def _check_kustomizations(subject: Subject) -> Iterator[Finding]:
    """Report kustomizations that change an Application or a project of the wizard."""
    folders = {posixpath.dirname(path) for path in subject.layout.applications}
    for folder in sorted(folders):
        found = [posixpath.join(folder, name) for name in KUSTOMIZATION_NAMES]
        for path in [one for one in found if one in subject.files][:1]:
            result = kustomize(path, subject.files.get, subject.layout.applications)
            for place, where, message in result.faults:
                fix = "remove it, and edit the object itself"
                yield Finding("argocd.rival", "error", place, where, message, Fix(fix))


def _finding(document: Document, where: str, message: str, fix: str) -> Finding:
    return Finding("argocd.rival", "error", document.path, document.where(where), message, Fix(fix))

"""Objects of others beside the wizard's Applications that would take their place.

A parent Application applies the whole folder, so these take effect together with the wizard's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.checks.subject import Document, Layout, Subject, as_list, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.nested import format_path, walk
from wizard.manifests.kustomize import kustomize
from wizard.manifests.objects import KUSTOMIZATION_NAMES

_GROUP = "argoproj.io"
_KINDS = ("Application", "ApplicationSet", "AppProject")


def check_rivals(subject: Subject) -> Iterator[Finding]:
    """Report a second Application of this installation, and changes by a kustomization.

    A tree that the wizard did not write has no such Applications.
    """
    if not subject.layout.applications:
        return
    objects = list(subject.objects(*_KINDS, group=_GROUP))
    names = {(one.kind, one.name) for one in objects if one.path in subject.layout.applications}
    for document in objects:
        if document.path in subject.layout.applications:
            continue
        if (document.kind, document.name) in names:
            message = "another file already has an object of this kind and name"
            yield _finding(document, "metadata.name", message, "give it a name of its own")
        where = find_second_installation(subject.layout, document.data)
        if where and document.kind != "AppProject":
            message = "applies this installation a second time, unlike the answers say"
            yield _finding(document, where, message, "remove it, and change the answers instead")
    yield from _check_kustomizations(subject)


def find_second_installation(layout: Layout, data: Mapping[str, Any]) -> str:
    """Return the place that names our values or manifests, or installs our chart; else ""."""
    values = posixpath.join(layout.prefix, layout.values)
    folder = posixpath.dirname(values)
    for path, value in walk(data):
        key = path[-1] if path else ""
        if isinstance(value, str) and len(path) > 1:
            if path[-2] == "valueFiles" and _resolve(value.partition("/")[2]) == values:
                return format_path(path)
            if key == "path" and _resolve(value) == folder:
                return format_path(path)
        elif isinstance(value, Mapping) and (
            _installs_chart(layout, value) or _applies_above(folder, value)
        ):
            return format_path(path)
    return ""


def _applies_above(folder: str, source: Mapping[str, Any]) -> bool:
    """Return whether this source applies all files below a folder above our manifests."""
    if get_nested(source, "directory", "recurse") is not True:
        return False
    path = source.get("path")
    if not isinstance(path, str):
        return False
    above = _resolve(path)
    return above in {".", folder} or folder.startswith(f"{above}/")


def _installs_chart(layout: Layout, spec: Mapping[str, Any]) -> bool:
    """Return whether this is the spec of an Application with Airflow's chart in our namespace."""
    if get_nested(spec, "destination", "namespace") != layout.namespace:
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

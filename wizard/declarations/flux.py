"""Reads HelmReleases of Flux, and the patches of them that overlays keep.

Source: Flux 2.8 (docs: helm/helmreleases). The values of `valuesFrom` are merged in order, then
`values`. A HelmRelease without a chart is a patch: kustomize merges it into the one of its name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.declarations.charts import LocalChart, find_chart
from wizard.declarations.declaration import Declaration, names_airflow
from wizard.declarations.tree import Parsed, Tree, as_list, as_mapping, as_text
from wizard.declarations.values import (
    Collector,
    Fault,
    Layer,
    is_encrypted,
    list_mappings,
    number_place,
)
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.manifests.objects import KUSTOMIZATION_NAMES

GROUP = "helm.toolkit.fluxcd.io"
_SOURCES = "source.toolkit.fluxcd.io"
_VARIABLE = re.compile(r"\$\{[A-Za-z_]")


def read_helm_releases(tree: Tree) -> Iterator[Declaration]:
    """Yield what every HelmRelease of Airflow's chart declares, and every patch of one."""
    releases = list(tree.objects("HelmRelease", GROUP))
    whole = {one.name: one for one in releases if _has_chart(one)}
    for document in releases:
        base = None if _has_chart(document) else whole.get(document.name)
        if base is not None or _has_chart(document):
            yield from _read(tree, document, base)


def _has_chart(document: Parsed) -> bool:
    return bool(document.spec.get("chart") or document.spec.get("chartRef"))


def _read(tree: Tree, document: Parsed, base: Parsed | None) -> Iterator[Declaration]:
    owner = base or document
    chart = _find_chart(tree, owner)
    if chart is None:
        return
    # Flux replaces ${NAME} only where a Kustomization asks for it (postBuild).
    replaces = any("postBuild" in one.spec for one in tree.objects(
        "Kustomization", "kustomize.toolkit.fluxcd.io"))  # fmt: skip
    collector = Collector(
        document.path,
        tree.read,
        number=document.number,
        variable=_VARIABLE if replaces else None,
        what="a variable of Flux",
    )
    if chart.folder:
        collector.add_file(chart.values, "spec.chart", optional=True)
    for one in (base, document):
        if one is None:
            continue
        part = collector
        if one is not document:
            part = Collector(one.path, tree.read, number=one.number)
            part.result = collector.result
        _collect(tree, one, chart, part)
        collector.result = part.result
    spec = {**owner.spec, **document.spec}
    namespace = document.namespace or owner.namespace
    target = as_text(spec.get("targetNamespace"))
    name = f"{target}-{owner.name}" if target else owner.name
    yield Declaration(
        "Flux HelmRelease",
        document.path,
        "spec.values",
        document.number,
        _patched_version(document) or chart.version,
        chart.place,
        chart.repository,
        as_text(spec.get("releaseName")) or name,
        target or namespace,
        collector.select(chart.key, chart.dropped),
    )


def _collect(tree: Tree, document: Parsed, chart: LocalChart, collector: Collector) -> None:
    spec = document.spec
    inner = as_mapping(as_mapping(spec.get("chart")).get("spec"))
    for number, item in enumerate(as_list(inner.get("valuesFiles"))):
        where, name = f"spec.chart.spec.valuesFiles[{number}]", as_text(item)
        path = posixpath.normpath(name) if chart.folder else ""
        collector.add_file(path, where, optional=inner.get("ignoreMissingValuesFiles") is True)
    for number, item in list_mappings(spec.get("valuesFrom")):
        _add_reference(tree, item, f"spec.valuesFrom[{number}]", collector)
    values = spec.get("values")
    if isinstance(values, Mapping):
        collector.add_mapping("spec.values", values)
    if spec.get("postRenderers"):
        collector.result.unresolved.append(_note(document, "spec.postRenderers"))


def _note(document: Parsed, where: str) -> Fault:
    message = "this changes the rendered objects, which are not rendered here"
    return Fault(document.path, number_place(document.number, where), message)


def _add_reference(tree: Tree, item: Mapping[str, Any], where: str, collector: Collector) -> None:
    """Add the values of a ConfigMap if the tree has it; a Secret is never in the tree."""
    kind, name = as_text(item.get("kind")), as_text(item.get("name"))
    key = as_text(item.get("valuesKey")) or "values.yaml"
    if kind != "ConfigMap":
        collector.report(where, "the values are in a Secret, which is not in Git")
        return
    found = _find_text(tree, name, key)
    target = as_text(item.get("targetPath"))
    if found is None:
        collector.report(where, "this ConfigMap is not in this repository")
        return
    path, place, number, text = found
    if target:
        collector.set(where, f"{target}={text}", str if text.startswith(('"', "'")) else None)
        return
    values = parse_yaml_text(text)
    if not isinstance(values, Mapping):
        collector.report(where, "the ConfigMap does not have the text of one YAML mapping")
    elif is_encrypted(values):
        collector.report(where, "the values are encrypted")
    else:
        collector.add(Layer(path, place, values, number=number))
        if not place:
            collector.result.files.add(path)


def _find_text(tree: Tree, name: str, key: str) -> tuple[str, str, int, str] | None:
    """Return file, place, document and text of a key of a ConfigMap, written or generated."""
    for one in tree.objects("ConfigMap", ""):
        text = as_mapping(one.data.get("data")).get(key)
        if one.name == name and isinstance(text, str):
            return one.path, f'data."{key}"' if "." in key else f"data.{key}", one.number, text
    for one in tree.documents:
        if posixpath.basename(one.path) not in KUSTOMIZATION_NAMES:
            continue
        folder = posixpath.dirname(one.path)
        for _, entry in list_mappings(one.data.get("configMapGenerator")):
            if entry.get("name") != name:
                continue
            for file in as_list(entry.get("files")):
                own, equals, path = as_text(file).partition("=")
                path = posixpath.normpath(posixpath.join(folder, path if equals else own))
                data = tree.read(path)
                if data is not None and key == (own if equals else posixpath.basename(path)):
                    return path, "", 0, data.decode("utf-8", "replace")
    return None


def _find_chart(tree: Tree, document: Parsed) -> LocalChart | None:
    """Return the chart of a HelmRelease if it is Airflow's, or depends on it."""
    inner = as_mapping(as_mapping(document.spec.get("chart")).get("spec"))
    name = as_text(inner.get("chart"))
    source = as_mapping(inner.get("sourceRef"))
    if source.get("kind") in ("GitRepository", "Bucket"):
        return find_chart(tree, posixpath.normpath(name)) if name else None
    if names_airflow(name):
        place = number_place(document.number, "spec.chart.spec.version")
        url = _find_url(tree, as_text(source.get("kind")), as_text(source.get("name")))
        version = as_text(inner.get("version"))
        return LocalChart("", "", version, (document.path, place), url)
    reference = as_mapping(document.spec.get("chartRef"))
    for one in tree.objects(as_text(reference.get("kind")), _SOURCES):
        if one.name != reference.get("name"):
            continue
        if one.kind == "OCIRepository" and names_airflow(one.spec.get("url")):
            ref = as_mapping(one.spec.get("ref"))
            field = "tag" if ref.get("tag") else "semver"
            place = number_place(one.number, f"spec.ref.{field}")
            version, url = as_text(ref.get(field)), as_text(one.spec.get("url"))
            return LocalChart("", "", version, (one.path, place), url)
        if one.kind == "HelmChart" and names_airflow(one.spec.get("chart")):
            origin = as_mapping(one.spec.get("sourceRef"))
            url = _find_url(tree, as_text(origin.get("kind")), as_text(origin.get("name")))
            place = number_place(one.number, "spec.version")
            return LocalChart("", "", as_text(one.spec.get("version")), (one.path, place), url)
    return None


def _find_url(tree: Tree, kind: str, name: str) -> str:
    for one in tree.objects(kind, _SOURCES):
        if one.name == name:
            return as_text(one.spec.get("url"))
    return ""


def _patched_version(document: Parsed) -> str:
    inner = as_mapping(as_mapping(document.spec.get("chart")).get("spec"))
    return as_text(inner.get("version"))

"""Reads the charts that a kustomization renders itself (`helmCharts`).

Source: kustomize 5 (HelmChartInflationGenerator.go, helmchartargs.go). `valuesInline` goes over
`valuesFile`; with `valuesMerge: merge` below it, with `replace` in its place. The additional files
go over both.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.declarations.declaration import Declaration, names_airflow
from wizard.declarations.tree import Parsed, Tree, as_list, as_mapping, as_text
from wizard.declarations.values import Collector, list_mappings, number_place
from wizard.manifests.objects import KUSTOMIZATION_NAMES


def read_kustomizations(tree: Tree) -> Iterator[Declaration]:
    """Yield what every entry with Airflow's chart declares."""
    for document in tree.documents:
        if posixpath.basename(document.path) not in KUSTOMIZATION_NAMES:
            continue
        for number, entry in list_mappings(document.data.get("helmCharts")):
            if names_airflow(entry.get("name")):
                yield _read(tree, document, f"helmCharts[{number}]", entry)


def _read(tree: Tree, document: Parsed, where: str, entry: Mapping[str, Any]) -> Declaration:
    collector = Collector(document.path, tree.read, number=document.number)
    given, merge = "valuesInline" in entry, as_text(entry.get("valuesMerge"))
    inline = as_mapping(entry.get("valuesInline"))
    if given and merge == "merge":
        collector.add_mapping(f"{where}.valuesInline", inline)
    if not (given and merge == "replace"):
        _add_file(document, entry.get("valuesFile"), f"{where}.valuesFile", collector)
    if given and merge != "merge":
        collector.add_mapping(f"{where}.valuesInline", inline)
    for number, item in enumerate(as_list(entry.get("additionalValuesFiles"))):
        _add_file(document, item, f"{where}.additionalValuesFiles[{number}]", collector)
    place = number_place(document.number, f"{where}.version")
    return Declaration(
        "kustomization",
        document.path,
        where,
        document.number,
        as_text(entry.get("version")),
        (document.path, place),
        as_text(entry.get("repo")),
        as_text(entry.get("releaseName")),
        as_text(entry.get("namespace") or as_mapping(document.data).get("namespace")),
        collector.result,
    )


def _add_file(document: Parsed, item: object, where: str, collector: Collector) -> None:
    name = as_text(item)
    if name:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), name))
        collector.add_file("" if "://" in name else path, where)

"""Reads value files that nothing in the repository names: beside a chart, or on their own.

`helm install -f values.yaml -f values-prod.yaml` is how people use them, so a file such as
values-prod.yaml adds to the values.yaml beside it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from typing import Any

from wizard.declarations.charts import find_chart, list_charts
from wizard.declarations.declaration import Declaration, looks_like_values
from wizard.declarations.tree import Parsed, Tree
from wizard.declarations.values import ENCRYPTED, Collector, Fault, Layer, is_encrypted

_YAML = (".yaml", ".yml")
_BASES = ("values.yaml", "values.yml")


def read_wrapper_charts(tree: Tree, used: Collection[str]) -> Iterator[Declaration]:
    """Yield what each chart declares whose values no file in `used` names."""
    for chart in list_charts(tree):
        if chart.values in used:
            continue
        folder = chart.folder
        beside = [path for path in tree.files if posixpath.dirname(path) == folder and _is_overlay(
            path) and path not in used]  # fmt: skip
        for more in (None, *beside):
            collector = Collector(chart.values, tree.read)
            collector.add_file(chart.values, "", optional=True)
            if more is not None:
                collector.add_file(more, "")
            place = chart.key
            kind = "wrapper chart" if chart.key else "chart"
            yield Declaration(
                kind, more or chart.values, place, 0, chart.version, chart.place,
                chart.repository or "airflow.apache.org", "", "",
                collector.select(chart.key, chart.dropped),
            )  # fmt: skip


def read_value_files(tree: Tree, used: Collection[str]) -> Iterator[Declaration]:
    """Yield what each file of Airflow's values declares that no file in `used` is."""
    single: dict[str, Parsed] = {}
    many: set[str] = set()
    for document in tree.documents:
        if document.path in single:
            many.add(document.path)
        single[document.path] = document
    for path, document in single.items():
        folder = posixpath.dirname(path)
        if path in used or path in many or not path.endswith(_YAML):
            continue
        if not _holds_values(document.data) or find_chart(tree, folder):
            continue
        found = Collector(path, tree.read)
        base = "" if not _is_overlay(path) else _find_base(folder, single)
        if base:
            found.add(Layer(base, "", single[base].data))
        found.result.files.add(path)
        if is_encrypted(document.data):
            found.result.faults.append(Fault(path, "", ENCRYPTED))
        else:
            found.add(Layer(path, "", document.data))
        yield Declaration("values file", path, found=found.result)


def _holds_values(data: Any) -> bool:
    return looks_like_values({key: value for key, value in data.items() if key != "sops"})


def _is_overlay(path: str) -> bool:
    name = posixpath.basename(path)
    return name.startswith(("values-", "values.", "values_")) and name not in _BASES and (
        name.endswith(_YAML)
    )  # fmt: skip


def _find_base(folder: str, single: dict[str, Parsed]) -> str:
    for name in _BASES:
        path = posixpath.join(folder, name)
        if path in single and _holds_values(single[path].data):
            return path
    return ""

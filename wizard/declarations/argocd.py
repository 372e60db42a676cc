"""Reads Applications and ApplicationSets of Argo CD.

Source: Argo CD 3.5 (docs/user-guide/helm.md, util/helm/cmd.go, ApplicationSourceHelm). Argo CD
gives the value files to Helm in order, then `valuesObject`, or `values` if there is no object. The
parameters are `--set` and `--set-string`, the file parameters `--set-file`. Helm applies
`--set-string` after `--set`, and `--set-file` last.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wizard.declarations.charts import LocalChart, find_chart
from wizard.declarations.declaration import Declaration, names_airflow
from wizard.declarations.tree import Parsed, Tree, as_list, as_mapping, as_text
from wizard.declarations.values import Collector, EffectiveValues, Read, number_place

GROUP = "argoproj.io"
_VARIABLE = re.compile(r"\{\{")
_WHAT = "a variable of the generator"


def read_applications(tree: Tree) -> Iterator[Declaration]:
    """Yield what every source of an Application or ApplicationSet with Airflow's chart declares."""
    for document in tree.objects("Application", GROUP):
        yield from _read(tree, document, document.data, "spec", None)
    for document in tree.objects("ApplicationSet", GROUP):
        template = as_mapping(document.spec.get("template"))
        yield from _read(tree, document, template, "spec.template.spec", _VARIABLE)


def list_sources(
    spec: Mapping[str, Any], where: str = "spec"
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield an Application's sources with their places; as in Argo CD, `sources` wins."""
    many = as_list(spec.get("sources"))
    for number, source in enumerate(many):
        yield f"{where}.sources[{number}]", as_mapping(source)
    if not many and spec.get("source") is not None:
        yield f"{where}.source", as_mapping(spec.get("source"))


def compute_effective_values(
    path: str, spec: Mapping[str, Any], where: str, source: Mapping[str, Any], read: Read
) -> EffectiveValues:
    """Return the values of one source of the Application in file `path`.

    `where` is the place of the source. `read` gets a path as the Application names it, from the
    top of the repository.
    """
    collector = Collector(path, read)
    _Source(spec, f"{where}.helm", source, collector, posixpath.normpath).collect()
    return collector.result


def _read(
    tree: Tree,
    document: Parsed,
    data: Mapping[str, Any],
    where: str,
    variable: re.Pattern[str] | None,
) -> Iterator[Declaration]:
    spec = as_mapping(data.get("spec"))
    for place, source in list_sources(spec, where):
        remote = names_airflow(source.get("chart")) or (
            not source.get("chart") and as_text(source.get("repoURL")).startswith("oci://")
            and names_airflow(source.get("repoURL"))
        )  # fmt: skip
        chart = None if remote or source.get("chart") else _find_local(tree, source)
        if not remote and chart is None:
            continue
        collector = Collector(
            document.path, tree.read, number=document.number, variable=variable, what=_WHAT
        )
        reading = _Source(spec, f"{place}.helm", source, collector, tree.find_from_top, chart)
        reading.collect()
        if variable is not None and document.spec.get("templatePatch"):
            collector.report("spec.templatePatch", "the template of this patch is not evaluated")
        destination = as_mapping(spec.get("destination"))
        name = as_text(as_mapping(data.get("metadata")).get("name"))
        release = as_text(as_mapping(source.get("helm")).get("releaseName")) or name
        revision = (document.path, number_place(document.number, f"{place}.targetRevision"))
        yield Declaration(
            f"Argo CD {document.kind}",
            document.path,
            f"{place}.helm",
            document.number,
            chart.version if chart else as_text(source.get("targetRevision")),
            chart.place if chart else revision,
            chart.repository if chart else as_text(source.get("repoURL")),
            "" if "{{" in release else release,
            "" if "{{" in (space := as_text(destination.get("namespace"))) else space,
            collector.select(chart.key, chart.dropped) if chart else collector.result,
        )


def _find_local(tree: Tree, source: Mapping[str, Any]) -> LocalChart | None:
    path = as_text(source.get("path")).strip("/")
    found = tree.find_from_top(posixpath.join(path, "Chart.yaml")) if path else ""
    return find_chart(tree, posixpath.dirname(found)) if found else None


class _Source:
    """One source: collects its values in Argo CD's order."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        where: str,
        source: Mapping[str, Any],
        collector: Collector,
        find: Callable[[str], str],
        chart: LocalChart | None = None,
    ) -> None:
        self.where, self.collector, self.find, self.chart = where, collector, find, chart
        self.helm = as_mapping(source.get("helm"))
        self.folder = as_text(source.get("path")).strip("/") if chart else ""
        self.refs = {str(one["ref"]) for _, one in list_sources(spec) if one.get("ref")}

    def collect(self) -> None:
        """Add all layers."""
        if self.chart:
            self.collector.add_file(self.chart.values, self.where, optional=True)
        self._value_files()
        self._inline()
        self._parameters()

    def _value_files(self) -> None:
        optional = self.helm.get("ignoreMissingValueFiles") is True
        for number, item in enumerate(as_list(self.helm.get("valueFiles"))):
            where, name = f"{self.where}.valueFiles[{number}]", as_text(item)
            if not self.collector.is_variable(name, where):
                self.collector.add_file(self._path(name), where, optional=optional)

    def _path(self, name: str) -> str:
        """Return the path of `$ref/path`, or of a file beside a local chart; else ""."""
        if name.startswith("$"):
            ref, _, path = name[1:].partition("/")
            return self.find(path) if ref in self.refs and path else ""
        if not self.chart or "://" in name:
            return ""
        below = name[1:] if name.startswith("/") else posixpath.join(self.folder, name)
        return self.find(posixpath.normpath(below))

    def _inline(self) -> None:
        given = self.helm.get("valuesObject")
        if given is not None:
            if isinstance(given, Mapping):
                self.collector.add_mapping(f"{self.where}.valuesObject", given)
            else:
                self.collector.report(f"{self.where}.valuesObject", "not a mapping")
            return
        text, where = self.helm.get("values"), f"{self.where}.values"
        if text in (None, ""):
            return
        if isinstance(text, str):
            self.collector.add_text(where, text)
        else:
            self.collector.report(where, "not the text of one YAML mapping")

    def _parameters(self) -> None:
        given = list(enumerate(as_list(self.helm.get("parameters"))))
        for texts in (False, True):
            for number, item in given:
                one = as_mapping(item)
                if bool(one.get("forceString")) is texts:
                    line = f"{as_text(one.get('name'))}={_escape(as_text(one.get('value')))}"
                    where = f"{self.where}.parameters[{number}]"
                    self.collector.set(where, line, str if texts else None)
        for number, item in enumerate(as_list(self.helm.get("fileParameters"))):
            one, where = as_mapping(item), f"{self.where}.fileParameters[{number}]"
            path = self._path(as_text(one.get("path")))
            self.collector.set_content(where, as_text(one.get("name")), path)


def _escape(value: str) -> str:
    """Return a parameter's value as Argo CD gives it to `--set`: commas escaped, lists not."""
    if value.startswith("{") and value.endswith("}"):
        return value
    found, before = [], ""
    for letter in value:
        found.append("\\," if letter == "," and before != "\\" else letter)
        before = letter
    return "".join(found)

"""Rules for Helm values, applied to the values that take effect, wherever they are set.

The rules judge the values file first. An Argo CD Application can add value files, inline values
and parameters: then they judge the result, too. Each finding names the place that sets the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from wizard.chart.versions import list_chart_versions
from wizard.checks.subject import Document, Subject
from wizard.deliveries.argocd.effective_values import (
    EffectiveValues,
    Read,
    compute_effective_values,
    list_sources,
)
from wizard.findings import Finding
from wizard.formats.nested import format_path, walk

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})\Z").match
_APACHE = "airflow.apache.org"


@dataclass(frozen=True)
class ValuesInEffect:
    """The values that one source of an Application gets, and the chart's version."""

    document: Document
    where: str
    found: EffectiveValues
    chart: str
    file: str

    @property
    def path(self) -> str:
        """Return the name that stands for these values; no file can have it."""
        return f"{self.document.path}\n{self.where}"

    def subject(self, subject: Subject) -> Subject:
        """Return the subject of the checks with these values instead of the values file."""
        written = self.found.values.get("airflowVersion")
        match = _VERSION(written) if isinstance(written, str) and not self.file else None
        airflow = (int(match[1]), int(match[2]), int(match[3])) if match else subject.airflow
        layout = replace(subject.layout, values=self.path)
        chart = self.chart if self.chart in list_chart_versions() else subject.chart
        # Only findings about the values count, so the files are not searched again.
        return replace(
            subject, files={}, layout=layout, values=self.found.values, airflow=airflow, chart=chart
        )

    def select(self, findings: Iterable[Finding], known: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings about these values at their places, without those known already."""
        before = {_key(one) for one in known if one.path == self.file}
        for one in findings:
            if one.path == self.path and _key(one) not in before:
                path, where = self._locate(one.where)
                yield replace(one, path=path, where=where)

    def _locate(self, where: str) -> tuple[str, str]:
        """Return file and place of the value at `where`, or of the values as a whole."""
        path = self._paths.get(where, ())
        for layer in reversed(self.found.layers):
            if path and _has(layer.values, path):
                if not layer.where:
                    return layer.path, where
                place = self.document.where(layer.where)
                return layer.path, f"{place}.{where}" if layer.nested else place
        return self.document.path, self.document.where(f"{self.where}.helm: {where}")

    @cached_property
    def _paths(self) -> Mapping[str, tuple[str | int, ...]]:
        return {format_path(path): path for path, _ in walk(self.found.values)}


def list_effective_values(subject: Subject) -> Iterator[ValuesInEffect]:
    """Yield the values of every Application that does not just use the values file.

    Values that cannot be read in full are left out, as no rule could judge them.
    """
    for document in subject.objects("Application", group="argoproj.io"):
        for where, source in list_sources(document.spec):
            if not _is_airflow_chart(source):
                continue
            read = _reader(subject)
            found = compute_effective_values(document.path, document.spec, where, source, read)
            layers = [layer for layer in found.layers if layer.values]
            if found.faults or not layers:
                continue
            if [layer.path for layer in layers if not layer.where] == [subject.layout.values] and (
                len(layers) == 1
            ):
                continue
            used = any(layer.path == subject.layout.values for layer in layers if not layer.where)
            file = subject.layout.values if used else ""
            chart = str(source.get("targetRevision") or "")
            effective = ValuesInEffect(document, where, found, chart, file)
            if file or _looks_like_airflow(source, found):
                yield effective


def list_unread_values(subject: Subject) -> Iterator[tuple[Document, str, str]]:
    """Yield what an Application of the Airflow chart sets and nobody can read here."""
    for document in subject.objects("Application", group="argoproj.io"):
        for where, source in list_sources(document.spec):
            if _is_airflow_chart(source):
                found = compute_effective_values(
                    document.path, document.spec, where, source, _reader(subject)
                )
                for place, message in found.faults:
                    yield document, place, message


def _is_airflow_chart(source: Mapping[str, Any]) -> bool:
    return str(source.get("chart") or "").rpartition("/")[2] == "airflow"


def _looks_like_airflow(source: Mapping[str, Any], found: EffectiveValues) -> bool:
    """Return whether this is Apache's chart; another chart has the same name."""
    if _APACHE in str(source.get("repoURL") or ""):
        return True
    return isinstance(found.values.get("executor"), str)


def _reader(subject: Subject) -> Read:
    """Return a function that reads the subject's files by their paths in the Git repository."""
    prefix = f"{subject.layout.prefix}/" if subject.layout.prefix else ""
    exact = bool(subject.layout.manifests)

    def read(path: str) -> bytes | None:
        if path.startswith(prefix) and path.removeprefix(prefix) in subject.files:
            return subject.files[path.removeprefix(prefix)]
        if exact:
            return None
        # The repository may be checked out from a folder above or below.
        ends = [name for name in subject.files if path.endswith(f"/{name}")]
        return subject.files[max(ends, key=len)] if ends else None

    return read


def _has(value: object, path: tuple[str | int, ...]) -> bool:
    """Return whether a layer sets the value at this path."""
    for key in path:
        if isinstance(key, int):
            if not isinstance(value, list) or key >= len(value):
                return False
            value = value[key]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return False
    return True


def _key(finding: Finding) -> tuple[str, ...]:
    return (finding.rule, finding.where, finding.message, finding.severity)

"""Rules for Helm values, applied to the values that take effect, wherever they are set.

The rules judge the values file of an installation first. An Argo CD Application can add value
files, inline values and parameters: then they judge the result, too. In a tree that the wizard did
not write, they judge every release that a file declares. Each finding names the place that sets
the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wizard.chart.versions import chart_version, list_chart_versions, match_chart_version
from wizard.checks.subject import Subject
from wizard.declarations.argocd import read_applications
from wizard.declarations.catalogue import read_declarations
from wizard.declarations.declaration import Declaration
from wizard.declarations.tree import Parsed, Tree
from wizard.declarations.values import number_place
from wizard.findings import Finding

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})\Z").match
_DECLARING = (("Application", "argoproj.io"), ("ApplicationSet", "argoproj.io"))
_CHART_RULE = "values.chart-version"


@dataclass(frozen=True)
class ValuesInEffect:
    """The values of one declared release, and the chart's version by which they are judged.

    `file` is the installation's own values file if the release uses it, else "".
    """

    declaration: Declaration
    chart: str
    file: str

    @property
    def path(self) -> str:
        """Return the name that stands for these values; no file can have it."""
        one = self.declaration
        return f"{one.path}\n{number_place(one.number, one.where)}"

    def subject(self, subject: Subject) -> Subject:
        """Return the subject of the checks with these values instead of the values file."""
        one = self.declaration
        airflow, guesses = subject.airflow, False
        if not self.file:
            match = _VERSION(one.airflow)
            if not match and not one.values.get("airflowVersion") and _is_known(self.chart):
                match = _VERSION(chart_version(self.chart).airflow)
            airflow = (int(match[1]), int(match[2]), int(match[3])) if match else airflow
            guesses = match is None
        layout = replace(subject.layout, values=self.path)
        foreign = not subject.layout.manifests
        if foreign:
            layout = replace(
                layout,
                release=one.release or layout.release,
                namespace=one.namespace or layout.namespace,
            )
        # Only findings about the values count, so the files are not searched again, and what other
        # Applications install does not matter.
        documents = tuple(
            document
            for document in subject.documents
            if (document.kind, document.group) not in _DECLARING
            or (document.path == one.path and document.number == one.number)
        )
        return replace(
            subject,
            files={},
            declarations=(),
            layout=layout,
            documents=documents,
            values=one.values,
            airflow=airflow,
            guesses_airflow=guesses,
            guesses_release=foreign and not one.release,
            guesses_namespace=foreign and not one.namespace,
            chart=self.chart,
        )

    def select(self, findings: Iterable[Finding], known: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings about these values at their places, without those known already.

        If a part of the values cannot be read, nothing can be said about a value that is missing.
        """
        one = self.declaration
        before = {_key(finding) for finding in known if self.file and finding.path == self.file}
        for finding in findings:
            if finding.path != self.path or _key(finding) in before:
                continue
            path, where, is_set = one.locate(finding.where)
            if finding.rule == _CHART_RULE and one.chart_place[0]:
                path, where = one.chart_place
            elif not is_set and one.found.faults:
                continue
            if one.find_unresolved(path, where) is None:
                yield replace(finding, path=path, where=where)


def list_effective_values(subject: Subject) -> Iterator[ValuesInEffect]:
    """Yield the values of every declared release that does not just use the values file.

    In a tree of the wizard, values that cannot be read in full are left out: that is an error there
    already.
    """
    own = bool(subject.layout.manifests)
    for one in subject.declarations:
        layers = [layer for layer in one.found.layers if layer.values]
        if own and (one.found.faults or not layers):
            continue
        files = [layer.path for layer in layers if not layer.where]
        if files == [subject.layout.values] and len(layers) == 1:
            continue
        used = bool(subject.layout.values) and subject.layout.values in files
        file = subject.layout.values if used else ""
        yield ValuesInEffect(one, _choose_chart(one, subject), file)


def add_declarations(subject: Subject) -> Subject:
    """Return the subject with the releases of Airflow's chart that its files declare.

    In a tree that the wizard wrote, these are the Applications; the values file is its own.
    """
    layout = subject.layout
    documents = tuple(Parsed(one.path, one.number, one.data) for one in subject.documents)
    tree = Tree(subject.files, documents, layout.prefix, bool(layout.manifests), subject.links)
    found: tuple[Declaration, ...]
    if layout.values:
        found = tuple(
            one
            for one in read_applications(tree)
            if one.is_airflow or layout.values in one.found.files
        )
    else:
        found = read_declarations(tree)
    files = {layer.path for one in found for layer in one.found.layers if not layer.where}
    return replace(subject, declarations=found, value_files=frozenset(files))


def _choose_chart(one: Declaration, subject: Subject) -> str:
    """Return the version whose keys judge the values; an unknown one is returned as written."""
    if not one.chart:
        return subject.chart
    chart, match = match_chart_version(one.chart)
    if match != "unknown":
        return chart
    return subject.chart if subject.layout.manifests else one.chart


def _is_known(chart: str) -> bool:
    return chart in list_chart_versions()


def _key(finding: Finding) -> tuple[str, ...]:
    return (finding.rule, finding.where, finding.message, finding.severity)

"""Values whose text the chart writes into a manifest as it is, so that it can add keys of its own.

The chart writes many values unquoted (`schedulerName: {{ .Values.schedulerName }}`): a line
break in one starts a new line of the manifest, which may be another key, another container or
another object. Source: templates of chart 1.22.0, rendered with a line break in some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.keys import ChartKeys, load_keys
from wizard.chart.own_templates import CONFIG_TEMPLATES
from wizard.chart.versions import list_chart_versions
from wizard.checks.git_containers import clones_dags
from wizard.checks.git_variables import GitValues
from wizard.checks.subject import as_mapping
from wizard.checks.values import Report
from wizard.findings import Finding
from wizard.formats.nested import format_path

# Text values that the chart indents, so that all their lines stay where they belong.
_TEXTS = frozenset(
    [
        "extraEnv",
        "extraEnvFrom",
        "envFrom",
        "podTemplate",
        "airflowLocalSettings",
        "webserverConfig",
        "apiServerConfig",
        "stringOverride",
        "knownHosts",
        "sshKey",
        "config",
        "keytabBase64Content",
        "extraIni",
        "extraIniMetadata",
        "extraIniResultBackend",
        "ca",
        "cert",
        "key",
        "data",
        "stringData",
    ]
)
_MESSAGE = "the chart writes this text unquoted: a line break adds lines of its own to a manifest"
# A line of an option continues on lines that are indented deeper than airflow.cfg in its ConfigMap.
_ESCAPES = re.compile(r"[\r\n](?! {5})")


def check_injection(git: GitValues) -> Iterator[Finding]:
    """Report line breaks that leave their value, and templates that nobody can read."""
    report = Report(git.path)
    yield from _check_line_breaks(git, report)
    yield from _check_options(git.values, report)
    if clones_dags(git.values):
        yield from _check_templates(git, report)


def _check_line_breaks(git: GitValues, report: Report) -> Iterator[Finding]:
    known = list_chart_versions()
    chart = git.subject.chart
    keys = load_keys(chart if chart in known else known[0])
    for path, node in git.list_texts():
        if not re.search(r"[\r\n]", node.rstrip("\n")):
            continue
        if path[-1] not in _TEXTS and _is_unquoted(path, keys):
            where, fix = format_path(path), "write one line"
            yield report.error("values.line-break", where, _MESSAGE, fix)


def _is_unquoted(path: tuple[str | int, ...], keys: ChartKeys) -> bool:
    """Return whether the chart has a single value here, or the name of a set of workers."""
    return keys.is_single(path) or ("sets" in path and path[-1] == "name")


def _check_options(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    for section, options in as_mapping(values.get("config")).items():
        for name, text in as_mapping(options).items():
            words = (str(section), str(name), str(text).rstrip("\n"))
            if any(_ESCAPES.search(word.rstrip()) for word in words):
                where = format_path(("config", str(section), str(name)))
                fix = "indent the lines after the first by five spaces"
                yield report.error("values.line-break", where, _MESSAGE, fix)


def _check_templates(git: GitValues, report: Report) -> Iterator[Finding]:
    """Report templates whose result is unknown; those of `config` may replace the host keys."""
    for path, node in git.list_texts():
        if "{{" not in node or git.expand(node)[1]:
            continue
        where = format_path(path)
        if path[0] == "config":
            if node in CONFIG_TEMPLATES:
                continue
            message = "a template that cannot be read stands in the ConfigMap with the host keys"
            fix = 'write the text itself; write {{ "{{" }} for braces'
            yield report.error("git-sync.unreadable", where, message, fix)
        elif path[0] != "dags":
            message = "a template that cannot be read stands in a manifest of pods that clone DAGs"
            fix = "write the text itself, or verify the manifest: helm template"
            yield report.warning("git-sync.template", where, message, fix)

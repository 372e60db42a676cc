"""Rules for Helm values: known keys, and values that decide whether Airflow runs.

Source: facts on the chart (charts 1.19 to 1.22 rendered, git-sync 4.4.2 run).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.contract import CONTRACT, get_chart_value
from wizard.chart.keys import list_names, load_keys
from wizard.chart.versions import LOWEST_AIRFLOW, chart_version, list_chart_versions
from wizard.checks.subject import Subject, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding, Severity
from wizard.formats.messages import UNKNOWN_KEY, show_name
from wizard.formats.nested import format_path, walk
from wizard.formats.version_ranges import split_version

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)\Z")
_REMOVED_EXECUTORS = ("CeleryKubernetesExecutor", "LocalKubernetesExecutor")


def check_helm_values(subject: Subject) -> Iterator[Finding]:
    """Run all rules on the values file."""
    values = subject.values
    if values is None:
        return
    report = Report(subject.layout.values)
    yield from _keys(values, subject.chart, report)
    yield from _version(values, subject, report)
    yield from _executor(values, subject, report)
    yield from _jobs(values, report)
    yield from _check_generated_secrets(values, subject, report)
    yield from _database(values, report)
    yield from _environments(values, report)


class Report:
    """Creates the findings of one file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def error(self, rule: str, where: str, message: str, fix: str) -> Finding:
        """Return a finding that must be fixed before delivery."""
        return self.finding(rule, "error", where, message, fix)

    def warning(self, rule: str, where: str, message: str, fix: str) -> Finding:
        """Return a finding that the user should know about."""
        return self.finding(rule, "warning", where, message, fix)

    def finding(self, rule: str, severity: Severity, where: str, message: str, fix: str) -> Finding:
        """Return a finding of the given severity."""
        return Finding(rule, severity, self.path, where, message, Fix(fix))


def _keys(values: Mapping[str, Any], chart: str, report: Report) -> Iterator[Finding]:
    if chart not in list_chart_versions():
        fix = f"use one of {', '.join(list_chart_versions())}, or check with the chart's own schema"
        message = "the keys of this chart version are not known, so no key was checked"
        yield report.warning("values.chart-version", "", message, fix)
        return
    known = load_keys(chart)
    for path in known.unknown(values):
        near = known.nearest_key(path)
        fix = f"did you mean {near}?" if near else f"remove it; chart {chart} has no such key"
        message = f"chart {chart} does not know this key"
        # The keys above are the chart's, or names of the user that every diff shows.
        *above, key = path
        shown = show_name(str(key), list_names()) or UNKNOWN_KEY
        yield report.error("values.unknown-key", format_path([*above, shown]), message, fix)
    for path, instead in known.deprecated_keys(values):
        fix = f"use {instead}" if instead else "remove it"
        message = f"deprecated in chart {chart}"
        yield report.warning("values.deprecated-key", format_path(path), message, fix)


def _version(values: Mapping[str, Any], subject: Subject, report: Report) -> Iterator[Finding]:
    written = values.get("airflowVersion")
    wanted = ".".join(map(str, subject.airflow))
    rule, where = "values.airflow-version", "airflowVersion"
    fix = f'write airflowVersion: "{wanted}"'
    if subject.guesses_airflow:
        fix = 'write the version of the image, such as airflowVersion: "X.Y.Z"'
    if written is None:
        message = "missing: the chart then renders for its own default version, not the image's"
        yield report.error(rule, where, message, fix)
        return
    match = _VERSION.match(written) if isinstance(written, str) else None
    if match is None:
        message = (
            "must have the form X.Y.Z: with a suffix the chart silently renders neither API "
            "server nor webserver"
        )
        yield report.error(rule, where, message, fix)
        return
    version = tuple(int(part) for part in match.groups())
    lowest = _find_lowest(subject.chart)
    if version < split_version(lowest):
        message = f"chart {subject.chart} is not for Airflow before {lowest}"
        yield report.error(rule, where, message, f"use an image and version {lowest} or later")
    elif version != subject.airflow:
        message = f"{written} is not the Airflow version of this installation"
        yield report.error(rule, where, message, fix)


def _find_lowest(chart: str) -> str:
    """Return the lowest Airflow version of a chart; that of the newest one if it is not known."""
    return chart_version(chart).lowest if chart in list_chart_versions() else LOWEST_AIRFLOW


def _executor(values: Mapping[str, Any], subject: Subject, report: Report) -> Iterator[Finding]:
    executor = str(get_chart_value(values, "executor"))
    if subject.airflow >= (3, 0, 0) and any(
        name.strip().rpartition(".")[2] in _REMOVED_EXECUTORS for name in executor.split(",")
    ):
        message = "Airflow 3 removed this executor; the chart still renders it without an error"
        fix = "write CeleryExecutor,KubernetesExecutor (the first is the default)"
        yield report.error("values.executor", "executor", message, fix)


def _jobs(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    for job in ("migrateDatabaseJob", "createUserJob"):
        if get_chart_value(values, f"{job}.enabled") is False:
            continue
        for key in ("useHelmHooks", "applyCustomEnv"):
            if get_chart_value(values, f"{job}.{key}") is not False:
                message = (
                    "a Helm hook runs after the pods are ready, but they wait for it: a deadlock "
                    "with Argo CD, --wait and --atomic"
                    if key == "useHelmHooks"
                    else "without Helm hooks the Job must not depend on the chart's other objects"
                )
                yield report.error("values.job-hooks", f"{job}.{key}", message, "write false")


def _check_generated_secrets(
    values: Mapping[str, Any], subject: Subject, report: Report
) -> Iterator[Finding]:
    """Report missing secrets: the chart would generate a new value at every rendering."""
    for use in CONTRACT:
        always = (
            use.value == "data.brokerUrlSecretName"
        )  # the chart renders it for all executors, as a hook
        if not use.random or not (always or use.applies(values, subject.airflow)):
            continue
        if not get_chart_value(values, use.value):
            message = f"missing: the chart would generate {use.purpose} again at every rendering"
            fix = "name an existing Secret; without Celery any name will do"
            fix = fix if always else f"name a Secret with the key {', '.join(use.keys)}"
            yield report.error("values.generated-secret", use.value, message, fix)
    if get_chart_value(values, "data.brokerUrlSecretName") and get_chart_value(
        values, "data.brokerUrl"
    ):
        message = "the chart refuses a broker URL together with a Secret for it"
        yield report.error("values.broker", "data.brokerUrl", message, "remove data.brokerUrl")


def _database(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    metadata = get_chart_value(values, "data.metadataSecretName")
    bundled = get_chart_value(values, "postgresql.enabled") is True
    where = "data.metadataSecretName"
    if not metadata and not bundled:
        message = "missing: the chart would write a Secret with the password from the values"
        fix = "name a Secret with the key connection"
        yield report.error("values.metadata-secret", where, message, fix)
    elif not metadata:
        message = "missing: the chart writes a Secret with the bundled database's default password"
        fix = "name a Secret with the key connection; never use the bundled database in production"
        yield report.warning("values.metadata-secret", where, message, fix)
    if metadata and bundled and "enabled" not in as_mapping(values.get("postgresql")):
        message = "missing: the chart deploys a bundled PostgreSQL that nothing uses"
        fix = "write postgresql.enabled: false"
        yield report.warning("values.bundled-postgresql", "postgresql.enabled", message, fix)
    if metadata and get_chart_value(values, "pgbouncer.enabled") is True:
        for name in ("configSecretName", "metricsExporterSidecar.statsSecretName"):
            if (
                name == "configSecretName"
                and get_chart_value(values, "pgbouncer.mountConfigSecret") is False
            ):
                continue
            if not get_chart_value(values, f"pgbouncer.{name}"):
                message = (
                    "missing: with your own metadata Secret, the chart connects PgBouncer to a "
                    "database that does not exist, as postgres/postgres"
                )
                fix = "name a Secret for it too, with the same password"
                yield report.error("values.pgbouncer", f"pgbouncer.{name}", message, fix)


def _environments(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    for path, node in walk(values):
        if not path or path[-1] != "env" or not isinstance(node, list):
            continue
        seen: set[str] = set()
        for number, item in enumerate(node):
            name = get_nested(item, "name")
            if isinstance(name, str) and name in seen:
                message = "the name occurs twice in this list: server-side apply refuses it"
                place = format_path((*path, number, "name"))
                yield report.error("values.duplicate-env", place, message, "keep one of them")
            seen.add(str(name))

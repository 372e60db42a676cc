"""The chart versions that can be installed. To add one, add a row here and a file in keydata/.

Source: the schemas of charts 1.16.0 to 1.22.0, KEYDIFF, and the templates of 1.16.0 to 1.18.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wizard.formats.version_ranges import is_in_range, parse_version

# Charts from 1.20 on refuse lower versions of Airflow.
LOWEST_AIRFLOW = "2.11.0"

_BEFORE_1_21 = {
    "workers.celery.annotations": "workers.annotations",
    "workers.celery.env": "workers.env",
    "workers.celery.hpa": "workers.hpa",
    "workers.celery.safeToEvict": "workers.safeToEvict",
    "workers.celery.waitForMigrations": "workers.waitForMigrations",
    "workers.celery.logGroomerSidecar": "workers.logGroomerSidecar",
    "workers.kubernetes.env": "workers.env",
    "workers.kubernetes.safeToEvict": "workers.safeToEvict",
    "workers.kubernetes.podAnnotations": "workers.podAnnotations",
    "workers.kubernetes.serviceAccount": "workers.serviceAccount",
    "workers.celery.serviceAccount": "workers.serviceAccount",
    **{
        f"workers.{kind}.{key}": f"workers.{key}"
        for kind in ("celery", "kubernetes")
        for key in ("labels", "priorityClassName", "tolerations", "topologySpreadConstraints")
    },
}
_BEFORE_1_20 = {
    **_BEFORE_1_21,
    "workers.celery.keda": "workers.keda",
    "workers.celery.resources": "workers.resources",
    "workers.celery.podDisruptionBudget": "workers.podDisruptionBudget",
    "workers.celery.terminationGracePeriodSeconds": "workers.terminationGracePeriodSeconds",
    "workers.kubernetes.resources": "workers.resources",
    "workers.celery.nodeSelector": "workers.nodeSelector",
    "workers.kubernetes.nodeSelector": "workers.nodeSelector",
}
_BEFORE_1_19 = {
    "workers.celery": "workers",
    "workers.kubernetes": "workers",
    "createUserJob.enabled": "webserver.defaultUser.enabled",
}


@dataclass(frozen=True, slots=True)
class ChartVersion:
    """One version of the chart, the Airflow version it installs by default, and its renamed keys.

    `renames` lists the settings (keys of chart 1.22.0) that have a different key in this version.
    `lowest` is the lowest version of Airflow that is offered with the chart. `airflow_2_only`: the
    chart is offered for installations that still need it, and not for Airflow 3.
    """

    chart: str
    airflow: str
    renames: Mapping[str, str] = field(default_factory=dict)
    lowest: str = LOWEST_AIRFLOW
    airflow_2_only: bool = False


# The newest comes first: it is the default.
VERSIONS: tuple[ChartVersion, ...] = (
    ChartVersion("1.22.0", "3.2.2"),
    ChartVersion("1.21.0", "3.2.0"),
    ChartVersion("1.20.0", "3.1.8", _BEFORE_1_21),
    ChartVersion("1.19.0", "3.1.7", _BEFORE_1_20),
    ChartVersion("1.18.0", "3.0.2", _BEFORE_1_19, "2.10.0", airflow_2_only=True),
    ChartVersion("1.17.0", "3.0.2", _BEFORE_1_19, "2.10.0", airflow_2_only=True),
    ChartVersion("1.16.0", "2.10.5", _BEFORE_1_19, "2.10.0", airflow_2_only=True),
)


def list_chart_versions() -> tuple[str, ...]:
    """Return the versions that can be installed, the newest first."""
    return tuple(one.chart for one in VERSIONS)


def chart_version(chart: str) -> ChartVersion:
    """Return a chart version's row of the table; raises KeyError if the table does not have it."""
    for one in VERSIONS:
        if one.chart == chart:
            return one
    raise KeyError(f"no chart {chart}; there are {', '.join(list_chart_versions())}")


def match_chart_version(
    written: str,
) -> tuple[str, Literal["exact", "range", "patch", "unknown"]]:
    """Return the known version by which to judge a chart's version or range, and how it matches.

    `range`: the newest known version of the range. `patch`: another patch of the same minor
    version. `unknown`: the default version, whose keys say nothing about the written one.
    """
    known = {chart: parse_version(chart) for chart in list_chart_versions()}
    exact = parse_version(written)
    if exact is not None:
        for chart, version in known.items():
            if version == exact:
                return chart, "exact"
        for chart, version in known.items():
            if version is not None and version[:2] == exact[:2]:
                return chart, "patch"
    elif written:
        for chart, version in known.items():
            if version is not None and is_in_range(version, written):
                return chart, "range"
    return VERSIONS[0].chart, "unknown"

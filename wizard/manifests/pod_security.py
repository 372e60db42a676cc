"""Security contexts with which the chart's pods meet the Pod Security Standard `restricted`.

Source: chart 1.22.0. Only git-sync keeps its capabilities, no pod of the chart has a seccomp
profile, and Redis runs as root. A context replaces the chart's, so each repeats the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import get_chart_value

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_AIRFLOW, _NOBODY, _GIT_SYNC = 50000, 65534, 65533
# The user of the official Redis image, which does not need root.
_REDIS = 999
# The user of the image opentelemetry-collector-contrib.
_COLLECTOR = 10001
_CONTAINER: dict[str, object] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def restricted_settings(release: Release) -> dict[str, object]:
    """Return the settings that change the contexts, for the components that run."""
    settings: dict[str, object] = {
        # Group 0 owns the folders of the Airflow image.
        "securityContexts.pod": _pod(_AIRFLOW, group=0),
        "statsd.securityContexts.pod": _pod(_NOBODY),
    }
    if release.chart_redis:
        settings["redis.securityContexts.pod"] = _pod(_REDIS, group=_REDIS)
    if release.pgbouncer:
        settings["pgbouncer.securityContexts.pod"] = _pod(_NOBODY)
    if release.dag_source == "git-sync":
        context = {"runAsUser": _GIT_SYNC, **_CONTAINER}
        settings["dags.gitSync.securityContexts.container"] = context
    return settings


def restricted_collector(values: Mapping[str, Any]) -> dict[str, object]:
    """Return the contexts of the OpenTelemetry collector, if the values in effect run one."""
    key = "otelCollector"
    switches = ("metricsEnabled", "tracesEnabled")
    runs = any(get_chart_value(values, f"{key}.{one}") for one in switches)
    if not runs or get_chart_value(values, f"{key}.securityContexts.pod"):
        return {}
    return {
        f"{key}.securityContexts.pod": _pod(_COLLECTOR),
        f"{key}.securityContexts.container": _CONTAINER,
    }


def _pod(user: int, *, group: int | None = None) -> dict[str, object]:
    groups = {} if group is None else {"fsGroup": group}
    return {
        "runAsUser": user,
        **groups,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }

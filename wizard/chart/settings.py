"""Settings -> keys of the chosen chart version.

A setting's id is its key in chart 1.22.0. `_RENAMES` lists where an older chart has the key under
another name; what 1.22.0 has and an older chart lacks altogether is in `_INTRODUCED_IN`. Source:
the charts' schemas by version and KEYDIFF (charts 1.19.0 to 1.22.0).
"""

from __future__ import annotations

from collections.abc import Mapping

VERSIONS = ("1.22.0", "1.21.0", "1.20.0", "1.19.0")

# Airflow that each chart installs by default; the lowest it is offered with here is 2.11.0,
# which charts from 1.20 on enforce.
DEFAULT_AIRFLOW = {"1.22.0": "3.2.2", "1.21.0": "3.2.0", "1.20.0": "3.1.8", "1.19.0": "3.1.7"}
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
}
_BEFORE_1_20 = {
    **_BEFORE_1_21,
    "workers.celery.keda": "workers.keda",
    "workers.celery.resources": "workers.resources",
    "workers.celery.podDisruptionBudget": "workers.podDisruptionBudget",
    "workers.celery.terminationGracePeriodSeconds": "workers.terminationGracePeriodSeconds",
    "workers.kubernetes.resources": "workers.resources",
}
_RENAMES: Mapping[str, Mapping[str, str]] = {
    "1.22.0": {},
    "1.21.0": {},
    "1.20.0": _BEFORE_1_21,
    "1.19.0": _BEFORE_1_20,
}
_INTRODUCED_IN = {
    "enableServiceLinks": "1.22.0",
    "dags.gitSync.recommendedProbeSetting": "1.20.0",
    "dags.gitSync.livenessProbe.enabled": "1.20.0",
}


class SharedKeyError(Exception):
    """Two settings with different values meet in one key of this chart version.

    `key` is the chart's key, `settings` the ids that both map to it.
    """

    def __init__(self, key: str, settings: tuple[str, str]) -> None:
        super().__init__(f"{settings[0]} and {settings[1]} share {key}")
        self.key = key
        self.settings = settings


def map_setting(setting: str, chart: str) -> str | None:
    """The dotted key of `setting` in this chart version; None where the chart has no such key."""
    since = _INTRODUCED_IN.get(setting)
    if since is not None and VERSIONS.index(chart) > VERSIONS.index(since):
        return None
    renames = _RENAMES[chart]
    parts = setting.split(".")
    for length in range(len(parts), 0, -1):
        renamed = renames.get(".".join(parts[:length]))
        if renamed is not None:
            return ".".join([renamed, *parts[length:]])
    return setting


def map_settings(settings: Mapping[str, object], chart: str) -> dict[str, object]:
    """Settings by the chart's dotted keys, in the same order.

    Raises SharedKeyError when an older chart has one key for two settings that differ.
    """
    found: dict[str, tuple[str, object]] = {}
    for setting, value in settings.items():
        key = map_setting(setting, chart)
        if key is None:
            continue
        if key in found and found[key][1] != value:
            raise SharedKeyError(key, (found[key][0], setting))
        found[key] = (setting, value)
    return {key: value for key, (_, value) in found.items()}

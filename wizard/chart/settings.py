"""Maps settings to the keys of the chosen chart version.

A setting's id is its key in chart 1.22.0. `versions` lists the keys that have another name in an
older chart; `_INTRODUCED_IN` lists the keys of 1.22.0 that are missing in an older chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wizard.chart.versions import chart_version, list_chart_versions

_INTRODUCED_IN = {
    "enableServiceLinks": "1.22.0",
    "dags.gitSync.recommendedProbeSetting": "1.20.0",
    "dags.gitSync.livenessProbe.enabled": "1.20.0",
    "dagProcessor.podDisruptionBudget": "1.19.0",
    "databaseCleanup": "1.19.0",
    "imagePullSecrets": "1.19.0",
    "triggerer.podDisruptionBudget": "1.19.0",
    "workers.celery.podDisruptionBudget": "1.19.0",
    "workers.celery.queue": "1.19.0",
}


class SharedKeyError(Exception):
    """Two settings with different values map to the same key of this chart version.

    `key` is the chart's key, `settings` are the ids of the two settings.
    """

    def __init__(self, key: str, settings: tuple[str, str]) -> None:
        super().__init__(f"{settings[0]} and {settings[1]} share {key}")
        self.key = key
        self.settings = settings


def map_setting(setting: str, chart: str) -> str | None:
    """Return the dotted key of `setting` in this chart version; None if there is no such key."""
    versions = list_chart_versions()
    renames = chart_version(chart).renames
    parts = setting.split(".")
    for length in range(len(parts), 0, -1):
        since = _INTRODUCED_IN.get(".".join(parts[:length]))
        if since is not None and versions.index(chart) > versions.index(since):
            return None
        renamed = renames.get(".".join(parts[:length]))
        if renamed is not None:
            return ".".join([renamed, *parts[length:]])
    return setting


def pull_secret_settings(
    names: Sequence[str], chart: str, *, bundled_database: bool = False
) -> dict[str, object]:
    """Return the settings of the pull secrets; charts before 1.19 take one name, at another key.

    The bundled PostgreSQL is a chart of its own, which does not follow the common setting.
    """
    if not names:
        return {}
    own = {"postgresql.image.pullSecrets": list(names)} if bundled_database else {}
    if map_setting("imagePullSecrets", chart) is None:
        return {"registry.secretName": names[0], **own}
    return {"imagePullSecrets": list(names), **own}


def map_settings(settings: Mapping[str, object], chart: str) -> dict[str, object]:
    """Return the settings under the dotted keys of this chart version, in the same order.

    Raises SharedKeyError if an older chart has only one key for two settings with different values.
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

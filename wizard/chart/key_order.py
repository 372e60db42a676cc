"""The order of keys in the values file, so that no answer moves a key of another one."""

from __future__ import annotations

from typing import Any

# What Airflow is, how tasks run, its parts, what they connect to, and what all pods have. A key
# that is not in the list follows, in the order of the questions.
ORDER = (
    "airflowVersion", "defaultAirflowTag", "enableServiceLinks", "images",
    "defaultAirflowRepository", "executor", "podTemplate", "workers", "config", "dagProcessor",
    "apiServer", "webserver", "scheduler", "triggerer", "logs", "postgresql", "data",
    "migrateDatabaseJob", "pgbouncer", "redis", "dags", "ingress", "fernetKeySecretName",
    "apiSecretKeySecretName", "jwtSecretName", "webserverSecretKeySecretName", "createUserJob",
    "enableBuiltInSecretEnvVars", "databaseCleanup", "cleanup", "networkPolicies",
    "securityContexts", "statsd", "imagePullSecrets", "secret", "env", "extraEnv",
    "volumes", "volumeMounts",
)  # fmt: skip
_PLACES = {key: place for place, key in enumerate(ORDER)}
_BELOW = {
    "data": ("metadataSecretName", "resultBackendSecretName", "brokerUrlSecretName"),
    "createUserJob": ("enabled", "env", "args"),
}


def sort_keys(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with their keys in the order of the file."""
    found = {
        key: values[key] for key in sorted(values, key=lambda key: _PLACES.get(key, len(ORDER)))
    }
    for key, first_names in _BELOW.items():
        if key in found:
            below = found[key]
            first = {name: below[name] for name in first_names if name in below}
            found[key] = {**first, **below}
    return found

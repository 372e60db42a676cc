"""Which workloads of the chart restart when a Helm value changes.

A workload restarts when its pod template changes. Source: chart 1.22.0, rendered once with and once
without each change (tests/integration/helm/test_restarts.py repeats this for every question).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from wizard.chart.contract import (
    get_chart_value,
    get_chart_value_at,
    is_celery,
    needs_keda_connection,
)
from wizard.chart.pod_template import TEMPLATE
from wizard.formats.nested import get_value, walk

Values: TypeAlias = Mapping[str, object]

_AIRFLOW = ("api-server", "webserver", "dag-processor", "scheduler", "triggerer", "worker")
_OTHERS = ("pgbouncer", "redis", "statsd", "flower")
_EVERY = (*_AIRFLOW, *_OTHERS)
# The readers of airflow.cfg and of the common variables.
_CONFIGURED = (*_AIRFLOW, "flower")
_NONE: tuple[str, ...] = ()

# The value whose change is described, or its nearest parent in this table, decides.
_WORKLOADS: Mapping[str, tuple[str, ...]] = {
    "": _CONFIGURED,
    "dags": _AIRFLOW,
    "images": _AIRFLOW,
    "logs": _AIRFLOW,
    # Values that every pod template contains.
    "labels": _EVERY,
    "enableServiceLinks": _EVERY,
    "imagePullSecrets": _EVERY,
    "registry": _EVERY,
    "nodeSelector": _EVERY,
    "tolerations": _EVERY,
    "affinity": _EVERY,
    "topologySpreadConstraints": _EVERY,
    "volumes": (*_CONFIGURED, "pgbouncer"),
    "volumeMounts": (*_CONFIGURED, "pgbouncer"),
    # Objects beside the workloads.
    "airflowVersion": _NONE,
    "createUserJob": _NONE,
    "ingress": _NONE,
    "migrateDatabaseJob": _NONE,
    "networkPolicies": _NONE,
    "podDisruptionBudget": _NONE,
    "priorityClasses": _NONE,
    "quotas": _NONE,
    "limits": _NONE,
    "logs.persistence.annotations": _NONE,
    "logs.persistence.size": _NONE,
    "logs.persistence.storageClassName": _NONE,
    "rbac": _NONE,
    "revisionHistoryLimit": _NONE,
    "cleanup": _NONE,
    "databaseCleanup": _NONE,
    # Secrets that only some workloads read.
    "jwtSecretName": ("api-server", "scheduler"),
    "enableBuiltInSecretEnvVars.AIRFLOW__API_AUTH__JWT_SECRET": ("api-server", "scheduler"),
    # git-sync runs beside the readers of DAG files; its host keys are in the chart's ConfigMap.
    "dags.gitSync": ("dag-processor", "triggerer", "worker"),
    "dags.gitSync.enabled": _CONFIGURED,
    "dags.gitSync.knownHosts": _CONFIGURED,
    "dags.persistence": ("dag-processor", "triggerer", "worker"),
    **dict.fromkeys(
        (f"dags.persistence.{key}" for key in ("accessMode", "annotations", "size")), _NONE
    ),
    "dags.persistence.storageClassName": _NONE,
    # airflow.cfg names the folder.
    "dags.gitSync.subPath": _CONFIGURED,
    "images.gitSync": ("dag-processor", "triggerer", "worker"),
    "images.otelCollector": _NONE,  # no workload that is watched
    "images.statsd": ("statsd",),
    "images.redis": ("redis",),
    "images.pgbouncer": ("pgbouncer",),
    "images.pgbouncerExporter": ("pgbouncer",),
    # Components.
    "apiServer": ("api-server",),
    "webserver": ("webserver",),
    "dagProcessor": ("dag-processor",),
    # airflow.cfg lists the bundles.
    "dagProcessor.dagBundleConfigList": _CONFIGURED,
    "scheduler": ("scheduler",),
    "triggerer": ("triggerer",),
    "workers": ("worker",),
    "flower": ("flower",),
    "statsd": ("statsd",),
    "statsd.enabled": _CONFIGURED,
    "pgbouncer": ("pgbouncer",),
    "pgbouncer.maxClientConn": _NONE,
    "pgbouncer.metadataPoolSize": _NONE,
    "pgbouncer.resultBackendPoolSize": _NONE,
    "redis": ("redis",),
    # A chart of its own, which follows none of the common values.
    "postgresql": ("postgresql",),
}
# Keys below a component that change its objects, but not its pods.
_BESIDE_PODS = frozenset(
    {
        "replicas", "minReplicaCount", "maxReplicaCount", "annotations", "podDisruptionBudget",
        "networkPolicy", "extraNetworkPolicies", "hpa", "keda", "ingress", "strategy",
        "updateStrategy", "persistence", "revisionHistoryLimit", "apiServerHpa", "service",
        "podManagementPolicy", "allowPodLogReading",
    }
)  # fmt: skip
# Code that a pod mounts once there is any.
_WEB_CONFIG = ("apiServer.apiServerConfig", "webserver.webserverConfig")
# Below `workers`: what is for one kind of workers only.
_CELERY, _TASK_PODS = "celery", "kubernetes"
_JOBS = ("createUserJob", "migrateDatabaseJob")
_COMPONENTS = tuple(key for key, names in _WORKLOADS.items() if len(names) == 1)
# Components whose pods keep a volume: the name of the StatefulSet's claim template.
_VOLUMES: Mapping[str, str] = {
    "scheduler": "logs",
    "worker": "logs",
    "triggerer": "logs",
    "redis": "redis-db",
    "postgresql": "data",
}
# Workloads whose pods may keep a volume.
VOLUME_KEEPERS = tuple(_VOLUMES)
_WORKER_VOLUME = ("workers.celery.persistence", "workers.persistence")
_VOLUME_KEYS: Mapping[str, tuple[str, ...]] = {
    "worker": _WORKER_VOLUME,
    # With LocalExecutor the scheduler is a StatefulSet, and has the workers' volume.
    "scheduler": _WORKER_VOLUME,
    "triggerer": ("triggerer.persistence",),
    "redis": ("redis.persistence",),
    "postgresql": ("postgresql.primary.persistence",),
}


def changed_values(old: Values, new: Values) -> tuple[str, ...]:
    """Return the dotted keys of all leaves that differ; a list counts as one leaf."""
    return tuple(sorted(".".join(path) for path in _compare(old, new, ())))


def _compare(old: object, new: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {*old, *new}:
            yield from _compare(old.get(key), new.get(key), (*path, str(key)))
    elif isinstance(old, Mapping) and old and new is None:
        yield from _compare(old, {}, path)
    elif isinstance(new, Mapping) and new and old is None:
        yield from _compare({}, new, path)
    elif old != new:
        yield path


def list_workloads(values: Values, airflow: tuple[int, int, int]) -> tuple[str, ...]:
    """Return the workloads that the chart renders with these values and this Airflow."""
    switches = {
        "api-server": airflow >= (3, 0, 0) and _is_on(values, "apiServer"),
        "webserver": airflow < (3, 0, 0) and _is_on(values, "webserver"),
        "dag-processor": _is_on(values, "dagProcessor", default=airflow >= (3, 0, 0)),
        "scheduler": _is_on(values, "scheduler"),
        "triggerer": _is_on(values, "triggerer"),
        "worker": is_celery(values),
        "pgbouncer": get_chart_value(values, "pgbouncer.enabled") is True,
        "redis": is_celery(values) and get_chart_value(values, "redis.enabled") is True,
        "statsd": _is_on(values, "statsd"),
        "postgresql": get_chart_value(values, "postgresql.enabled") is True,
        "flower": is_celery(values) and get_chart_value(values, "flower.enabled") is True,
    }
    return tuple(name for name, runs in switches.items() if runs)


def _is_on(values: Values, key: str, *, default: bool = True) -> bool:
    enabled = get_value(values, (key, "enabled"))
    return default if enabled is None else bool(enabled)


def find_restarts(old: Values, new: Values, *, local: bool, task_pods: bool) -> frozenset[str]:
    """Return the workloads whose pod template changes, if they exist before and after the change.

    `local`: the scheduler runs tasks, so it reads DAG files too. `task_pods`: tasks may run in
    pods of their own, whose template is in a ConfigMap that all pods depend on.
    """
    hit: set[str] = set()
    # A template of one's own replaces the one that these values would change.
    task_pods = task_pods and not (old.get(TEMPLATE) and new.get(TEMPLATE))
    if needs_keda_connection(old) != needs_keda_connection(new):
        hit.update(_CONFIGURED)
    own_tag = all(get_value(one, ("images", "airflow", "tag")) for one in (old, new))
    for path in _compare(old, new, ()):
        key = ".".join(path)
        if key == "defaultAirflowTag" and own_tag:
            continue
        before, now = get_chart_value_at(old, path), get_chart_value_at(new, path)
        if before == now:
            continue
        if key in _WEB_CONFIG and not (before and now):
            # Other pods mount it, too, although they do not read it.
            hit.update(_AIRFLOW if key.startswith("webserver") or task_pods else ())
        hit.update(_restarted_by(path, local=local, task_pods=task_pods))
    return frozenset(hit)


def _restarted_by(path: tuple[str, ...], *, local: bool, task_pods: bool) -> tuple[str, ...]:
    length = next(
        length for length in range(len(path), -1, -1) if ".".join(path[:length]) in _WORKLOADS
    )
    row = ".".join(path[:length])
    names = _WORKLOADS[row]
    below = path[length:] if row else ()
    if row == "workers":
        return _restarted_workers(below, task_pods=task_pods)
    if row in _COMPONENTS and _is_beside_pods(below):
        return _NONE
    if local and names == _WORKLOADS["dags.gitSync"]:  # the readers of DAG files
        return (*names, "scheduler")
    return names


def _restarted_workers(below: tuple[str, ...], *, task_pods: bool) -> tuple[str, ...]:
    """Return what restarts with a key below `workers`: the Celery workers, or all pods.

    `workers.kubernetes` is the template of task pods; other keys may be for both kinds.
    """
    head = below[0] if below else ""
    if head == _TASK_PODS:
        return _AIRFLOW if task_pods else _NONE
    inner = below[1:] if head == _CELERY else below
    if _is_beside_pods(inner):
        return _NONE
    shared = head != _CELERY and task_pods
    return _AIRFLOW if shared else ("worker",)


def _is_beside_pods(below: tuple[str, ...]) -> bool:
    """Return whether a key below a component changes no pod: objects, or an account's notes."""
    return below[:1] != () and (
        below[0] in _BESIDE_PODS or below[:2] == ("serviceAccount", "annotations")
    )


def is_read_by_jobs_only(values: Values, secret: str) -> bool:
    """Return whether only the chart's Jobs read this Secret; a Job reads it at every start."""
    readers = [str(path[0]) for path, node in walk(values) if node == secret]
    return bool(readers) and all(reader in _JOBS for reader in readers)


def find_fixed_volumes(old: Values, new: Values, *, local: bool) -> tuple[str, ...]:
    """Return the StatefulSets whose volume claim templates change: Kubernetes refuses this.

    `local`: the scheduler runs tasks, before and after the change. With a shared volume for logs,
    no pod has a claim of its own for them.
    """
    changed = changed_values(old, new)
    shared = [get_value(one, ("logs", "persistence", "enabled")) is True for one in (old, new)]
    return tuple(
        name
        for name, keys in _VOLUME_KEYS.items()
        if (local or name != "scheduler")
        and (
            (_VOLUMES[name] == "logs" and shared[0] != shared[1])
            or (
                any(one == key or one.startswith(f"{key}.") for one in changed for key in keys)
                and not (_VOLUMES[name] == "logs" and all(shared))
            )
        )
    )

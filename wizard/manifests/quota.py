"""The namespace's quota and default requests, and whether the components fit into it.

A quota for CPU or memory refuses pods with a container that requests none, so a LimitRange gives
one to containers without. Source: chart 1.22.0 (`quotas`, `limits`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import get_chart_value
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value
from wizard.formats.quantities import format_quantity, parse_quantity
from wizard.manifests.cloudnativepg import CLUSTER

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.manifests.tree import File

_RESOURCES = ("cpu", "memory")
_WORKERS = "workers.celery"
# What the PostgreSQL bundled with chart 1.22.0 requests by default.
_POSTGRESQL: Mapping[str, Any] = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {}}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the namespace may request, and what a container without a request gets.

    An empty text, and 0 pods, is no limit.
    """

    cpu: str
    memory: str
    pods: int
    default_cpu: str
    default_memory: str

    def amount(self, resource: str) -> str:
        """Return what may be requested of cpu or memory."""
        return self.cpu if resource == "cpu" else self.memory

    def default(self, resource: str) -> str:
        """Return what a container without a request gets of cpu or memory."""
        return self.default_cpu if resource == "cpu" else self.default_memory


def quota_settings(limits: Limits) -> dict[str, object]:
    """Return the chart's settings of the ResourceQuota and the LimitRange; none without limits."""
    hard: dict[str, object] = {
        f"requests.{one}": limits.amount(one) for one in _RESOURCES if limits.amount(one)
    }
    defaults = {one: limits.default(one) for one in _RESOURCES if limits.amount(one)}
    if limits.pods:
        hard["pods"] = limits.pods
    settings: dict[str, object] = {"quotas": hard} if hard else {}
    if defaults:
        settings["limits"] = [{"type": "Container", "defaultRequest": defaults}]
    return settings


def require_room(
    release: Release, limits: Limits, values: Mapping[str, Any], manifests: Iterable[File] = ()
) -> None:
    """Raise AnswersError if components, Jobs and an update request more than the quota gives.

    They are the chart's by `values`, and the Deployments among our own `manifests`. Task pods come
    on top, and wait for room.
    """
    if not (limits.pods or any(limits.amount(one) for one in _RESOURCES)):
        return
    components = (*list_demands(release, values), *list_own_demands(manifests))
    found = (*components, *list_passing_demands(release, values, components))
    problems = []
    pods = sum(one.pods for one in found)
    if limits.pods and pods > limits.pods:
        problems.append(_too_small("pods", str(pods)))
    for resource in _RESOURCES:
        if not limits.amount(resource):
            continue
        default = limits.default(resource)
        wanted = sum((one.request(resource, default) for one in found), Decimal(0))
        if wanted > parse_quantity(limits.amount(resource)):
            problems.append(_too_small(resource, format_quantity(wanted)))
    if problems:
        raise AnswersError("the components do not fit into the quota", problems)


def _too_small(resource: str, least: str) -> Problem:
    message = (
        f"use at least {least}, which the components, their Jobs and the new pods of an update "
        "request, and room for tasks: without it, new pods wait for a migration that cannot start"
    )
    return Problem(f"environment.quota.{resource}", message)


@dataclass(frozen=True, slots=True)
class Demand:
    """Pods of one component, and the `resources` of each container as in its specification."""

    component: str
    pods: int
    containers: tuple[Mapping[str, Any], ...]

    def request(self, resource: str, default: str) -> Decimal:
        """Return what all pods request; the request of a container defaults to its limit."""
        amounts = (
            get_value(one, ("requests", resource)) or get_value(one, ("limits", resource))
            for one in self.containers
        )
        return self.pods * sum((parse_quantity(str(one or default)) for one in amounts), Decimal(0))


def list_own_demands(manifests: Iterable[File]) -> Iterator[Demand]:
    """Yield what the Deployments and the database among our own manifests request."""
    # Loaded only where there is a quota.
    from wizard.formats.yaml_reader import read_mapping

    for file in manifests:
        data = read_mapping(file.text, file.path)
        if data.get("kind") == "Deployment":
            spec = data["spec"]
            containers = spec["template"]["spec"]["containers"]
            resources = tuple(one.get("resources") or {} for one in containers)
            yield Demand(data["metadata"]["name"], spec.get("replicas", 1), resources)
        elif data.get("kind") == CLUSTER:
            spec = data["spec"]
            # With backups, the plugin runs beside PostgreSQL.
            beside: list[Mapping[str, Any]] = [{} for _ in spec.get("plugins") or []]
            own = (spec.get("resources") or {}, *beside)
            yield Demand(data["metadata"]["name"], spec["instances"], own)


def list_demands(release: Release, values: Mapping[str, Any]) -> Iterator[Demand]:
    """Yield what the chart's components request, at the most replicas of their autoscaling.

    Source: chart 1.22.0, every template of a Deployment or StatefulSet.
    """
    synced = release.dag_readers if release.dag_source == "git-sync" else ()
    components = {
        release.web_component: release.web_key,
        "scheduler": "scheduler",
        "dag-processor": "dagProcessor",
        "triggerer": "triggerer",
        **({"worker": _WORKERS} if release.celery else {}),
    }
    for label, key in components.items():
        if _get(values, f"{key}.enabled") is False:
            continue
        beside = _beside(values, key, groomer=label != release.web_component)
        if label in synced:
            beside.append(_resources(values, "dags.gitSync"))
        for pods, own in _replicas(values, key):
            yield Demand(label, pods, (own, *beside))
    if release.pgbouncer:
        # The chart has no switch for the exporter.
        beside = _beside(values, "pgbouncer", groomer=False)
        beside.append(_resources(values, "pgbouncer.metricsExporterSidecar"))
        pods = _count(values, "pgbouncer")
        yield Demand("pgbouncer", pods, (_resources(values, "pgbouncer"), *beside))
    if release.chart_redis:
        yield Demand("redis", 1, (_resources(values, "redis"),))
    if release.bundled_database:
        own = _resources(values, "postgresql.primary") or _POSTGRESQL
        yield Demand("postgresql", 1, (own,))
    for key, label in (("statsd", "statsd"), ("otelCollector", "otel-collector")):
        if _get(values, f"{key}.enabled") is True:
            yield Demand(label, 1, (_resources(values, key),))
    if release.celery and _get(values, "flower.enabled") is True:
        beside = _beside(values, "flower", groomer=False)
        yield Demand("flower", 1, (_resources(values, "flower"), *beside))


def list_passing_demands(
    release: Release, values: Mapping[str, Any], components: Iterable[Demand]
) -> Iterator[Demand]:
    """Yield what an update requests beside the components that run.

    A Deployment replaces its pods by new ones first: a quarter of them, rounded up (Kubernetes'
    default). Those of Airflow wait for the migrations, whose Job needs room beside them. Under Argo
    CD the two Jobs run one after the other.
    """
    stateful = set(_list_stateful(release, values))
    waiting = {release.web_component, "scheduler", "dag-processor", "triggerer", "worker"}
    for one in components:
        if one.component in waiting - stateful and one.pods:
            yield Demand(one.component, -(-one.pods // 4), one.containers)
    jobs = [
        Demand(key, 1, (_resources(values, key),))
        for key in ("migrateDatabaseJob", "createUserJob")
        if _get(values, f"{key}.enabled") is not False
    ]
    yield from jobs[:1] if release.gitops else jobs


def _list_stateful(release: Release, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the components that are StatefulSets, which replace one pod after the other."""
    if _get(values, "triggerer.persistence.enabled") is not False:
        yield "triggerer"
    # The volume of the workers is also that of a scheduler that runs tasks.
    if _get(values, f"{_WORKERS}.persistence.enabled") is not False:
        yield "worker"
        if release.local:
            yield "scheduler"


def _replicas(values: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number of pods and the main container's resources, for each set of workers."""
    scaled = [
        _get(values, f"{key}.{one}.maxReplicaCount")
        for one in ("keda", "hpa")
        if _get(values, f"{key}.{one}.enabled") is True
    ]
    most = scaled[0] if scaled and isinstance(scaled[0], int) else _count(values, key)
    own = _resources(values, key)
    if key != _WORKERS:
        yield most, own
        return
    if _get(values, f"{key}.enableDefault") is not False:
        yield most, own
    for one in _list(values, f"{key}.sets"):
        replicas = one.get("replicas")
        yield replicas if isinstance(replicas, int) else most, one.get("resources") or own


def _beside(values: Mapping[str, Any], key: str, *, groomer: bool) -> list[Mapping[str, Any]]:
    """Return the resources of the containers beside the main one, without git-sync's."""
    found = [one.get("resources") or {} for one in _list(values, f"{key}.extraContainers")]
    if groomer and _get(values, f"{key}.logGroomerSidecar.enabled") is not False:
        found.append(_resources(values, f"{key}.logGroomerSidecar"))
    if _get(values, f"{key}.kerberosSidecar.enabled") is True:
        found.append(_resources(values, f"{key}.kerberosSidecar"))
    return found


def _get(values: Mapping[str, Any], key: str) -> object:
    """Return a value, or the chart's default for it.

    What the chart's Celery workers do not have of their own, they have of all workers; older charts
    know these keys only.
    """
    found = get_chart_value(values, key)
    if found is None and key.startswith(f"{_WORKERS}."):
        found = get_chart_value(values, f"workers.{key.removeprefix(f'{_WORKERS}.')}")
    return found


def _list(values: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = _get(values, key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _count(values: Mapping[str, Any], key: str) -> int:
    found = _get(values, f"{key}.replicas")
    return found if isinstance(found, int) else 1


def _resources(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = _get(values, f"{key}.resources")
    return found if isinstance(found, Mapping) else {}

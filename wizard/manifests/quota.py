"""The namespace's quota and default requests, and whether the components fit into it.

A quota for CPU or memory refuses pods with a container that requests none, so a LimitRange gives
one to containers without. Source: chart 1.22.0 (`quotas`, `limits`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import get_chart_value
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value
from wizard.formats.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_RESOURCES = ("cpu", "memory")


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


def require_room(release: Release, limits: Limits, values: Mapping[str, Any]) -> None:
    """Raise AnswersError if the components alone request more than the quota gives.

    Task pods, Jobs and the second pod of an update come on top, and wait for room.
    """
    found = tuple(_list_demands(release, values))
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
    message = f"use at least {least}, which the components request, and room for tasks and updates"
    return Problem(f"environment.quota.{resource}", message)


@dataclass(frozen=True, slots=True)
class _Demand:
    """Pods of one component: what their main container sets, and the containers that set nothing.

    `resources` are those of the main container, as in the values.
    """

    pods: int
    resources: Mapping[str, Any]
    beside: int = 0

    def request(self, resource: str, default: str) -> Decimal:
        """Return what all pods request; the request of a container defaults to its limit."""
        own = get_value(self.resources, ("requests", resource))
        own = own or get_value(self.resources, ("limits", resource)) or default
        return self.pods * (parse_quantity(str(own)) + self.beside * parse_quantity(default))


def _list_demands(release: Release, values: Mapping[str, Any]) -> Iterator[_Demand]:
    synced = release.dag_readers if release.dag_source == "git-sync" else ()
    components = {
        release.web_component: (release.web_key, 0),
        "scheduler": ("scheduler", 1),
        "dag-processor": ("dagProcessor", 1),
        "triggerer": ("triggerer", 1),
    }
    for label, (key, groomers) in components.items():
        beside = groomers + (label in synced)
        yield _Demand(_count(values, key), _resources(values, key), beside)
    if release.celery:
        workers = "workers.celery"
        scaled = [
            get_chart_value(values, f"{workers}.{one}.maxReplicaCount")
            for one in ("keda", "hpa")
            if get_chart_value(values, f"{workers}.{one}.enabled") is True
        ]
        count = scaled[0] if scaled else get_chart_value(values, f"{workers}.replicas")
        pods = count if isinstance(count, int) else 1
        yield _Demand(pods, _resources(values, workers), 1 + ("worker" in synced))
    if release.pgbouncer:
        yield _Demand(_count(values, "pgbouncer"), _resources(values, "pgbouncer"), 1)
    if release.chart_redis:
        yield _Demand(1, _resources(values, "redis"))
    if release.bundled_database:
        yield _Demand(1, _resources(values, "postgresql.primary"))
    if get_chart_value(values, "statsd.enabled") is True:
        yield _Demand(1, _resources(values, "statsd"))


def _count(values: Mapping[str, Any], key: str) -> int:
    found = get_chart_value(values, f"{key}.replicas")
    return found if isinstance(found, int) else 1


def _resources(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = get_chart_value(values, f"{key}.resources")
    return found if isinstance(found, Mapping) else {}

"""The kinds of objects that the chart renders only with certain Helm values.

Source: chart 1.22.0 (templates/resourcequota.yaml, limitrange.yaml, priorityclasses/, rbac/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.chart.names import Names
from wizard.formats.nested import walk

_RBAC = "rbac.authorization.k8s.io"
# Kinds that people also make by hand, as group and kind: the chart's own are known by their names.
LIMITING_KINDS = frozenset(
    {("", "ResourceQuota"), ("", "LimitRange"), ("scheduling.k8s.io", "PriorityClass")}
)


@dataclass(frozen=True, slots=True)
class RenderedKind:
    """A kind that the chart renders; `where` is the value that makes it do so."""

    group: str
    kind: str
    where: str
    cluster: bool = False


def list_special_kinds(values: Mapping[str, Any]) -> Iterator[RenderedKind]:
    """Yield the cluster-scoped kinds, and those that limit what others may use."""
    if get_chart_value(values, "quotas"):
        yield RenderedKind("", "ResourceQuota", "quotas")
    if get_chart_value(values, "limits"):
        yield RenderedKind("", "LimitRange", "limits")
    if get_chart_value(values, "priorityClasses"):
        yield RenderedKind("scheduling.k8s.io", "PriorityClass", "priorityClasses", cluster=True)
    if get_chart_value(values, "multiNamespaceMode") and get_chart_value(values, "rbac.create"):
        for kind in ("ClusterRole", "ClusterRoleBinding"):
            yield RenderedKind(_RBAC, kind, "multiNamespaceMode", cluster=True)


# Kinds that every installation has, and those that a value adds.
_ALWAYS = (
    ("", "ConfigMap"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("batch", "Job"),
    (_RBAC, "Role"),
    (_RBAC, "RoleBinding"),
)
# The places of the values, with `*` for any one key, and `**` in front for any keys or none.
_OPTIONAL = (
    (("networkPolicies.enabled",), "networking.k8s.io", "NetworkPolicy"),
    (("ingress.*.enabled", "ingress.enabled"), "networking.k8s.io", "Ingress"),
    (("**.podDisruptionBudget.enabled",), "policy", "PodDisruptionBudget"),
    (("**.keda.enabled",), "keda.sh", "ScaledObject"),
    (("**.hpa.enabled",), "autoscaling", "HorizontalPodAutoscaler"),
    (("cleanup.enabled", "databaseCleanup.enabled"), "batch", "CronJob"),
    (("logs.persistence.enabled", "dags.persistence.enabled"), "", "PersistentVolumeClaim"),
)


def list_kinds(values: Mapping[str, Any]) -> Iterator[RenderedKind]:
    """Yield the namespaced kinds that the chart renders with these values, special ones apart."""
    yield from (RenderedKind(group, kind, "") for group, kind in _ALWAYS)
    enabled = sorted(tuple(map(str, path)) for path, value in walk(values) if value is True)
    for places, group, kind in _OPTIONAL:
        for path in enabled:
            if any(_is_at(path, place) for place in places):
                yield RenderedKind(group, kind, ".".join(path))
                break


def _is_at(path: tuple[str, ...], place: str) -> bool:
    parts = place.split(".")
    if parts[0] == "**":
        parts = parts[1:]
        path = path[-len(parts) :]
    return len(path) == len(parts) and all(
        part in ("*", key) for part, key in zip(parts, path, strict=True)
    )


def list_limiting_objects(
    values: Mapping[str, Any], names: Names
) -> Iterator[tuple[str, str, str]]:
    """Yield group, kind and name of the chart's quota, limits and priority classes."""
    if get_chart_value(values, "quotas"):
        yield "", "ResourceQuota", names.object_name("resource-quota")
    if get_chart_value(values, "limits"):
        yield "", "LimitRange", names.object_name("limit-range")
    classes = get_chart_value(values, "priorityClasses")
    for one in classes if isinstance(classes, list) else ():
        if isinstance(one, Mapping):
            yield "scheduling.k8s.io", "PriorityClass", f"{names.release}-{one.get('name')}"

"""The kinds that the chart renders, as the values say."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.chart.kinds import list_kinds

ON = {"enabled": True}


def _added(values: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in list_kinds(values) if one.where}


@pytest.mark.parametrize(
    ("values", "kind", "where"),
    [
        ({"networkPolicies": ON}, "NetworkPolicy", "networkPolicies.enabled"),
        ({"ingress": ON}, "Ingress", "ingress.enabled"),
        ({"ingress": {"web": ON}}, "Ingress", "ingress.web.enabled"),
        (
            {"webserver": {"podDisruptionBudget": ON}}, "PodDisruptionBudget",
            "webserver.podDisruptionBudget.enabled",
        ),
        ({"workers": {"keda": ON}}, "ScaledObject", "workers.keda.enabled"),
        (
            {"workers": {"celery": {"keda": ON}}}, "ScaledObject",
            "workers.celery.keda.enabled",
        ),
        ({"keda": ON}, "ScaledObject", "keda.enabled"),
        ({"workers": {"hpa": ON}}, "HorizontalPodAutoscaler", "workers.hpa.enabled"),
        ({"cleanup": ON}, "CronJob", "cleanup.enabled"),
        ({"databaseCleanup": ON}, "CronJob", "databaseCleanup.enabled"),
        ({"dags": {"persistence": ON}}, "PersistentVolumeClaim", "dags.persistence.enabled"),
    ],
)  # fmt: skip
def test_a_value_adds_its_kind(values: dict[str, Any], kind: str, where: str) -> None:
    assert _added(values) == {(kind, where)}


@pytest.mark.parametrize(
    "values",
    [
        {"networkPolicies": {"enabled": False}},
        {"mykeda": ON},
        {"keda": {"more": ON}},
        {"ingress": {"web": {"tls": ON}}},
        {"workers": {"cleanup": ON, "persistence": ON}},
        {"enabled": True},
    ],
)
def test_other_values_add_no_kind(values: dict[str, Any]) -> None:
    assert _added(values) == set()

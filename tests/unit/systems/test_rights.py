"""The rights that Helm needs cover everything that the answers make it install."""

from __future__ import annotations

import pytest

from tests.support.rendered import answers
from wizard.plan.derive import derive_release
from wizard.systems.cluster.rights import list_rights

INGRESS = {
    "access.kind": "ingress",
    "access.base_url": "https://airflow.example.com",
    "access.tls.issuer": "letsencrypt",
}
ROUTE = {
    "access.kind": "httproute",
    "access.base_url": "https://airflow.example.com",
    "access.gateway.name": "public",
    "access.gateway.namespace": "gateways",
}
CELERY = {"executor.kind": "CeleryExecutor"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (INGRESS, "ingresses.networking.k8s.io"),
        (ROUTE, "httproutes.gateway.networking.k8s.io"),
        ({"metrics.service_monitor": True}, "servicemonitors.monitoring.coreos.com"),
        ({"environment.network_policies": True}, "networkpolicies.networking.k8s.io"),
        ({"environment.disruption_budgets": True}, "poddisruptionbudgets.policy"),
        ({"environment.cleanup.database": True}, "cronjobs.batch"),
        (
            {"executor.kind": "KubernetesExecutor", "environment.cleanup.pods": True},
            "cronjobs.batch",
        ),
        ({**CELERY, "executor.workers.autoscaling": "keda"}, "scaledobjects.keda.sh"),
        (
            {**CELERY, "executor.workers.autoscaling": "hpa"},
            "horizontalpodautoscalers.autoscaling",
        ),
    ],
)
def test_helm_needs_a_right_for_each_kind_that_is_installed(
    changes: dict[str, object], kind: str
) -> None:
    plain = {
        "delivery.kind": "helm",
        "environment.network_policies": False,
        "environment.disruption_budgets": False,
    }
    for more, expected in ((changes, True), ({}, False)):
        made = answers("production", {**plain, **more})
        found = {
            str(right) for need in list_rights(made, derive_release(made)) for right in need.rights
        }
        assert (f"create {kind} in airflow" in found) is expected
        assert (f"patch {kind} in airflow" in found) is expected

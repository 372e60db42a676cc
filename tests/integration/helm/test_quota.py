"""What the quota counts is what the chart renders, and what stands beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.helm.test_chart_rendering import SSO, manifests, rendered
from tests.support.rendered import objects, rendering
from wizard.manifests.quota import Demand, list_demands, list_own_demands

pytestmark = pytest.mark.integration

REQUEST = {"requests": {"cpu": "123m", "memory": "77Mi"}}
SIDE = [{"name": "side", "image": "a", "resources": REQUEST}]
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "local": ("local", {}),
    "proxy": ("production", {**SSO, "access.login": "proxy", "access.proxy.replicas": 3}),
    "keda, otel": (
        "production",
        {
            "executor.workers": {"autoscaling": "keda", "max_replicas": 9},
            "metrics.kind": "otel",
            "metrics.target": "otel.example.internal:4318",
            "dags.git_sync.resources": {"cpu": "50m", "memory": "64Mi", "memory_limit": "1Gi"},
            "logs.groomer.enabled": False,
        },
    ),
    "airflow 2": (
        "production",
        {"installation.airflow": "2.11.0",
         "executor.workers.replicas": 4},
    ),
    "by values": (
        "production",
        {
            "executor.kind": "CeleryExecutor",
            "values": {
                "flower": {"enabled": True, "extraContainers": SIDE},
                "statsd": {"resources": REQUEST},
                "scheduler": {"extraContainers": SIDE},
                "pgbouncer": {"metricsExporterSidecar": {"resources": REQUEST}},
                "workers": {"celery": {"sets": [{"name": "big", "replicas": 2}]}},
            },
        },
    ),
    "local executor": ("production", {"executor.kind": "LocalExecutor", "dags.source": "image",
                       "installation.image": {"repository": "r.example.com/a", "tag": "r1"}}),
}  # fmt: skip


def as_text(resources: object) -> str:
    return json.dumps(resources or {}, sort_keys=True)


def counted(one: dict[str, Any], scaled: dict[str, int]) -> tuple[int, list[str]]:
    """The most pods and the resources of their containers, of a Deployment or StatefulSet."""
    spec = one["spec"]
    containers = spec["template"]["spec"]["containers"]
    pods = scaled.get(one["metadata"]["name"]) or spec.get("replicas", 1)
    return pods, sorted(as_text(item.get("resources")) for item in containers)


def demanded(one: Demand) -> tuple[int, list[str]]:
    return one.pods, sorted(as_text(item) for item in one.containers)


@pytest.mark.parametrize("name", CASES)
def test_every_pod_of_the_chart_and_of_ours_is_counted(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    preset, changes = CASES[name]
    made = rendering(preset, changes)
    theirs = manifests(rendered(helm, airflow_chart, made, tmp_path))
    kinds = ("Deployment", "StatefulSet")
    for found, wanted in (
        (theirs, list_demands(made.release, made.total.values)),
        (objects(made), list_own_demands(made.total.manifests)),
    ):
        scaled = {
            one["spec"]["scaleTargetRef"]["name"]: one["spec"]["maxReplicaCount"]
            for one in found
            if one["kind"] == "ScaledObject"
        }
        pods = [counted(one, scaled) for one in found if one["kind"] in kinds]
        assert sorted(pods) == sorted(demanded(one) for one in wanted)

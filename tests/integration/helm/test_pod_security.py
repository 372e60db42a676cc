"""With `restricted`, the API server's own admission takes every pod that the chart makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.rendered import rendering
from tests.testbed.kube import Kube, RejectedError

pytestmark = pytest.mark.integration

EVERYTHING: dict[str, object] = {
    "executor.kind": "CeleryExecutor,KubernetesExecutor",
    "environment.cleanup": {"database": True, "pods": True},
    "secrets.extra": [{"name": "flower", "from": "existing", "keys": ["basicAuth"]}],
    "values": {
        "flower": {"enabled": True, "secretName": "flower"},
        "otelCollector": {"tracesEnabled": True},
    },
}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    "all components": ("production", EVERYTHING),
    "airflow 2, logs": (
        "production",
        {**EVERYTHING, "installation.airflow": "2.11.0", "logs.kind": "volume",
         "executor.kind": "CeleryKubernetesExecutor"},
    ),
    "local": ("local", {}),
}  # fmt: skip


def pods(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that the chart or Airflow makes, by the name of what makes it."""
    for item in found:
        spec, name = item.get("spec", {}), item["metadata"]["name"]
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            claims = [
                {"name": one["metadata"]["name"],
                 "persistentVolumeClaim": {"claimName": one["metadata"]["name"]}}
                for one in spec.get("volumeClaimTemplates", [])
            ]  # fmt: skip
            own = template["spec"]
            yield name, {**own, "volumes": [*(own.get("volumes") or []), *claims]}
        if "pod_template_file.yaml" in item.get("data", {}):
            yield "task", manifests(item["data"]["pod_template_file.yaml"])[0]["spec"]


def refused(kube: Kube, namespace: str, spec: dict[str, Any]) -> str:
    """What the API server says against a pod; empty if it takes it. Nothing is stored."""
    pod = {"metadata": {"name": "tried"}, "spec": spec}
    try:
        kube.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
    except RejectedError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def restricted(kube: Kube) -> str:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"metadata": {"name": "restricted-pods", "labels": label}}
    kube.request("POST", "/api/v1/namespaces", namespace)
    return "restricted-pods"


@pytest.mark.parametrize("name", VARIANTS)
def test_every_pod_is_admitted(
    name: str, helm: Path, airflow_chart: Path, kube: Kube, restricted: str, tmp_path: Path
) -> None:
    preset, changes = VARIANTS[name]
    level = {"environment.pod_security": "restricted"}
    made = rendering(preset, {**changes, **level})
    found = dict(pods(manifests(rendered(helm, airflow_chart, made, tmp_path))))
    assert {"airflow-scheduler", "airflow-triggerer"} <= set(found)
    said = {one: text for one, spec in found.items() if (text := refused(kube, restricted, spec))}
    assert not said, "\n".join(f"{one}: {text}" for one, text in said.items())
    # The same pods without our contexts are refused, so the judge judges.
    plain = rendering(preset, {**changes, "environment.pod_security": "baseline"})
    bare = dict(pods(manifests(rendered(helm, airflow_chart, plain, tmp_path))))
    admitted = {one for one in found if not refused(kube, restricted, bare[one])}
    assert admitted <= {"airflow-postgresql"}

"""Secrets that others make: the rendered pods refer to their names and keys, and to no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.existing import OTHERS
from tests.support.rendered import findings, rendering
from wizard.plan.render import Rendering

pytestmark = pytest.mark.integration

URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
VARIANTS: dict[str, dict[str, Any]] = {
    "celery": {},
    "default names": {"secrets.existing": {}},
    "helm, keda, connections from a bundle": {
        "delivery.kind": "helm",
        "dags.source": "bundle",
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
        "executor.workers.autoscaling": "keda",
        "logs.kind": "volume",
    },
    "airflow 2, local, https": {
        "installation.airflow": "2.11.0",
        "executor.kind": "LocalExecutor",
        "dags.repo": "https://git.example.com/a/b.git",
        "dags.credentials": {"needed": True, "username": "reader"},
        "database.pgbouncer.mode": "off",
        "admin.create": False,
    },
}


def pod_specs(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that the chart or Airflow makes, by component."""
    for item in found:
        template = item.get("spec", {}).get("template")
        if template:
            yield template["metadata"]["labels"]["component"], template["spec"]
        if "pod_template_file.yaml" in item.get("data", {}):
            yield "task", manifests(item["data"]["pod_template_file.yaml"])[0]["spec"]


def secret_keys(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every Secret that a pod reads, with its key."""
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    mounts = [one for container in containers for one in container.get("volumeMounts", [])]
    for container in containers:
        names = [one["name"] for one in container.get("env") or []]
        assert len(names) == len(set(names)), container["name"]
        for variable in container.get("env") or []:
            if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield ref["name"], ref["key"]
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            name, items = volume["secret"]["secretName"], volume["secret"].get("items")
            paths = [one["subPath"] for one in mounts if one["name"] == volume["name"]]
            keys = {item["path"]: item["key"] for item in items or []}
            yield from ((name, keys.get(path, path)) for path in paths)
    for one in spec.get("imagePullSecrets") or []:
        yield one["name"], ".dockerconfigjson"


def variables(spec: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in spec["containers"][0].get("env", [])}


@pytest.mark.parametrize("name", VARIANTS)
def test_pods_read_the_secrets_of_others_and_nothing_else(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    made: Rendering = rendering("production", {**OTHERS, **VARIANTS[name]})
    assert [str(one) for one in findings(made)] == []
    text = rendered(helm, airflow_chart, made, tmp_path)
    assert rendered(helm, airflow_chart, made, tmp_path) == text
    found = manifests(text)
    assert [one["metadata"]["name"] for one in found if one["kind"] == "Secret"] == []
    assert "helm.sh/hook" not in text
    pods = list(pod_specs(found))
    listed = {(one.secret, one.key) for one in made.total.needed}
    assert {key for _, spec in pods for key in secret_keys(spec)} == listed
    airflow = {"api-server", "webserver", "scheduler", "dag-processor", "triggerer", "worker",
               "task", "run-airflow-migrations", "create-user-job"}  # fmt: skip
    for component, spec in pods:
        env = variables(spec)
        if component in airflow:
            keys = {URL, "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_AIRFLOW_DB"}
            assert keys <= set(env), component
        has_tokens = "AIRFLOW__API_AUTH__JWT_SECRET" in env
        signs = component in {"api-server", "scheduler"} and made.release.airflow_3
        assert has_tokens == signs, component
    assert "externalsecret" not in "".join(file.text for file in made.tree.values()).lower()

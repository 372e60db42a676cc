"""Airflow's secrets backend, as the chart renders it."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.rendered import rendering
from wizard.manifests.secrets_backend import TOKEN_FOLDER, backend_users

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("airflow", "executor"),
    [("3.2.2", "CeleryExecutor,KubernetesExecutor"), ("2.11.0", "LocalExecutor")],
)
def test_each_component_logs_in_with_the_account_that_the_role_binds(
    airflow: str, executor: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    made = rendering("production", {
        "secrets.backend.kind": "vault", "secrets.vault.ca.file": "ca.pem",
        "installation.airflow": airflow, "installation.release": "data", "executor.kind": executor,
        "values": {"workers": {"kubernetes": {"serviceAccount": {"create": True}}}},
    })  # fmt: skip
    found = manifests(rendered(helm, airflow_chart, made, tmp_path))
    assert not [one["metadata"]["name"] for one in found if one["kind"] == "Secret"]
    texts = next(
        one["data"]
        for one in found
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "data-config"
    )
    config = configparser.ConfigParser()
    config.read_string("\n".join(line.strip() for line in texts["airflow.cfg"].splitlines()))
    arguments = json.loads(config["secrets"]["backend_kwargs"])
    pods = {
        one["spec"]["template"]["metadata"]["labels"]["component"]: one["spec"]["template"]["spec"]
        for one in found
        if one["kind"] in {"Deployment", "StatefulSet"}
    }
    if "pod_template_file.yaml" in texts:
        pods["task"] = manifests(texts["pod_template_file.yaml"])[0]["spec"]
    users = {name: pods[name] for name in (*backend_users(made.release), "task") if name in pods}
    role = json.loads(made.tree.by_logical("vault/runtime-role").text)
    bound = [pod["serviceAccountName"] for pod in users.values()]
    assert sorted(bound) == sorted(role["bound_service_account_names"])
    for name, pod in users.items():
        mounts = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
        folder = arguments["kubernetes_jwt_path"].rpartition("/")[0]
        volumes = {one["name"]: one for one in pod["volumes"]}
        [source] = volumes[mounts[folder]]["projected"]["sources"]
        assert folder == TOKEN_FOLDER
        assert source["serviceAccountToken"]["audience"] == role["audience"], name
        assert arguments["verify"].rpartition("/")[0] in mounts, name

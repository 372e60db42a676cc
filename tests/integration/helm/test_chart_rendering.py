"""The real chart makes no Secret, no hook and nothing random out of our values."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import rendering
from wizard.answers import presets
from wizard.chart.contract import CONTRACT
from wizard.plan.render import Rendering

pytestmark = pytest.mark.integration

HOSTILE = "a{{ .Release.Name }}'\"\\ $(id) `id` %d é ; # }}"
SSO: dict[str, object] = {
    "access.base_url": "https://airflow.example.com",
    "access.login": "oauth",
    "access.oauth.provider": "okta",
    "access.oauth.issuer": "https://example.okta.com",
    "access.oauth.client_id": "0oa1",
    "access.oauth.roles": {HOSTILE: "Admin", "{{ fail }}": "User"},
}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    **{preset: (preset, {}) for preset in presets.list_presets()},
    "kubernetes": ("production", {"executor.kind": "KubernetesExecutor"}),
    "local executor": ("production", {"executor.kind": "LocalExecutor"}),
    "both": (
        "production",
        {
            "executor.kind": "CeleryExecutor,KubernetesExecutor",
            "installation.release": "data-platform",
            "executor.task_pods": {"cpu": "1", "cpu_limit": "2", "memory_limit": "2Gi"},
            "environment.cleanup": {"database": True, "retention_days": 30, "pods": True},
        },
    ),
    "airflow 2": (
        "production",
        {
            "installation.airflow": "2.11.0",
            "executor.kind": "CeleryKubernetesExecutor",
            "executor.queue": "default,high.cpu",
        },
    ),
    "airflow 3.3": ("production", {"installation.airflow": "3.3.2"}),
    "bundle": ("production", {"dags.source": "bundle"}),
    "isolated database": (
        "production",
        {
            "executor.kind": "CeleryExecutor,KubernetesExecutor",
            "environment.network_policies": True,
            "environment.isolate_database": True,
            "environment.pod_security": "restricted",
            "environment.cleanup.database": True,
        },
    ),
    "other namespaces, placed": (
        "production",
        {
            "executor.kind": "KubernetesExecutor",
            "executor.multi_namespace": ["team-a"],
            "components.schedule.services": {"node_selector": {"a": "b"}, "spread": "zones"},
            "components.schedule.tasks": {"tolerations": [{"key": "spot"}], "spread": "nodes"},
            "components.service_account.annotations": {"a.example/b": "arn:c"},
            "components.pod_labels": {"a.example/b": "true"},
            "environment.openshift": True,
            "environment.proxy.https": "http://proxy.example.internal:3128",
            "environment.quota": {"cpu": "32", "memory": "64Gi", "pods": 60},
        },
    ),
    "image": (
        "production",
        {
            "dags.source": "image",
            "installation.image": {
                "repository": "registry.example.com/airflow",
                "tag": "r1",
                "pull_secret": "registry",
            },
        },
    ),
    "keda": (
        "production",
        {
            "executor.workers": {"autoscaling": "keda", "min_replicas": 0},
            "environment.reloader": True,
            "environment.variables": {"HOSTILE": HOSTILE, "PERCENT": "100%"},
            "database.sslmode": "verify-full",
            "database.ca.file": "pg.pem",
        },
    ),
    "ingress, direct database": (
        "production",
        {
            "access.kind": "ingress",
            "access.base_url": "https://airflow.example.com/team",
            "access.class": "nginx",
            "access.tls.secret": "ui-certificate",
            "access.annotations": {"example.com/hostile": HOSTILE},
            "metrics.kind": "datadog",
            "installation.image": {"repository": "registry.example.com/airflow", "tag": "r1"},
            "environment.network_policies": True,
            "database.pgbouncer.mode": "off",
            "database.sslmode": "verify-full",
            "database.ca.file": "pg.pem",
        },
    ),
    "single sign-on": (
        "production",
        {**SSO, "access.login": "proxy", "executor.kind": "KubernetesExecutor"},
    ),
    "single sign-on, airflow 2": ("production", {**SSO, "installation.airflow": "2.11.0"}),
    "https": (
        "production",
        {
            "dags.repo": "https://git.example.com/a/b.git",
            "dags.credentials": {"needed": True, "username": "reader"},
            "dags.ref": "feature/x#2",
            "dags.ca.file": "git-ca.pem",
            "dags.git_sync": {
                "max_failures": 5,
                "resources": {"cpu": "50m", "memory_limit": "128Mi"},
                "variables": {"GITSYNC_SYNC_TIMEOUT": "5m"},
            },
        },
    ),
    "volume": (
        "production",
        {"dags.source": "volume", "dags.volume": {"existing_claim": "shared", "subpath": "a/b"}},
    ),
    "new volume": (
        "production",
        {
            "executor.kind": "LocalExecutor",
            "dags.source": "volume",
            "dags.volume": {"access_mode": "ReadOnlyMany", "storage_class": "nfs", "size": "2Gi"},
        },
    ),
}


def rendered(helm: Path, chart: Path, made: Rendering, folder: Path) -> str:
    values = folder / "values.yaml"
    values.write_text(made.tree.by_logical("values").text, encoding="utf-8")
    names = made.release.names
    done = subprocess.run(
        [helm, "template", names.release, chart, "-n", names.namespace, "-f", values],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(text: str) -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [item for item in yaml.load_all(text, Loader=loader) if item]


@pytest.mark.parametrize("name", VARIANTS)
def test_chart_renders_the_same_without_secret_or_hook(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    made = rendering(*VARIANTS[name])
    first = rendered(helm, airflow_chart, made, tmp_path)
    assert rendered(helm, airflow_chart, made, tmp_path) == first
    found = manifests(first)
    assert [item["metadata"]["name"] for item in found if item["kind"] == "Secret"] == []
    assert "helm.sh/hook" not in first
    names = {item["metadata"]["name"] for item in found if item["kind"] == "Job"}
    assert f"{made.release.names.release}-run-airflow-migrations" in names
    web = "api-server" if made.release.airflow_3 else "webserver"
    workloads = {item["metadata"]["name"] for item in found if "template" in item.get("spec", {})}
    assert f"{made.release.names.release}-{web}" in workloads
    assert_secrets_exist(made, found)
    assert_dags_are_read(made, found)
    assert_mounts_exist(found)
    assert_the_login_is_as_written(made, found)


def assert_mounts_exist(found: list[dict[str, Any]]) -> None:
    """Every volume that a container mounts is one of its pod, task pods included."""
    pods = [item["spec"]["template"] for item in found if "template" in item.get("spec", {})]
    texts = [(item.get("data") or {}).get("pod_template_file.yaml") for item in found]
    pods += [yaml.safe_load(text) for text in texts if isinstance(text, str)]
    claims = {
        item["metadata"]["name"]: item["spec"].get("volumeClaimTemplates") or [] for item in found
        if item["kind"] == "StatefulSet"
    }  # fmt: skip
    templates = {one["metadata"]["name"] for every in claims.values() for one in every}
    for pod in pods:
        spec = pod["spec"]
        volumes = {one["name"] for one in spec.get("volumes") or []} | templates
        for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
            mounts = {one["name"] for one in container.get("volumeMounts") or []}
            assert mounts <= volumes, container["name"]


def assert_secrets_exist(made: Rendering, found: list[dict[str, Any]]) -> None:
    """Every Secret key that a pod reads is one that we make, or that others must make."""
    ours = {secret.name: set(secret.keys) for secret in made.total.secrets}
    ours |= {name: set(keys) for name, keys in made.total.existing_secrets.items()}
    for name, key in secret_keys(found):
        assert key in ours.get(name, set()), f"{name} has no key {key}"
    contract = {use.value for use in CONTRACT}
    settings = {name for secret in made.total.secrets for name in secret.settings}
    assert settings <= contract


def assert_the_login_is_as_written(made: Rendering, found: list[dict[str, Any]]) -> None:
    """Helm renders the code of the login as a template, and changes nothing in it."""
    values = yaml.safe_load(made.tree.by_logical("values").text)
    written = [
        values.get(component, {}).get(name)
        for component, name in (("apiServer", "apiServerConfig"), ("webserver", "webserverConfig"))
    ]
    code = [one["data"]["webserver_config.py"] for one in found
            if one["kind"] == "ConfigMap" and "webserver_config.py" in one["data"]]  # fmt: skip
    assert code == [one.removesuffix("\n") for one in written if one]
    readers = {
        item["spec"]["template"]["metadata"]["labels"]["component"]
        for item in found
        if "oauth-client" in str(item.get("spec", {}).get("template"))
    }
    web = "api-server" if made.release.airflow_3 else "webserver"
    assert readers == ({web} if code else set())


def secret_keys(node: Any) -> list[tuple[str, str]]:
    if isinstance(node, list):
        return [pair for item in node for pair in secret_keys(item)]
    if not isinstance(node, dict):
        return []
    reference = node.get("secretKeyRef")
    own = [(reference["name"], reference["key"])] if isinstance(reference, dict) else []
    return own + [pair for item in node.values() for pair in secret_keys(item)]


def assert_dags_are_read(made: Rendering, found: list[dict[str, Any]]) -> None:
    """git-sync runs exactly where the release says that DAG files are read."""
    syncing = {
        item["spec"]["template"]["metadata"]["labels"]["component"]
        for item in found
        if item["kind"] in {"Deployment", "StatefulSet"}
        for container in item["spec"]["template"]["spec"]["containers"]
        if container["name"] == "git-sync"
    }
    wanted = set(made.release.dag_readers) if made.release.dag_source == "git-sync" else set()
    if not made.release.celery:
        wanted.discard("worker")
    assert syncing == wanted


def test_text_of_an_answer_reaches_the_container_unchanged(
    helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    made = rendering(*VARIANTS["keda"])
    found = manifests(rendered(helm, airflow_chart, made, tmp_path))
    [scheduler] = [
        item
        for item in found
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "airflow-scheduler"
    ]
    for container in scheduler["spec"]["template"]["spec"]["containers"][:1]:
        env = {item["name"]: item.get("value") for item in container["env"]}
        assert env["HOSTILE"] == HOSTILE
        assert env["PERCENT"] == "100%"


def test_service_accounts_are_named_as_our_rules_say(
    helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    made = rendering(*VARIANTS["both"])
    found = manifests(rendered(helm, airflow_chart, made, tmp_path))
    accounts = {item["metadata"]["name"] for item in found if item["kind"] == "ServiceAccount"}
    names = made.release.names
    for component in ("worker", "scheduler", "triggerer", "api-server", "dag-processor"):
        assert names.service_account(component) in accounts
    services = {item["metadata"]["name"] for item in found if item["kind"] == "Service"}
    assert {names.object_name("pgbouncer"), names.redis_host} <= services

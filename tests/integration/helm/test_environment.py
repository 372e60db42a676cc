"""The environment that we compute for each container is the one that the chart renders."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import rendering, values
from wizard.chart.environment import TASK_POD, Container, list_containers
from wizard.chart.variables import Installation

pytestmark = pytest.mark.integration

NASTY: dict[str, Any] = {
    "airflowVersion": "3.2.2",
    "executor": "CeleryExecutor,KubernetesExecutor",
    "env": [{"name": "A", "value": "1"}, {"name": "AIRFLOW__CORE__DAGS_FOLDER", "value": "/x"}],
    "secret": [{"envName": "B", "secretName": "b"}],
    "extraEnv": '- name: "{{ .Release.Name }}"\n  value: "{{ .Release.Namespace }}"\n'
    "- name: POD\n  valueFrom: {fieldRef: {fieldPath: metadata.name}}\n",
    "extraEnvFrom": "- secretRef: {name: outside}\n",
    "enableBuiltInSecretEnvVars": {"AIRFLOW__CORE__FERNET_KEY": False},
    "elasticsearch": {"enabled": True, "secretName": "elastic"},
    "otelCollector": {"tracesEnabled": True, "metricsEnabled": True},
    "flower": {"enabled": True, "secretName": "flower", "env": [{"name": "F", "value": "f"}]},
    "cleanup": {"enabled": True, "env": [{"name": "CL", "value": "c"}]},
    "databaseCleanup": {"enabled": True, "applyCustomEnv": False},
    "pgbouncer": {"enabled": True, "env": [{"name": "P", "value": "p"}]},
    "migrateDatabaseJob": {"env": [{"name": "M", "value": "{{ .Release.Name }}"}]},
    "apiServer": {
        "env": [{"name": "AS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "waitForMigrations": {"env": [{"name": "W", "value": "w"}]},
    },
    "scheduler": {
        "logGroomerSidecar": {"retentionMinutes": 5, "env": [{"name": "G", "value": "g"}]}
    },
    "triggerer": {"waitForMigrations": {"enabled": False}},
    "dagProcessor": {"logGroomerSidecar": {"enabled": False}},
    "workers": {
        "env": [{"name": "OLD", "value": "o"}],
        "celery": {
            "env": [{"name": "CELERY", "value": "c"}],
            "sets": [{"name": "big", "env": [{"name": "BIG", "value": "b"}]}, {"name": "small"}],
        },
        "kubernetes": {"env": [{"name": "K", "value": "k"}]},
    },
    "dags": {"gitSync": {"enabled": True, "credentialsSecret": "git",
                         "env": [{"name": "GITSYNC_VERBOSE", "value": "1"}]}},
}  # fmt: skip
AIRFLOW_2 = {
    **NASTY,
    "airflowVersion": "2.11.0",
    "executor": "LocalExecutor",
    "workers": {},
    "dags": {"gitSync": {"enabled": True, "sshKeySecret": "k", "knownHosts": "h ssh-rsa A\n"}},
}
CASES: dict[str, tuple[Any, str]] = {
    **{name: (name, "") for name in ("production", "gitops-vault", "local")},
    "nasty": (NASTY, "3.2.2"),
    "airflow 2": (AIRFLOW_2, "2.11.0"),
}
# Containers that read no variable of the values.
OTHERS = ("redis", "otel-collector", "primary")


def containers(helm: Path, chart: Path, given: Any, release: str) -> dict[str, Any]:
    """What helm renders: each container by its component and name, sets of workers apart."""
    done = subprocess.run(
        [helm, "template", release, chart, "--namespace", "data", "--values", "-"],
        input=yaml.safe_dump(given), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = {}
    for one in filter(None, yaml.load_all(done.stdout, Loader=loader)):
        pod = one.get("spec", {}).get("jobTemplate", one).get("spec", {}).get("template")
        label = (pod or {}).get("metadata", {}).get("labels", {}).get("component", "")
        worker = one["metadata"]["name"].partition("-worker")[2] if label == "worker" else ""
        if "pod_template_file.yaml" in one.get("data", {}):
            pod = yaml.safe_load(one["data"]["pod_template_file.yaml"])
            label = TASK_POD
        spec = (pod or {}).get("spec", {})
        for item in [*spec.get("initContainers", []), *spec.get("containers", [])]:
            if label and item["name"] not in ("git-sync-init", "metrics-exporter"):
                found[f"{label}{worker} {item['name']}"] = item
    return found


def title(container: Container, given: Any) -> str:
    """Our container's name as above."""
    name, worker = container.name, ""
    if container.component == "worker" and "sets[" in name:
        sets = given["workers"]["celery"]["sets"]
        worker = "-" + sets[int(name.partition("sets[")[2][0])]["name"]
    name = name.partition(" ")[0]
    return f"{container.component}{worker} {name}"


@pytest.mark.parametrize("name", CASES)
def test_each_container_has_the_variables_that_we_compute(
    name: str, helm: Path, airflow_chart: Path
) -> None:
    source, version = CASES[name]
    given = source if version else values(rendering(source))
    version = version or given["airflowVersion"]
    real = containers(helm, airflow_chart, given, "af")
    airflow = tuple(int(part) for part in version.split("."))
    one = Installation(given, airflow, "1.22.0", "af", "data")  # type: ignore[arg-type]
    ours = {title(container, given): container for container in list_containers(one)}
    syncing = [key for key in real if key.endswith(" git-sync")]
    assert syncing
    for key in syncing:
        ours[key] = ours.get("git-sync git-sync", ours.get(key))  # type: ignore[assignment]
    ours.pop("git-sync git-sync", None)
    wrong = {}
    for key in {*real, *ours}:
        if key.startswith(OTHERS) or (key.startswith("worker-") and "groomer" in key):
            continue
        if key not in real or key not in ours:
            wrong[key] = "chart only" if key in real else "ours only"
            continue
        theirs = {item["name"]: item for item in real[key].get("env") or []}
        computed = {variable.name: variable for variable in ours[key].variables}
        if set(theirs) != set(computed):
            wrong[key] = str(set(theirs) ^ set(computed))
        for variable in computed.values():
            item = theirs.get(variable.name, {})
            secret = item.get("valueFrom", {}).get("secretKeyRef", {})
            if variable.value is not None and item.get("value") != variable.value:
                wrong[f"{key} {variable.name}"] = f"{item.get('value')} != {variable.value}"
            if variable.secret and (secret.get("name"), secret.get("key")) != (
                variable.secret,
                variable.key,
            ):
                wrong[f"{key} {variable.name}"] = f"{secret}"
    assert not wrong, "\n".join(f"{key}: {text}" for key, text in sorted(wrong.items()))

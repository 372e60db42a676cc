"""Every way to use a Secret of one's own, rendered by the real chart.

What the checks say about each is in tests/unit/checks/test_own_secrets.py.
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.chart_secrets import MADE
from tests.support.own_secrets import GREEN, KEYTAB, USES, errors
from tests.support.rendered import rendering
from wizard.formats.nested import put_value

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", USES)
def test_a_declared_secret_reaches_the_pods(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    values, _, text = USES[name]
    changes = {"values": values, "secrets.extra": [{"name": "mine", "from": "existing"}]}
    assert text in rendered(helm, airflow_chart, rendering("production", changes), tmp_path)


@pytest.mark.parametrize("name", GREEN)
def test_what_needs_no_declaration(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    values, text = GREEN[name]
    found = rendered(helm, airflow_chart, rendering("production", {"values": values}), tmp_path)
    assert text in found
    assert "helm.sh/hook" not in found


def test_the_chart_mounts_the_keytab_of_secrets_extra(
    helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    found = manifests(rendered(helm, airflow_chart, rendering("production", KEYTAB), tmp_path))
    [name] = {one["name"] for one in KEYTAB["secrets.extra"]}
    assert f"secretName: {name}" in yaml.safe_dump(found)
    assert [one for one in found if one["kind"] == "Secret"] == []


def test_every_secret_that_the_chart_makes_has_a_rule(helm: Path, airflow_chart: Path) -> None:
    """Its templates are those of our table, and the values of the table make each Secret."""
    templates = {name: f"{name}-secret" for name in MADE}
    templates |= {"redis": "redis-secrets", "extra-secrets": "extra-secrets"}
    assert list_secret_templates(airflow_chart) == set(templates.values())
    made = set()
    for left_out in ({"opensearch", "webserver-secret-key"}, {"elasticsearch", "jwt"}):
        values: dict[str, Any] = {}
        for name in MADE.keys() - left_out:
            for key, new in MADE[name][0].items():
                values = put_value(values, tuple(key.split(".")), new)
        done = subprocess.run(
            [helm, "template", "airflow", airflow_chart, "-f", "-"],
            input=yaml.safe_dump(values), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made |= {one for one in templates.values() if f"/secrets/{one}.yaml" in done.stdout}
    assert made == set(templates.values())


def list_secret_templates(chart: Path) -> set[str]:
    if chart.is_dir():
        return {one.stem for one in (chart / "templates" / "secrets").glob("*.yaml")}
    with tarfile.open(chart) as packed:
        names = [one for one in packed.getnames() if "airflow/templates/secrets/" in one]
    return {Path(one).stem for one in names if one.endswith(".yaml")}


@pytest.mark.parametrize(
    ("executor", "airflow"),
    [("CeleryExecutor,KubernetesExecutor", "3.2.2"), ("LocalExecutor", "2.11.0")],
)
def test_extra_secrets_reach_the_pods(
    executor: str, airflow: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    """Variables of all, variables of some, a mount, and several pull secrets."""
    changes = {
        "executor.kind": executor,
        "installation.airflow": airflow,
        "secrets.extra": [
            {"name": "some", "from": "store", "keys": ["A"], "env": ["api-server", "worker"]},
            {"name": "every", "from": "existing", "env": "all"},
            {"name": "files.v1", "from": "existing", "mount": "/opt/airflow/files"},
            {"name": "pull-1", "from": "existing", "pull": True},
            {"name": "pull-2", "from": "existing", "pull": True},
        ],
    }
    assert errors(changes) == []
    made = rendering("production", changes)
    found = manifests(rendered(helm, airflow_chart, made, tmp_path))
    pods = {
        item["spec"]["template"]["metadata"]["labels"]["component"]: item["spec"]["template"][
            "spec"
        ]
        for item in found
        if item["kind"] in {"Deployment", "StatefulSet"}
    }
    task = [
        i for i in found if i["kind"] == "ConfigMap" and i["metadata"]["name"] == "airflow-config"
    ]
    texts = task[0]["data"]
    if "pod_template_file.yaml" in texts:
        pods["task"] = manifests(texts["pod_template_file.yaml"])[0]["spec"]
    web = "api-server" if airflow.startswith("3") else "webserver"
    for name in {web, "scheduler", "dag-processor", "triggerer", "worker", "task"} & set(pods):
        pod, main = pods[name], pods[name]["containers"][0]
        assert pod["imagePullSecrets"] == [{"name": "pull-1"}, {"name": "pull-2"}], name
        assert {"secretRef": {"name": "every"}} in main["envFrom"], name
        volume = next(
            one for one in pod["volumes"] if one.get("secret", {}).get("secretName") == "files.v1"
        )
        mounts = {one["name"]: one["mountPath"] for one in main["volumeMounts"]}
        assert mounts[volume["name"]] == "/opt/airflow/files", name
        has = [one for one in main["env"] if one["name"] == "A"]
        wanted = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "some", "key": "A"}}}
        assert has == ([wanted] if name in {web, "worker", "task"} else []), name

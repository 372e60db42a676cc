"""Every way to use a Secret of one's own: declared it passes, undeclared it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.rendered import answers, findings, rendering
from wizard.plan.guarded_keys import refuse_guarded_values

pytestmark = pytest.mark.integration

KEY_REF = {"valueFrom": {"secretKeyRef": {"name": "mine", "key": "KEY"}}}
FROM = "- secretRef:\n    name: mine\n"
OPTIONAL = "- secretRef:\n    name: mine\n    optional: true\n"
# The values, the key that a finding must name, and a text that the chart must render.
USES: dict[str, tuple[dict[str, Any], str, str]] = {
    "extraEnv": (
        {"extraEnv": f"- name: MY_KEY\n  valueFrom: {KEY_REF['valueFrom']}\n"},
        "extraEnv",
        "MY_KEY",
    ),
    "component env": (
        {"apiServer": {"env": [{"name": "MY_KEY", **KEY_REF}]}},
        "apiServer.env[0].valueFrom.secretKeyRef",
        "MY_KEY",
    ),
    "extraEnvFrom": ({"extraEnvFrom": FROM}, "extraEnvFrom", "secretRef"),
    "volumes": (
        {
            "volumes": [{"name": "own", "secret": {"secretName": "mine"}}],
            "volumeMounts": [{"name": "own", "mountPath": "/opt/airflow/own"}],
        },
        "volumes[0].secret",
        "/opt/airflow/own",
    ),
    "imagePullSecrets": (
        {"imagePullSecrets": [{"name": "mine"}]},
        "imagePullSecrets[0]",
        "name: mine",
    ),
    "registry": ({"registry": {"secretName": "mine"}}, "registry.secretName", "name: mine"),
    "elasticsearch": (
        {"elasticsearch": {"enabled": True, "secretName": "mine"}},
        "elasticsearch.secretName",
        "name: mine",
    ),
    "opensearch": (
        {"opensearch": {"enabled": True, "secretName": "mine"}},
        "opensearch.secretName",
        "name: mine",
    ),
    "flower": (
        {"flower": {"enabled": True, "secretName": "mine"}},
        "flower.secretName",
        "name: mine",
    ),
    "secret list": (
        {"secret": [{"envName": "MY_KEY", "secretName": "mine", "secretKey": "KEY"}]},
        "secret[0]",
        "MY_KEY",
    ),
}
GREEN: dict[str, tuple[dict[str, Any], str]] = {
    "optional": ({"extraEnvFrom": OPTIONAL}, "optional: true"),
    "extraConfigMaps": (
        {"extraConfigMaps": {"own": {"useHelmHooks": False, "data": "a: b\n"}}},
        "kind: ConfigMap",
    ),
    "extraSecrets": (
        {
            "extraSecrets": {
                "mine": {
                    "useHelmHooks": False,
                    "type": "kubernetes.io/service-account-token",
                    "annotations": {"kubernetes.io/service-account.name": "airflow-worker"},
                }
            },
            "extraEnvFrom": FROM,
        },
        "service-account-token",
    ),
}


def errors(changes: dict[str, Any]) -> list[tuple[str, str]]:
    made = rendering("production", changes)
    refuse_guarded_values(answers("production", changes), made, {})
    return [(one.rule, one.where) for one in findings(made) if one.is_error]


@pytest.mark.parametrize("name", USES)
def test_a_secret_must_be_known(name: str, helm: Path, airflow_chart: Path, tmp_path: Path) -> None:
    values, where, text = USES[name]
    assert errors({"values": values}) == [("reference.secret", where)]
    changes = {"values": values, "secrets.extra": [{"name": "mine", "from": "existing"}]}
    assert errors(changes) == []
    assert text in rendered(helm, airflow_chart, rendering("production", changes), tmp_path)


@pytest.mark.parametrize("name", GREEN)
def test_what_needs_no_declaration(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    values, text = GREEN[name]
    assert errors({"values": values}) == []
    found = rendered(helm, airflow_chart, rendering("production", {"values": values}), tmp_path)
    assert text in found
    assert "helm.sh/hook" not in found


def test_a_missing_key_is_named_where_the_keys_are_known() -> None:
    extra = {"name": "mine", "from": "existing", "keys": ["OTHER"]}
    changes = {"values": USES["secret list"][0], "secrets.extra": [extra]}
    assert errors(changes) == [("reference.key", "secret[0]")]


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

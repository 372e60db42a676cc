"""Where DAGs come from: the values, Secrets, flows and files of each source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.rendered import PEM, findings, objections, objects, rendering, values
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.chart.volumes import keeping_annotations
from wizard.plan.render import Rendering

HTTPS: dict[str, object] = {"dags.repo": "https://git.example.com:8443/a/b.git"}
LOGIN: dict[str, object] = {**HTTPS, "dags.credentials": {"needed": True, "username": "reader"}}
CA: dict[str, object] = {**LOGIN, "dags.ca.file": "git-ca.pem"}
POLICIES: dict[str, object] = {"environment.network_policies": True}


def sync(made: Rendering) -> dict[str, Any]:
    found: dict[str, Any] = values(made)["dags"]["gitSync"]
    return found


def errors(made: Rendering) -> list[str]:
    return [str(one) for one in findings(made) if one.is_error]


def test_https_needs_no_host_keys_and_a_login_only_where_it_is_asked_for() -> None:
    public, private = sync(rendering(changes=HTTPS)), sync(rendering(changes=LOGIN))

    for found in (public, private):
        assert found["repo"] == "https://git.example.com:8443/a/b.git"
        assert not {"knownHosts", "sshKeySecret", "env", "extraVolumeMounts"} & set(found)
    assert "credentialsSecret" not in public
    assert private["credentialsSecret"] == "airflow-git-credentials"
    [secret] = [
        one
        for one in objects(rendering(changes=LOGIN))
        if one["kind"] == "ExternalSecret" and one["metadata"]["name"] == "airflow-git-credentials"
    ]
    assert set(secret["spec"]["target"]["template"]["data"]) == {
        "GIT_SYNC_USERNAME", "GIT_SYNC_PASSWORD", "GITSYNC_USERNAME", "GITSYNC_PASSWORD",
    }  # fmt: skip
    assert errors(rendering(changes=LOGIN)) == []


def test_the_port_of_the_host_is_open_to_those_that_clone() -> None:
    def ports(changes: dict[str, object]) -> set[tuple[str, int]]:
        made = rendering(changes={**POLICIES, **changes})
        return {(flow.host, flow.port) for flow in made.total.flows if "DAG" in flow.purpose}

    assert ports({}) == {("github.com", 22)}
    assert ports(HTTPS) == {("git.example.com", 8443)}
    assert ports({"dags.repo": "https://git.example.com/a/b.git"}) == {("git.example.com", 443)}
    assert ports({"dags.source": "volume"}) == set()
    text = "\n".join(f.text for f in rendering(changes={**POLICIES, **HTTPS}).tree.values())
    assert "port: 8443" in text


def test_a_private_ca_is_the_only_one_that_git_sync_trusts() -> None:
    made = rendering(changes=CA)

    found = sync(made)
    assert found["env"] == [{"name": "GIT_SSL_CAINFO", "value": "/etc/airflow-git-ca/ca.crt"}]
    [mount] = found["extraVolumeMounts"]
    [volume] = [one for one in values(made)["volumes"] if one["name"] == mount["name"]]
    assert (mount["mountPath"], mount["readOnly"]) == ("/etc/airflow-git-ca", True)
    [ca] = [
        one
        for one in objects(made)
        if one.get("metadata", {}).get("name") == volume["configMap"]["name"]
    ]
    assert (ca["kind"], ca["data"]) == ("ConfigMap", {"ca.crt": PEM})
    assert errors(made) == []


def test_git_sync_takes_its_own_variables_and_the_ca_beside_a_proxy() -> None:
    proxy = "http://proxy.example:3128"
    own = {"GITSYNC_SYNC_TIMEOUT": "5m", "https_proxy": "http://own.example:3128"}
    made = rendering(
        changes={**CA, "dags.git_sync.variables": own, "environment.proxy.https": proxy}
    )

    listed = [(one["name"], one["value"]) for one in sync(made)["env"]]
    found = dict(listed)
    assert len(listed) == len(found)
    assert found.pop("NO_PROXY") == found.pop("no_proxy") != ""
    # What is set for git-sync alone wins.
    assert found == {"GIT_SSL_CAINFO": "/etc/airflow-git-ca/ca.crt", **own, "HTTPS_PROXY": proxy}
    assert errors(made) == []


def test_a_bundle_trusts_the_private_ca_for_its_host_alone() -> None:
    made = rendering(changes={**CA, "dags.source": "bundle"})

    env = {one["name"]: one.get("value") for one in values(made)["dagProcessor"]["env"]}
    assert env["GIT_CONFIG_COUNT"] == "1"
    assert env["GIT_CONFIG_KEY_0"] == "http.https://git.example.com:8443/.sslCAInfo"
    assert env["GIT_CONFIG_VALUE_0"] == "/etc/airflow-git-ca/ca.crt"
    assert "GIT_CONFIG_COUNT" not in json.dumps(values(made)["apiServer"])
    assert errors(made) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_CONFIG_COUNT", "21"),
        ("GIT_CONFIG_KEY_1", "http.sslVerify"),
        ("GIT_CONFIG_KEY_0", "http.sslVerify"),
        ("GIT_CONFIG_KEY_0", "url.https://evil.example.com/.insteadOf"),
        ("GIT_CONFIG_VALUE_0", "/tmp/ca.crt"),
        ("GIT_SSL_CAINFO", "/tmp/ca.crt"),
    ],
)
def test_values_cannot_add_a_ca_or_configuration_of_their_own(name: str, value: str) -> None:
    made = rendering(
        changes={"values": {"dagProcessor": {"env": [{"name": name, "value": value}]}}}
    )

    assert any(name in text and "git-sync.verification" in text for text in errors(made))


def test_the_sidecar_s_own_settings() -> None:
    plain = sync(rendering())
    assert not {"resources", "maxFailures", "env"} & set(plain)

    made = rendering(
        changes={
            "dags.git_sync": {
                "max_failures": -1,
                "resources": {"cpu": "50m", "memory": "64Mi", "memory_limit": "128Mi"},
                "variables": {"GITSYNC_SYNC_TIMEOUT": "5m", "GITSYNC_GROUP_WRITE": "true"},
            }
        }
    )

    found = sync(made)
    assert found["maxFailures"] == -1
    assert found["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"},
    }  # fmt: skip
    assert found["env"] == [
        {"name": "GITSYNC_GROUP_WRITE", "value": "true"},
        {"name": "GITSYNC_SYNC_TIMEOUT", "value": "5m"},
    ]
    assert errors(made) == []


def test_a_volume_of_others_and_one_of_the_chart() -> None:
    existing = rendering(
        changes={"dags.source": "volume", "dags.volume": {"existing_claim": "d", "subpath": "a/b"}}
    )
    own = rendering(
        changes={
            "dags.source": "volume",
            "dags.volume": {"access_mode": "ReadOnlyMany", "storage_class": "nfs"},
        }
    )

    assert values(existing)["dags"] == {
        "gitSync": {"enabled": False},
        "persistence": {"enabled": True, "existingClaim": "d", "subPath": "a/b"},
    }
    assert values(own)["dags"]["persistence"] == {
        "enabled": True, "accessMode": "ReadOnlyMany", "size": "1Gi", "storageClassName": "nfs",
        "annotations": keeping_annotations(gitops=True),
    }  # fmt: skip
    for made in (existing, own):
        assert not any("git" in secret.name for secret in made.total.secrets)
        assert "DAGs are not cloned" not in made.tree.by_logical("runbook").text
        assert errors(made) == []


@pytest.mark.parametrize("chart", list_chart_versions())
def test_every_chart_has_the_keys_of_each_source(chart: str, shared: Path) -> None:
    schema = json.loads((shared / "chart" / chart / "values.schema.json").read_text())
    sidecar = {"max_failures": 3, "resources": {"cpu": "1"}, "variables": {"TZ": "UTC"}}
    sources: list[dict[str, object]] = [
        {**CA, "dags.git_sync": sidecar},
        {"dags.source": "volume", "dags.volume.storage_class": "nfs"},
        {"dags.source": "volume", "dags.volume": {"existing_claim": "d", "subpath": "a"}},
        {**CA, "dags.source": "bundle"},
    ]
    version: dict[str, object] = {"installation.chart": chart}
    if chart_version(chart).airflow_2_only:
        version["installation.airflow"] = "2.11.0"
        sources.pop()
    for changes in sources:
        made = rendering(changes={**changes, **version})
        jsonschema_rs.validate(schema, values(made))
        assert errors(made) == []


def test_a_bundle_at_another_host_may_use_the_ca_file() -> None:
    bundles: list[dict[str, object]] = [
        {"name": "fin", "repo": "https://git.fin.example:8443/dags.git", "ca": True},
        {"name": "hr", "repo": "https://github.com/acme/hr.git"},
    ]
    ssh = {
        "installation.airflow": "3.2.2", "dags.source": "bundle",
        "dags.repo": "ssh://git@github.com/acme/dags.git", "dags.ca.file": "git-ca.pem",
        "dags.bundles": bundles,
    }  # fmt: skip
    made = rendering("production", ssh)
    text = made.tree.by_logical("values").text
    env = {one["name"]: one.get("value") for one in values(made)["dagProcessor"]["env"]}
    assert env["GIT_CONFIG_COUNT"] == "1"
    assert env["GIT_CONFIG_KEY_0"] == "http.https://git.fin.example:8443/.sslCAInfo"
    assert env["GIT_CONFIG_VALUE_0"] == "/etc/airflow-git-ca/ca.crt"
    assert "mountPath: /etc/airflow-git-ca\n" in text
    assert not [str(one) for one in findings(made) if one.is_error]
    # Beside the host of dags.repo, in Git's own way of setting several values.
    both = {**ssh, "dags.repo": "https://git.example.com/a/b.git"}
    env = {
        one["name"]: one.get("value")
        for one in values(rendering("production", both))["dagProcessor"]["env"]
    }
    assert env["GIT_CONFIG_COUNT"] == "2"
    assert env["GIT_CONFIG_KEY_0"] == "http.https://git.example.com/.sslCAInfo"
    assert env["GIT_CONFIG_KEY_1"] == "http.https://git.fin.example:8443/.sslCAInfo"
    assert not [str(one) for one in findings(rendering("production", both)) if one.is_error]
    [problem] = objections("production", {**ssh, "dags.ca.file": ""})
    assert problem.startswith("dags.ca.file")
    assert "bundle fin has ca: true" in problem
    over_ssh = {"name": "fin", "repo": "ssh://git@github.com/a/b.git", "ca": True,
                "login": {"env": "A"}}  # fmt: skip
    [problem] = objections("production", {**both, "dags.bundles": [over_ssh]})
    assert "remove ca" in problem

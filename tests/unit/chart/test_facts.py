"""The twelve facts about the chart that each break a real installation, one test a fact or more."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support.rendered import dig, findings, objections, rendering, values
from wizard.chart.keys import load_keys
from wizard.chart.names import Names
from wizard.chart.removed_options import REMOVED_IN_AIRFLOW_3
from wizard.chart.settings import SharedKeyError, map_settings
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.formats.yaml_writer import dump_yaml

CELERY = ("CeleryExecutor", "CeleryExecutor,KubernetesExecutor")
OTHERS = ("KubernetesExecutor", "LocalExecutor", "LocalExecutor,KubernetesExecutor")


@pytest.mark.parametrize("chart", list_chart_versions())
def test_1_an_airflow_that_the_chart_refuses_is_refused(chart: str) -> None:
    def found(airflow: str) -> list[str]:
        return objections(
            "production", {"installation.chart": chart, "installation.airflow": airflow}
        )

    one = chart_version(chart)
    below = "2.9.3" if one.airflow_2_only else "2.10.5"
    instead = "" if one.airflow_2_only else ", or use chart 1.18.0"
    assert found(below) == [
        f"installation.airflow: use {one.lowest} or later{instead}: chart {chart} does not support "
        "earlier versions"
    ]
    assert not found(one.lowest)
    assert not found("2.11.0")
    assert found("3.2.2") == (
        [f"installation.chart: use 1.19.0 or later for Airflow 3: {chart} is for Airflow 2 only"]
        if one.airflow_2_only
        else []
    )
    assert "such as 3.2.2" in objections("production", {"installation.airflow": "4.0.0"})[0]


@pytest.mark.parametrize("version", ["3.2.2-python3.12", "3.2.2rc1", "latest", "3.2", "", "03.2.2"])
def test_2_airflow_version_is_a_plain_triple(version: str) -> None:
    [problem] = objections("production", {"installation.airflow": version})
    assert problem.startswith("installation.airflow: give a plain X.Y.Z")


def test_2_airflow_version_stays_text_for_every_reader() -> None:
    text = rendering().tree.by_logical("values").text
    assert 'airflowVersion: "3.2.2"' in text


def test_3_an_own_image_still_writes_the_version() -> None:
    image = {"repository": "registry.example.com/airflow", "tag": "2.11.0-r7"}
    changes = {"installation.image": image, "installation.airflow": "2.11.0"}
    found = values(rendering("production", changes))
    assert (found["airflowVersion"], found["images"]["airflow"]["tag"]) == ("2.11.0", "2.11.0-r7")


@pytest.mark.parametrize("airflow", ["2.11.0", "3.2.2"])
@pytest.mark.parametrize("kind", [*CELERY, *OTHERS])
def test_4_every_random_secret_is_named(kind: str, airflow: str) -> None:
    changes = {"executor.kind": kind, "installation.airflow": airflow}
    found = values(rendering("production", changes))
    line = {
        "2.11.0": {"webserverSecretKeySecretName"},
        "3.2.2": {"apiSecretKeySecretName", "jwtSecretName"},
    }
    named = {key for key in found if key.endswith("SecretName")}
    assert named == {"fernetKeySecretName"} | line[airflow]
    assert dig(found, "data.brokerUrlSecretName")
    if kind in CELERY:
        assert dig(found, "redis.passwordSecretName")
    else:
        assert found["redis"] == {"enabled": False}


@pytest.mark.parametrize("preset", ["production", "gitops-vault", "local"])
def test_5_no_job_is_a_helm_hook(preset: str) -> None:
    found = values(rendering(preset))
    for job, phase in (("migrateDatabaseJob", "Sync"), ("createUserJob", "PostSync")):
        assert found[job]["useHelmHooks"] is False
        assert found[job]["applyCustomEnv"] is False
        if preset == "local":
            # Helm keeps the TTL: a finished Job must be gone before the next upgrade.
            assert "ttlSecondsAfterFinished" not in found[job]
            assert "jobAnnotations" not in found[job]
        else:
            assert found[job]["ttlSecondsAfterFinished"] is None
            assert found[job]["jobAnnotations"] == {
                "argocd.argoproj.io/hook": phase,
                "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
            }


@pytest.mark.parametrize("ref", ["main", "v1.4.0", "feature/x#2", "0a1b2c3d4e5f"])
def test_6_git_sync_follows_the_ref_that_was_answered(ref: str) -> None:
    sync = values(rendering("production", {"dags.ref": ref}))["dags"]["gitSync"]
    assert (sync["branch"], sync["ref"], sync["rev"]) == (ref, ref, "HEAD")
    assert sync["subPath"] == "dags"
    assert "wait" not in sync
    top = values(rendering("production", {"dags.subpath": "."}))["dags"]["gitSync"]
    assert top["subPath"] == "", "left out, the chart's default would be tests/dags"


def test_6_known_hosts_are_pinned_and_never_empty() -> None:
    sync = values(rendering())["dags"]["gitSync"]
    lines = sync["knownHosts"].splitlines()
    assert lines
    assert all(line.startswith("github.com ") for line in lines)
    unknown = rendering("production", {"dags.repo": "ssh://git@git.example.com/a/b.git"})
    assert "git-sync.known-hosts" in {item.rule for item in findings(unknown) if item.is_error}


@pytest.mark.parametrize(("airflow", "key"), [("3.2.2", "apiServer"), ("2.11.0", "webserver")])
def test_7_network_policies_let_airflow_reach_its_own_api(airflow: str, key: str) -> None:
    changes = {"installation.airflow": airflow, "installation.release": "data-platform"}
    found = values(rendering("production", changes))
    assert found["networkPolicies"] == {"enabled": True}
    own = {"podSelector": {"matchLabels": {"tier": "airflow", "release": "data-platform"}}}
    assert found[key]["networkPolicy"]["ingress"]["from"] == [own]


def test_7_egress_lists_every_connection_airflow_opens() -> None:
    changes: dict[str, object] = {
        "broker": {"kind": "external", "port": 6380},
        "dags.repo": "ssh://git@git.example.com:2222/a/b.git",
        "database.port": 5433,
    }
    made = rendering("production", changes)
    ports = {
        name: {
            (port["protocol"], port["port"])
            for rule in yaml.safe_load(made.tree.by_logical(f"secrets/{name}").text)["spec"][
                "egress"
            ]
            for port in rule.get("ports", [])
        }
        for name in ("egress", "egress-postgresql", "egress-dag-repository")
    }
    assert ports == {
        "egress": {("UDP", 53), *(("TCP", port) for port in (53, 443, 6380, 6443))},
        "egress-postgresql": {("TCP", 5433)},
        "egress-dag-repository": {("TCP", 2222)},
    }
    policy = yaml.safe_load(made.tree.by_logical("secrets/egress").text)
    assert {"to": [{"podSelector": {}}]} in policy["spec"]["egress"]


@pytest.mark.parametrize(
    ("release", "account"),
    [
        ("airflow", "airflow-worker"),
        ("my-airflow", "my-airflow-worker"),
        ("data-platform", "data-platform-airflow-worker"),
    ],
)
def test_8_service_accounts_have_a_prefix_of_their_own(release: str, account: str) -> None:
    names = Names(release, "apps")
    assert names.service_account("worker") == account
    assert names.object_name("worker") == f"{release}-worker"
    assert names.pgbouncer_host == f"{release}-pgbouncer.apps"
    assert names.metadata_alias == f"{release}-metadata"


def test_8_values_never_change_the_naming_rules() -> None:
    found = values(rendering("production", {"installation.release": "data-platform"}))
    assert not {"nameOverride", "fullnameOverride", "useStandardNaming"} & set(found)
    assert dig(found, "data.metadataSecretName") == "data-platform-metadata"


def test_9_the_charts_pgbouncer_gets_all_its_secrets() -> None:
    made = rendering("production")
    pool = values(made)["pgbouncer"]
    assert pool["configSecretName"] == "airflow-pgbouncer-config"
    assert pool["metricsExporterSidecar"]["statsSecretName"] == "airflow-pgbouncer-stats"
    assert not {"maxClientConn", "metadataPoolSize", "sslmode"} & set(pool), "of no effect"
    job = values(made)["migrateDatabaseJob"]
    assert job["env"][0]["name"] == "DIRECT_SQL_ALCHEMY_CONN"
    assert job["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "airflow-metadata-direct"
    assert "airflow db migrate" in job["args"][2]


def test_10_a_typo_in_values_is_an_error() -> None:
    made = rendering("production", {"values": {"workers": {"celery": {"replica": 3}}}})
    [error] = [item for item in findings(made) if item.is_error]
    assert (error.rule, error.where) == ("values.unknown-key", "workers.celery.replica")
    assert "workers.celery.replicas" in error.fix.text


@pytest.mark.parametrize("name", ["y", "n", "on", "no", "1e3", "0x1F", "3.2", "null"])
def test_11_words_that_look_like_other_types_are_quoted(name: str) -> None:
    assert yaml.safe_load(dump_yaml({"a": name})) == {"a": name}
    changes = {"environment.variables": {"N": name}}
    env = values(rendering("production", changes))["env"]
    assert {"name": "N", "value": name} in env


@pytest.mark.parametrize("chart", list_chart_versions())
def test_12_nothing_deprecated_is_emitted(chart: str, shared: Path) -> None:
    changes: dict[str, object] = {
        "installation.chart": chart,
        "installation.airflow": "2.10.5" if chart_version(chart).airflow_2_only else "3.2.2",
        "executor.workers": {"autoscaling": "keda"},
        "environment.reloader": True,
    }
    found = values(rendering("production", changes))
    assert load_keys(chart).deprecated_keys(found) == []
    assert load_keys(chart).unknown(found) == []


def test_12_git_dag_bundle_is_ready_for_chart_2() -> None:
    found = values(rendering("production", {"dags.source": "bundle"}))
    assert found["dags"]["gitSync"] == {"enabled": False}
    [bundle] = found["dagProcessor"]["dagBundleConfigList"]
    assert bundle["classpath"] == "airflow.providers.git.bundles.git.GitDagBundle"
    assert bundle["kwargs"] == {
        "tracking_ref": "main",
        "refresh_interval": 30,
        "subdir": "dags",
        "git_conn_id": "airflow_dags",
    }
    for reader in ("dagProcessor", "triggerer"):
        assert found[reader]["env"][0]["name"] == "AIRFLOW_CONN_AIRFLOW_DAGS"


def test_one_key_of_an_older_chart_cannot_hold_two_answers() -> None:
    settings = {"workers.celery.resources": {"a": 1}, "workers.kubernetes.resources": {"a": 2}}
    with pytest.raises(SharedKeyError, match=r"share workers\.resources"):
        map_settings(settings, "1.19.0")
    assert len(map_settings(settings, "1.20.0")) == 2
    changes = {
        "installation.chart": "1.19.0",
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
    }
    [problem] = objections("production", changes)
    assert problem.startswith("executor.task_pods.cpu: ")


def test_what_replaces_a_removed_option_was_not_removed_itself() -> None:
    replacements = {tuple(new.split(".", 1)) for new in REMOVED_IN_AIRFLOW_3.values() if new}
    assert not replacements & set(REMOVED_IN_AIRFLOW_3)

"""PostgreSQL in the namespace by CloudNativePG: what is written, refused, waited for and kept."""

from __future__ import annotations

from typing import Any, cast

import pytest
import yaml

from tests.support.rendered import (
    answers,
    findings,
    objections,
    rendering,
    secret_template,
    values,
)
from wizard.clients.kube.protocol import Kube, Ref
from wizard.plan.render import Rendering
from wizard.questions.cases import PGBOUNCER
from wizard.systems.cluster.capacity import list_pods, list_volumes
from wizard.systems.cluster.cloudnativepg import check_cluster
from wizard.systems.cluster.dependents import is_made_for
from wizard.systems.cluster.handover import requirement_lines
from wizard.systems.cluster.prerequisites import list_checks
from wizard.systems.cluster.rights import list_rights
from wizard.systems.release.delivered_objects import keep_database

S3: dict[str, object] = {"url": "s3://backups/airflow"}
AZURE: dict[str, object] = {"url": "https://store1.blob.core.windows.net/backups/airflow"}
GCS: dict[str, object] = {"url": "gs://backups/airflow"}
KEYS: dict[str, object] = {"auth": "keys"}


def made(
    backup: dict[str, object] | None = None, changes: dict[str, object] | None = None
) -> Rendering:
    return rendering("production", {
        "database.kind": "cloudnativepg", "database.cluster.backup": backup or {},
        **(changes or {}),
    })  # fmt: skip


def spec(found: Rendering, name: str) -> Any:
    return yaml.safe_load(found.tree.by_logical(f"secrets/{name}").text)["spec"]


def test_the_cluster_takes_a_login_of_ours() -> None:
    found = made()
    cluster = spec(found, "database-cluster")
    assert (cluster["instances"], cluster["storage"]["size"]) == (3, "20Gi")
    assert cluster["enableSuperuserAccess"] is False
    start = cluster["bootstrap"]["initdb"]
    assert (start["database"], start["owner"]) == ("airflow", "airflow")
    assert start["secret"] == {"name": "airflow-database-owner"}
    owner = spec(found, "airflow-database-owner")["target"]["template"]
    assert owner["type"] == "kubernetes.io/basic-auth"
    assert owner["metadata"]["labels"] == {"cnpg.io/reload": "true"}
    assert owner["data"] == {"username": "airflow", "password": "{{ .databasePassword }}"}
    assert "plugins" not in cluster
    assert "database-schedule" not in str(sorted(found.tree))
    assert [str(one) for one in findings(found) if one.is_error] == []


@pytest.mark.parametrize("pooler", ["off", "chart"])
def test_airflow_reaches_the_primary_with_tls(pooler: str) -> None:
    found = made(changes={"database.pgbouncer.mode": pooler})
    host, direct = "airflow-db-rw.airflow", "airflow-metadata"
    if pooler == "chart":
        direct = "airflow-metadata-direct"
        ini = secret_template(found, "airflow-pgbouncer-config")["pgbouncer.ini"]
        assert f"host='{host}' port=5432 dbname='airflow'" in ini
        assert "server_tls_sslmode = require" in ini
        assert "airflow-pgbouncer.airflow:6543" in secret_template(found, "airflow-metadata")[
            "connection"
        ]  # fmt: skip
    url = secret_template(found, direct)["connection"]
    assert url.endswith(f"@{host}:5432/airflow?sslmode=require")
    assert values(found)["postgresql"]["enabled"] is False


def test_the_order_of_the_waves_and_what_argo_cd_keeps() -> None:
    found = made(S3)
    waves = {}
    for name in ("airflow-database-owner", "database-backups", "database-cluster",
                 "database-schedule"):  # fmt: skip
        about = yaml.safe_load(found.tree.by_logical(f"secrets/{name}").text)["metadata"]
        waves[name] = int(about["annotations"]["argocd.argoproj.io/sync-wave"])
        kept = about["annotations"]["argocd.argoproj.io/sync-options"]
        assert kept == "Prune=false,Delete=false"
    assert list(waves.values()) == sorted(set(waves.values()))
    assert max(waves.values()) < 0
    steps = [one.id for one in found.total.steps]
    assert steps.index("verify.secrets") < steps.index("verify.database")
    assert steps.index("verify.database") < steps.index("verify.migrations")


@pytest.mark.parametrize(
    ("backup", "name", "identity", "keys"),
    [
        (S3, "s3Credentials", {"inheritFromIAMRole": True},
         {"accessKeyId": "ACCESS_KEY_ID", "secretAccessKey": "SECRET_KEY"}),
        (AZURE, "azureCredentials", {"inheritFromAzureAD": True},
         {"storageAccount": "ACCESS_KEY_ID", "storageKey": "SECRET_KEY"}),
        (GCS, "googleCredentials", {"gkeEnvironment": True},
         {"applicationCredentials": "SECRET_KEY"}),
    ],
)  # fmt: skip
def test_backups_log_in_at_each_cloud(
    backup: dict[str, object], name: str, identity: dict[str, bool], keys: dict[str, str]
) -> None:
    found = made({**backup, "retention": "4w", "schedule": "0 30 1 * * 0"})
    store = spec(found, "database-backups")
    assert store["retentionPolicy"] == "4w"
    assert store["configuration"]["destinationPath"] == backup["url"]
    assert store["configuration"][name] == identity
    [plugin] = spec(found, "database-cluster")["plugins"]
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"] == {"barmanObjectName": "airflow-db"}
    assert spec(found, "database-schedule")["schedule"] == "0 30 1 * * 0"
    assert "airflow-database-backup" not in [one.name for one in found.total.secrets]
    assert "ServiceAccount `airflow-db`" in found.tree.by_logical("runbook").text

    found = made({**backup, **KEYS})
    login = spec(found, "database-backups")["configuration"][name]
    secret = {"name": "airflow-database-backup"}
    assert login == {one: {**secret, "key": key} for one, key in keys.items()}
    held = secret_template(found, "airflow-database-backup")
    assert set(held) == set(keys.values())
    assert held["SECRET_KEY"] == "{{ .backupSecretKey }}"
    if backup is AZURE:
        assert held["ACCESS_KEY_ID"] == "store1"


def test_only_airflow_and_the_operator_reach_the_instances() -> None:
    found = made(changes={"environment.isolate_database": True})
    policy = spec(found, "database-policy")
    assert policy["podSelector"]["matchLabels"] == {"cnpg.io/cluster": "airflow-db"}
    clients, others = policy["ingress"]
    [one_of] = clients["from"][0]["podSelector"]["matchExpressions"]
    assert {"api-server", "scheduler", "pgbouncer", "run-airflow-migrations"} <= {*one_of["values"]}
    assert "worker" not in one_of["values"]
    assert [one["port"] for one in clients["ports"]] == [5432]
    assert [one["port"] for one in others["ports"]] == [5432, 8000]
    [_, operator] = others["from"]
    assert operator["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "cnpg-system"
    }
    tasks: dict[str, object] = {
        "executor.kind": "KubernetesExecutor", "executor.multi_namespace": ["team-a"],
    }  # fmt: skip
    clients, _ = spec(made(changes=tasks), "database-policy")["ingress"]
    assert len(clients["from"]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database.pgbouncer": {"mode": "external", "host": "p.example"}},
         "database.pgbouncer.mode: use chart or off"),
        ({"secrets.store": "existing"}, "database.kind: use external with this store"),
        ({"delivery.kind": "kind"}, "database.kind: use bundled"),
        ({"installation.release": "a" * 40}, ""),
        ({"database.cluster.backup.url": "http://a.example/b"}, "backup.url: give s3://"),
        ({"database.cluster.backup.url": "s3://b/../c"}, "backup.url: give s3://"),
        ({"database.cluster.backup": {**S3, "retention": "30"}}, "retention: give days"),
        ({"database.cluster.backup": {**S3, "schedule": "0 2 * * *"}}, "schedule: give six"),
        ({"database.cluster.backup": {**S3, "schedule": "0 0 24 * * *"}}, "from 0 to 23"),
        ({"database.cluster.backup": {**S3, "schedule": "0 0 1-x * * *"}}, "from 0 to 23"),
        ({"database.cluster.image": "postgres"}, "image: give an image with a fixed tag"),
        ({"database.cluster.instances": 0}, "database.cluster.instances"),
        ({"environment.quota.pods": 5}, ""),
    ],
)  # fmt: skip
def test_what_cannot_work_is_named(changes: dict[str, object], said: str) -> None:
    found = objections("production", {"database.kind": "cloudnativepg", **changes})
    assert bool(found) == bool(said)
    if said:
        assert any(said in one for one in found), found


def test_it_counts_as_demand() -> None:
    changes: dict[str, object] = {"database.kind": "cloudnativepg"}
    own, found = answers("production", changes), made()
    [pods] = [one for one in list_pods(own, found.release) if one.who == "PostgreSQL"]
    assert (pods.count, pods.cpu, pods.memory) == (3, "500m", "1Gi")
    [volume] = [one for one in list_volumes(own, found.release) if one.who == "PostgreSQL"]
    assert (volume.count, volume.size) == (3, "20Gi")
    assert volume.question == "database.cluster.storage_class"
    assert PGBOUNCER.holds(own)


def test_its_owners_are_asked_for_operator_and_rights() -> None:
    helm: dict[str, object] = {"delivery.kind": "helm"}
    found = made(S3, helm)
    script = "\n".join(requirement_lines(found.release, guarded=False))
    assert "cluster get --raw /apis/postgresql.cnpg.io/v1 >/dev/null" in script
    assert "sh prerequisites.sh install" in script
    own = answers("production", {
        **helm, "database.kind": "cloudnativepg", "database.cluster.backup": S3,
    })  # fmt: skip
    rights = {str(one) for need in list_rights(own, found.release) for one in need.rights}
    assert [one for one in rights if "objectstores" in one and "create" in one]
    assert [one for one in rights if "clusters" in one and "get" in one]


class Served:
    """A stand-in for the API server: the kinds that it serves, and one Cluster."""

    def __init__(self, kinds: dict[str, set[str]], cluster: dict[str, Any] | None = None) -> None:
        self._kinds, self._cluster = kinds, cluster

    def kinds(self, api: str) -> set[str]:
        return self._kinds.get(api, set())

    def find(self, *_: object, **__: object) -> list[dict[str, Any]]:
        return []

    def get(self, ref: Ref) -> dict[str, Any] | None:
        assert str(ref.name) == "airflow-db"
        return self._cluster


BOTH = {"postgresql.cnpg.io/v1": {"Cluster"}, "barmancloud.cnpg.io/v1": {"ObjectStore"}}


def test_the_operator_and_the_plugin_are_looked_for() -> None:
    only = {"postgresql.cnpg.io/v1": {"Cluster"}}
    for kinds, backup, expected in (
        ({}, None, {"cloudnativepg": "fail"}),
        (only, None, {"cloudnativepg": "pass"}),
        (only, S3, {"cert-manager": "fail", "cloudnativepg": "pass", "barman-cloud": "fail"}),
        (BOTH, S3, {"cert-manager": "fail", "cloudnativepg": "pass", "barman-cloud": "pass"}),
    ):
        checks = list_checks(cast("Kube", Served(kinds)), made(backup).release.prerequisites)
        assert {one.id: check().status for one, check in checks} == expected


def test_the_wait_ends_when_the_cluster_is_ready() -> None:
    release = made().release

    def look(status: dict[str, Any] | None) -> str:
        cluster = None if status is None else {"spec": {"instances": 3}, "status": status}
        found = check_cluster(cast("Kube", Served(BOTH, cluster)), release)
        return f"{found.state}: {found.detail}"

    assert look(None).startswith("wanted: ")
    phase = {"phase": "Setting up primary", "phaseReason": "Creating primary instance\x1b[2J"}
    waiting = look({**phase, "readyInstances": 0})
    assert waiting.startswith("wanted: ")
    assert "0 of 3 instances are ready; Setting up primary: Creating primary" in waiting
    assert "\x1b" not in waiting
    ready = {"readyInstances": 3, "conditions": [{"type": "Ready", "status": "True"}]}
    assert look(ready).startswith("holds: ")


def test_a_removal_keeps_the_database_unless_its_volumes_are_named() -> None:
    cluster = Ref("postgresql.cnpg.io/v1", "Cluster", "airflow-db", "airflow")
    store = Ref("barmancloud.cnpg.io/v1", "ObjectStore", "airflow-db", "airflow")
    for ref in (cluster, store):
        kept = keep_database(["payload"], ref)
        assert kept is not None
        assert kept.state == "kept"
        assert kept.fix is not None
        assert "--data volumes" in kept.fix.text
        assert keep_database(["volumes"], ref) is None
    other = Ref("cluster.x-k8s.io/v1beta1", "Cluster", "airflow-db", "airflow")
    assert keep_database([], other) is None


@pytest.mark.parametrize(
    ("kind", "name", "made"),
    [
        ("Secret", "airflow-db-ca", True),
        ("Secret", "airflow-db-ca-of-ada", False),
        ("Secret", "airflow-db", False),
        ("PersistentVolumeClaim", "airflow-db-1", True),
        ("PersistentVolumeClaim", "airflow-db-12-wal", True),
        ("PersistentVolumeClaim", "airflow-db-copy", False),
        ("ConfigMap", "airflow-db-1", False),
    ],
)
def test_what_the_operator_makes_is_nobody_elses(kind: str, name: str, made: bool) -> None:
    """A removal of the database asks about the data of others that goes with it, and no more."""
    owner = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
             "metadata": {"name": "airflow-db", "uid": "u"}}  # fmt: skip
    ref = Ref("v1", kind, name, "airflow")
    assert is_made_for(ref, owner) is made
    assert not is_made_for(ref, {**owner, "apiVersion": "cluster.x-k8s.io/v1beta1"})

"""PostgreSQL in the namespace, run by the operator CloudNativePG, with backups to object storage.

The wizard writes a Cluster and, for backups, an ObjectStore of the Barman Cloud plugin and a
ScheduledBackup. The older `barmanObjectStore` inside a Cluster is deprecated since CloudNativePG
1.26. Airflow's login is a Secret of ours that the Cluster takes at its start and follows later.
Source: the API references of CloudNativePG 1.30 and plugin-barman-cloud 0.13, and their pages on
bootstrap, networking and object stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from wizard.manifests.network_policy import NAMESPACE_LABEL, airflow_pods
from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.postgres import POSTGRES_PORT, Endpoint
from wizard.secrets.facts import Fact, FactUse, SecretSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.manifests.tree import File

API_VERSION = "postgresql.cnpg.io/v1"
STORE_API_VERSION = "barmancloud.cnpg.io/v1"
PLUGIN = "barman-cloud.cloudnative-pg.io"
CLUSTER, OBJECT_STORE, SCHEDULE = "Cluster", "ObjectStore", "ScheduledBackup"
# The kinds whose deletion deletes the database, or ends its backups.
DATA_KINDS = frozenset(
    {(API_VERSION, CLUSTER), (STORE_API_VERSION, OBJECT_STORE), (API_VERSION, SCHEDULE)}
)
DATABASE = USER = "airflow"
# The instances' status port, which the operator asks.
_STATUS_PORT = 8000
# After the Secrets (wave -5), before the chart (0); Argo CD waits for a Cluster's health.
_STORE_WAVE, _CLUSTER_WAVE, _SCHEDULE_WAVE = "-4", "-3", "-2"
_KEEP = "Prune=false,Delete=false"
_ACCESS_KEY, _SECRET_KEY = "ACCESS_KEY_ID", "SECRET_KEY"

Provider = Literal["s3", "gcs", "azure"]


@dataclass(frozen=True, slots=True)
class Backup:
    """Where backups go, and when; `secret_key` is None if a workload identity logs in."""

    url: str
    endpoint: str
    schedule: str
    retention: str
    access_key: Fact | None = None
    secret_key: Fact | None = None

    @property
    def provider(self) -> Provider:
        """Return whose object storage the URL names."""
        scheme = urlsplit(self.url).scheme
        return "s3" if scheme == "s3" else "gcs" if scheme == "gs" else "azure"

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of the object storage."""
        if self.endpoint:
            parts = urlsplit(self.endpoint)
            return parts.hostname or "", parts.port or 443
        hosts = {"s3": "s3.amazonaws.com", "gcs": "storage.googleapis.com"}
        return hosts.get(self.provider) or urlsplit(self.url).hostname or "", 443


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """A Cluster: instances, image, volumes and resources; empty texts are left out."""

    instances: int
    image: str
    size: str
    storage_class: str
    cpu: str
    memory: str
    operator_namespace: str
    backup: Backup | None
    annotations: Mapping[str, str] = field(default_factory=dict)


def cluster_endpoint(release: Release, password: Fact) -> Endpoint:
    """Return Airflow's database on the primary instance.

    The server has a certificate of the operator's CA, which is renewed every 90 days, and PgBouncer
    reads a CA only when it starts: the connection is encrypted, and the server is not verified.
    """
    host = f"{release.names.database_cluster}-rw.{release.namespace}"
    return Endpoint(host, POSTGRES_PORT, DATABASE, USER, password, "require", has_ca=False)


def cluster_secrets(release: Release, cluster: PostgresCluster, password: Fact) -> list[SecretSpec]:
    """Return the login that the Cluster gives the database's owner, and that of the backups."""
    found = [
        SecretSpec(
            login_secret(release),
            {"username": (USER,), "password": (FactUse(password),)},
            purpose="owner of the database, as the Cluster takes it",
            type="kubernetes.io/basic-auth",
            # By this label, the Cluster follows a changed password.
            labels={"cnpg.io/reload": "true"},
        )
    ]
    backup = cluster.backup
    if backup is not None and backup.secret_key is not None:
        keys: dict[str, tuple[str | FactUse, ...]] = {_SECRET_KEY: (FactUse(backup.secret_key),)}
        if backup.access_key is not None:
            keys[_ACCESS_KEY] = (FactUse(backup.access_key),)
        if backup.provider == "azure":
            keys[_ACCESS_KEY] = (_account(backup.url),)
        found.append(SecretSpec(backup_secret(release), keys, purpose="login of the backups"))
    return found


def cluster_manifests(release: Release, cluster: PostgresCluster) -> Iterator[File]:
    """Yield the Cluster, where its backups go and when, and who may connect."""
    if cluster.backup is not None:
        yield _object_store(release, cluster.backup)
    yield _cluster(release, cluster)
    if cluster.backup is not None:
        yield _schedule(release, cluster.backup)
    if release.network_policies:
        yield _policy(release, cluster.operator_namespace)


def login_secret(release: Release) -> str:
    """Return the name of the Secret with the login of the database's owner."""
    return release.secret("database-owner")


def backup_secret(release: Release) -> str:
    """Return the name of the Secret with the login of the backups."""
    return release.secret("database-backup")


def _cluster(release: Release, cluster: PostgresCluster) -> File:
    name = release.names.database_cluster
    requests = {"cpu": cluster.cpu, "memory": cluster.memory}
    spec: dict[str, Any] = {
        "instances": cluster.instances,
        "imageName": cluster.image,
        "primaryUpdateStrategy": "unsupervised",
        "primaryUpdateMethod": "switchover",
        "enableSuperuserAccess": False,
        "bootstrap": {
            "initdb": {
                "database": DATABASE,
                "owner": USER,
                "encoding": "UTF8",
                "dataChecksums": True,
                "secret": {"name": login_secret(release)},
            }
        },
        "storage": {"size": cluster.size, "resizeInUseVolumes": True},
    }
    if cluster.storage_class:
        spec["storage"]["storageClass"] = cluster.storage_class
    if found := {key: amount for key, amount in requests.items() if amount}:
        spec["resources"] = {"requests": found}
    if cluster.annotations:
        spec["serviceAccountTemplate"] = {"metadata": {"annotations": dict(cluster.annotations)}}
    if cluster.backup is not None:
        spec["plugins"] = [
            {
                "name": PLUGIN,
                "enabled": True,
                "isWALArchiver": True,
                "parameters": {"barmanObjectName": name},
            }
        ]
    header = "The metadata database. Deleting it deletes its volumes."
    return _file(release, "database-cluster", API_VERSION, CLUSTER, spec, _CLUSTER_WAVE, header)


def _object_store(release: Release, backup: Backup) -> File:
    configuration: dict[str, Any] = {"destinationPath": backup.url}
    if backup.endpoint:
        configuration["endpointURL"] = backup.endpoint
    login = f"{'google' if backup.provider == 'gcs' else backup.provider}Credentials"
    configuration[login] = _credentials(release, backup)
    configuration["wal"] = {"compression": "gzip"}
    configuration["data"] = {"compression": "gzip"}
    spec = {"configuration": configuration, "retentionPolicy": backup.retention}
    return _file(
        release, "database-backups", STORE_API_VERSION, OBJECT_STORE, spec, _STORE_WAVE,
        "Where the database's backups and its log go.",
    )  # fmt: skip


def _credentials(release: Release, backup: Backup) -> dict[str, Any]:
    """Return the login in the terms of the provider."""
    secret = backup_secret(release)
    first, second = ({"name": secret, "key": key} for key in (_ACCESS_KEY, _SECRET_KEY))
    if backup.secret_key is None:
        own = {
            "s3": {"inheritFromIAMRole": True},
            "gcs": {"gkeEnvironment": True},
            "azure": {"inheritFromAzureAD": True},
        }
        return dict(own[backup.provider])
    if backup.provider == "gcs":
        return {"applicationCredentials": second}
    if backup.provider == "azure":
        return {"storageAccount": first, "storageKey": second}
    return {"accessKeyId": first, "secretAccessKey": second}


def _account(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]


def _schedule(release: Release, backup: Backup) -> File:
    spec = {
        "schedule": backup.schedule,
        "backupOwnerReference": "self",
        "cluster": {"name": release.names.database_cluster},
        "immediate": True,
        "suspend": False,
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
    }
    return _file(release, "database-schedule", API_VERSION, SCHEDULE, spec, _SCHEDULE_WAVE, "")


def _file(
    release: Release,
    stem: str,
    api: str,
    kind: str,
    spec: dict[str, Any],
    wave: str,
    header: str,
) -> File:
    about = object_metadata(release, release.names.database_cluster, wave=wave, sync_options=_KEEP)
    data = {"apiVersion": api, "kind": kind, "metadata": about, "spec": spec}
    return manifest_file(release, stem, data, header)


def _policy(release: Release, operator_namespace: str) -> File:
    """Return who may connect to the instances: Airflow, each other, and the operator."""
    own = {"matchLabels": {"cnpg.io/cluster": release.names.database_cluster}}
    operator = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: operator_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "cloudnative-pg"}},
    }
    ports = [{"protocol": "TCP", "port": port} for port in (POSTGRES_PORT, _STATUS_PORT)]
    spec = {
        "podSelector": own,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": _clients(release), "ports": ports[:1]},
            {"from": [{"podSelector": own}, operator], "ports": ports},
        ],
    }
    name = release.names.object_name("database-cluster")
    data = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(release, name, wave=BASICS_WAVE),
        "spec": spec,
    }
    return manifest_file(release, "database-policy", data, "Who may connect to PostgreSQL.")


def _clients(release: Release) -> list[dict[str, Any]]:
    """Return the pods that connect to PostgreSQL: with an isolated database, without the tasks'."""
    pods = airflow_pods(release)
    if not release.isolated_database:
        elsewhere = [
            {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}, **pods}
            for name in release.task_namespaces
        ]
        return [pods, *elsewhere]
    labels = pods["podSelector"]["matchLabels"]
    clients = [*release.database_clients, *(["pgbouncer"] if release.pgbouncer else [])]
    one_of = {"key": "component", "operator": "In", "values": clients}
    return [{"podSelector": {"matchLabels": labels, "matchExpressions": [one_of]}}]

"""The runbook's section on PostgreSQL by CloudNativePG: state, switchover, backup and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.cloudnativepg import (
    API_VERSION,
    DATABASE,
    PLUGIN,
    USER,
    login_secret,
)

if TYPE_CHECKING:
    from typing import Any

    from wizard.manifests.cloudnativepg import PostgresCluster
    from wizard.manifests.release import Release


def cluster_note(release: Release, cluster: PostgresCluster) -> str:
    """Return the section, with the commands for this cluster."""
    name, namespace = release.names.database_cluster, release.namespace
    parts = [
        "## Database\n\n"
        f"CloudNativePG runs PostgreSQL as Cluster `{name}`: one primary and "
        f"{cluster.instances - 1} standbys. Its `kubectl` plugin shows the state and moves the "
        "primary, for example before a node is drained:\n\n"
        f"```bash\nkubectl cnpg status {name} -n {namespace}\n"
        f"kubectl cnpg promote {name} INSTANCE -n {namespace}\n```\n\n"
        "Deleting the Cluster deletes its volumes, so Argo CD neither prunes nor deletes it; "
        "`destroy` deletes it only with `--data volumes`.",
    ]
    parts.append(_render_backup(release, cluster))
    return "\n\n".join(parts)


def _render_backup(release: Release, cluster: PostgresCluster) -> str:
    name, namespace = release.names.database_cluster, release.namespace
    primary = (
        f"$(kubectl -n {namespace} get pod -o name "
        f"-l cnpg.io/cluster={name},cnpg.io/instanceRole=primary)"
    )
    dump = (
        f'kubectl -n {namespace} exec "{primary}" -c postgres -- '
        f"pg_dump --format custom --dbname {DATABASE} >airflow.dump"
    )
    head = (
        "## Before an upgrade\n\nA newer Airflow migrates the database, and the older one cannot "
        "use it afterwards. Back it up first"
    )
    if cluster.backup is None:
        return (
            f"{head}:\n\n```bash\n{dump}\n```\n\n"
            "**There are no backups.** Set `database.cluster.backup.url`: until then, a deleted "
            "Cluster or a lost volume is lost for good."
        )
    account = (
        f" The login is the identity of ServiceAccount `{name}`: bind it at the cloud."
        if cluster.backup.secret_key is None
        else ""
    )
    restored = f"{name}-restored"
    return (
        f"{head}, and wait until the backup is complete:\n\n```bash\n"
        f"kubectl cnpg backup {name} -n {namespace} --method=plugin --plugin-name={PLUGIN}\n"
        f"kubectl -n {namespace} get backups.postgresql.cnpg.io\n```\n\n"
        f"Backups and PostgreSQL's log are at `{cluster.backup.url}`, for "
        f"{cluster.backup.retention}.{account} The first backup begins with the Cluster.\n\n"
        "To restore a point in time, stop Airflow, create a Cluster of another name beside the old "
        "one, and look at its data:\n\n"
        f"```bash\nkubectl apply -f - <<'END'\n{dump_yaml(_restored(release, cluster, restored))}"
        "END\n"
        f"kubectl -n {namespace} wait cluster.postgresql.cnpg.io/{restored} "
        "--for=condition=Ready --timeout=1h\n"
        f"kubectl cnpg psql {restored} -n {namespace} -- {DATABASE}\n```\n\n"
        "Then copy it over the old one, which keeps its name, its backups and its place in Git:"
        "\n\n```bash\n"
        f"kubectl -n {namespace} exec {restored}-1 -c postgres -- "
        f"pg_dump --format custom --dbname {DATABASE} >airflow.dump\n"
        f'kubectl -n {namespace} exec -i "{primary}" -c postgres -- '
        f"pg_restore --clean --if-exists --no-owner --role {USER} --dbname {DATABASE} "
        "<airflow.dump\n"
        f"kubectl -n {namespace} delete cluster.postgresql.cnpg.io {restored}\n```"
    )


def _restored(release: Release, cluster: PostgresCluster, name: str) -> dict[str, Any]:
    """Return a Cluster of one instance with the data of a point in time."""
    source = release.names.database_cluster
    storage = {"size": cluster.size}
    if cluster.storage_class:
        storage["storageClass"] = cluster.storage_class
    recovery = {
        "source": source,
        "database": DATABASE,
        "owner": USER,
        "secret": {"name": login_secret(release)},
        "recoveryTarget": {"targetTime": "2026-01-31 12:00:00+00"},
    }
    plugin = {
        "name": PLUGIN,
        "parameters": {"barmanObjectName": source, "serverName": source},
    }
    spec: dict[str, Any] = {
        "instances": 1,
        "imageName": cluster.image,
        "storage": storage,
        "bootstrap": {"recovery": recovery},
        "externalClusters": [{"name": source, "plugin": plugin}],
    }
    if cluster.annotations:
        spec["serviceAccountTemplate"] = {"metadata": {"annotations": dict(cluster.annotations)}}
    about = {"name": name, "namespace": release.namespace}
    return {"apiVersion": API_VERSION, "kind": "Cluster", "metadata": about, "spec": spec}

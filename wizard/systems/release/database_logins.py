"""The logins of a database of CloudNativePG that stays: its Cluster reads them as long as it runs.

Without the login of its backups, a Cluster cannot archive its log (WAL), and keeps all of it on its
volumes until these are full and the database stops.
Source: CloudNativePG 1.30, WAL archiving.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.manifests.cloudnativepg import API_VERSION, CLUSTER, backup_secret, login_secret
from wizard.systems.cluster.object_removal import build_cluster_step, read_object
from wizard.systems.cluster.ownership import UnknownOwnerStatus, seal_objects
from wizard.systems.release.delivered_objects import external_secret_refs

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

LOGINS = "destroy.database-logins"


def build_logins_check(target: Target, pieces: Collection[DataKind]) -> tuple[Step, ...]:
    """Return the step that asks before the logins of a kept database are deleted; else none."""
    if not target.release.database_cluster or "volumes" in pieces:
        return ()
    if "payload" not in pieces and not external_secret_refs(target):
        # The Secrets stay, or somebody else made them.
        return ()
    return (
        build_cluster_step(
            LOGINS,
            "Check that no database that stays needs the Secrets",
            target.kube,
            lambda kube: _look(target, kube),
            None,
            left=f"kubectl -n {target.release.namespace} get clusters.{API_VERSION.split('/')[0]}",
        ),
    )


def _look(target: Target, kube: Kube) -> StepStatus:
    release = target.release
    cluster = Ref(API_VERSION, CLUSTER, release.names.database_cluster, release.namespace)
    database = read_object(kube, cluster, metadata=True)
    if database is None:
        return StepStatus("holds", f"there is no {cluster}")
    found = [
        name
        for name in (login_secret(release), backup_secret(release))
        if read_object(kube, Ref("v1", "Secret", name, release.namespace), metadata=True)
    ]
    if not found:
        return StepStatus("holds", f"{cluster} stays, and its Secrets do not exist")
    named = " and ".join(found)
    line = f"{cluster} {database['metadata'].get('uid')} without {named}"
    seal = seal_objects([UnknownOwnerStatus("blocked", diff=line)])
    if seal == target.agreed.get(LOGINS):
        return StepStatus("holds", f"{cluster} stays without its Secrets, as confirmed")
    ends = (
        "its backups end, and its log fills its volumes until the database stops"
        if backup_secret(release) in found
        else "nobody can log in who does not know the password"
    )
    return StepStatus(
        "blocked",
        f"{cluster} stays with its volumes, and reads Secret {named}, which would be deleted: "
        f"{ends}; nothing is changed",
        Fix(
            "to delete the database too, add --data volumes; to keep it running, copy these "
            "Secrets, and name the copies in the Cluster and its ObjectStore; once the Cluster "
            f"needs them no more, run this again with --take-over {LOGINS}@{seal}"
        ),
    )

"""The state of our Cluster of CloudNativePG.

Source: the API reference of CloudNativePG 1.30 (ClusterStatus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.cloudnativepg import API_VERSION, CLUSTER
from wizard.systems.cluster.conditions import condition, delivery_hint, wait_status

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release

OPERATOR_HINT = "install CloudNativePG with its CRDs, and for backups the plugin Barman Cloud"


def check_cluster(kube: Kube, release: Release) -> StepStatus:
    """Check that all instances of the Cluster are ready."""
    ref = Ref(API_VERSION, CLUSTER, release.names.database_cluster, release.namespace)
    found = kube.get(ref)
    if found is None:
        return wait_status(f"{ref} does not exist yet", None, delivery_hint(release))
    status = found.get("status") or {}
    ready, wanted = status.get("readyInstances") or 0, found["spec"].get("instances")
    if condition(found, "Ready").get("status") == "True":
        return StepStatus("holds", f"{ref}: {ready} of {wanted} instances are ready")
    phase = escape_unprintable(str(status.get("phase") or "no state yet"))
    why = escape_unprintable(str(status.get("phaseReason") or ""))
    return StepStatus(
        "wanted",
        f"{ref}: {ready} of {wanted} instances are ready; {phase}{f': {why}' if why else ''}",
        Fix(f"kubectl -n {ref.namespace} describe cluster.postgresql.cnpg.io {ref.name}"),
    )

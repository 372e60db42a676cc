"""What OpenShift needs beside the chart's own binding to a SecurityContextConstraint.

Source: chart 1.22.0: its RoleBinding `scc-rolebinding` leaves out PgBouncer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_RBAC = "rbac.authorization.k8s.io"
_ANY_USER = "system:openshift:scc:anyuid"


def scc_bindings(release: Release) -> tuple[File, ...]:
    """Return the RoleBinding of the accounts that the chart's own leaves out; none without them."""
    if not release.pgbouncer:
        return ()
    name = "scc-pgbouncer"
    account = release.names.service_account("pgbouncer")
    data = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": object_metadata(release, release.names.object_name(name), wave=BASICS_WAVE),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ANY_USER},
        "subjects": [
            {"kind": "ServiceAccount", "name": account, "namespace": release.namespace},
        ],
    }
    return (manifest_file(release, name, data, "The chart's binding leaves out PgBouncer."),)

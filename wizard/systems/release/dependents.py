"""The check, before a removal changes anything, that no data of others goes with its owner."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject
from wizard.engine.steps import Step, StepStatus
from wizard.systems.argocd.tracking import is_tracked
from wizard.systems.cluster.dependents import check_dependents
from wizard.systems.cluster.object_removal import build_cluster_step, merge_statuses, read_object
from wizard.systems.cluster.ownership import ask_unseen, settle_unknown
from wizard.systems.release.claims import is_rendered_by_helm
from wizard.systems.release.delivered_objects import (
    DELIVERED_KINDS,
    committed_refs,
    keep_database,
    list_metadata,
)

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

DEPENDENTS = "remove.dependents"


def build_dependents_check(target: Target, pieces: Collection[DataKind]) -> Step:
    """Return the step that checks, before any change, that no data of others goes with an owner.

    A database that `pieces` does not name stays, and so does what it owns.
    """
    namespace = target.release.namespace

    def look(kube: Kube) -> StepStatus:
        try:
            found: list[StepStatus] = list(
                check_dependents(kube, _list_owners(kube, target, pieces), namespace)
            )
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            found = [ask_unseen(f"what is deleted with an owner in {namespace}", error)]
        settled = settle_unknown(found, DEPENDENTS, target.agreed.get(DEPENDENTS, ""))
        refused = [one for one in settled if one.state == "blocked"]
        return (
            merge_statuses(refused, "")
            if refused
            else StepStatus("holds", "nothing of others is owned by what is deleted")
        )

    return build_cluster_step(
        DEPENDENTS,
        "Check that no data of others is deleted with its owner",
        target.kube,
        look,
        None,
        left=f"kubectl -n {namespace} get secrets,configmaps -o yaml, and look for ownerReferences",
    )


def _list_owners(kube: Kube, target: Target, pieces: Collection[DataKind]) -> dict[str, KubeObject]:
    """Return the objects in the namespace that a removal deletes, by their UIDs."""
    refs = [ref for ref in committed_refs(target) if keep_database(pieces, ref) is None]
    found = [one for ref in refs if (one := read_object(kube, ref))]
    namespace = target.release.namespace
    for api, kind in DELIVERED_KINDS:
        for one in list_metadata(kube, api, kind, namespace):
            if is_tracked(one, target) or is_rendered_by_helm(one, target):
                found.append({**one, "apiVersion": api, "kind": kind})
    return {str(one["metadata"]["uid"]): one for one in found}

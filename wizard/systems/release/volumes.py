"""Volume claims: deleted only with `--data volumes`, and then only if they are the release's."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION, read_source
from wizard.systems.argocd.cascade import update_object
from wizard.systems.argocd.tracking import has_release_label, is_tracked
from wizard.systems.cluster.object_removal import (
    Removal,
    build_cluster_step,
    build_removal_step,
)
from wizard.systems.cluster.ownership import refuse_removal
from wizard.systems.release.claims import CLAIM, find_other_user, judge_claim
from wizard.systems.release.delivered_objects import format_refs, list_metadata

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

VOLUMES_SECONDS = 300.0
_DELETED: tuple[DataKind, ...] = ("volumes",)


def list_claims(kube: Kube, target: Target) -> list[KubeObject]:
    """Return the claims that may be the release's, by labels, tracking or source."""
    return [
        one
        for one in list_metadata(kube, *CLAIM, target.release.namespace)
        if has_release_label(one, target)
        or is_tracked(one, target)
        or read_source(one) == target.release.owner_id != ""
    ]


def _claim_refs(kube: Kube, target: Target) -> list[Ref]:
    return [_claim_ref(target, one) for one in list_claims(kube, target)]


def _claim_ref(target: Target, found: KubeObject) -> Ref:
    return Ref(*CLAIM, found["metadata"]["name"], target.release.namespace)


def _check_claim(kube: Kube, target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    if user := find_other_user(target, kube, found):
        name = escape_unprintable(user)
        return StepStatus("kept", f"{ref} is in use by {name} of others; not deleted")
    owner = judge_claim(target, kube, found)
    if owner.whose == "another's":
        return StepStatus("kept", f"{ref} {escape_unprintable(owner.reason)}; not deleted")
    return refuse_removal(owner, found, ref)


def build_mark_step(target: Target, pieces: Collection[DataKind] = _DELETED) -> Step:
    """Return the step that writes the source on the release's claims while it can be proven.

    The removal deletes the StatefulSets and the Application or release first. If it is interrupted
    then, the mark still tells whose the claims are; and those that stay are not taken for the next
    installation's, whose StatefulSets use them. Without `volumes` in `pieces`, the removal goes on
    if the login may not write the mark, or if an admission webhook refuses it.
    """
    own = target.release.owner_id
    refused: list[str] = []

    def find(kube: Kube) -> list[KubeObject]:
        return [
            one
            for one in list_claims(kube, target)
            if own
            and not one["metadata"].get("deletionTimestamp")
            and not read_source(one)
            and judge_claim(target, kube, one).is_ours
            and not find_other_user(target, kube, one)
        ]

    def look(kube: Kube) -> StepStatus:
        if refused:
            return StepStatus("holds", refused[0])
        found = [_claim_ref(target, one) for one in find(kube)]
        if found:
            end = "will be deleted" if "volumes" in pieces else "will stay"
            return StepStatus("wanted", f"{format_refs(found)} {end}")
        return StepStatus("holds", "every volume of this release says whose it is")

    def change(kube: Kube) -> str:
        found = find(kube)
        refs = [_claim_ref(target, one) for one in found]
        try:
            for ref, one in zip(refs, found, strict=True):
                update_object(kube, ref, _mark, uid=one["metadata"]["uid"])
        except WizardError as error:
            if "volumes" in pieces or not _is_refusal(error):
                raise
            refused.append(f"{format_refs(refs)} stay unmarked: {error.message}")
            return refused[0]
        return f"annotated {format_refs(refs)} with {OWNER_ANNOTATION}"

    def _mark(found: KubeObject) -> KubeObject:
        notes = {**(found["metadata"].get("annotations") or {}), OWNER_ANNOTATION: own}
        return {**found, "metadata": {**found["metadata"], "annotations": notes}}

    return build_cluster_step(
        "destroy.mark",
        "Mark the volumes of this release before anything is deleted",
        target.kube,
        look,
        change,
        left="kubectl get pvc",
    )


def _is_refusal(error: WizardError) -> bool:
    """Return whether the cluster refuses a write; some come explained, as a plain WizardError."""
    if isinstance(error, KubeError):
        return error.kind in {"forbidden", "invalid"}
    return not isinstance(error, ConflictError)


def build_volumes_removal(target: Target, pieces: Collection[DataKind]) -> Step:
    """Return the step that deletes the volume claims with `--data volumes`, else keeps them."""
    namespace, release = target.release.namespace, target.release.names.release
    command = f"kubectl -n {namespace} delete pvc -l release={release},tier=airflow"
    if "volumes" in pieces:
        return build_removal_step(
            "destroy.volumes",
            f"Delete the volumes of release {release} with their data",
            "platform",
            target.kube,
            lambda kube: Removal(
                kube,
                lambda: _claim_refs(kube, target),
                lambda found, ref: _check_claim(kube, target, found, ref),
                none="the release has no volume",
            ),
            left=command,
            agreed=target.agreed,
            patience=VOLUMES_SECONDS,
            alone=True,
        )

    def look(kube: Kube) -> StepStatus:
        found = _claim_refs(kube, target)
        if not found:
            return StepStatus("holds", "the release has no volume")
        return StepStatus("kept", format_refs(found), Fix(f"to delete them: {command}"))

    title = f"Keep the volumes of release {release}"
    return build_cluster_step(
        "destroy.volumes", title, target.kube, look, None, left=command, alone=True
    )

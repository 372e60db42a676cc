"""Volume claims: protected from Argo CD's pruning, and deleted only with `--data volumes`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION, read_source
from wizard.systems.argocd.application_removal import application_refs
from wizard.systems.argocd.cascade import update_object
from wizard.systems.argocd.tracking import has_release_label, is_tracked
from wizard.systems.cluster.object_removal import (
    Removal,
    build_cluster_step,
    build_removal_step,
    read_object,
)
from wizard.systems.cluster.ownership import refuse_removal
from wizard.systems.release.claims import judge_claim
from wizard.systems.release.delivered_objects import format_refs, list_metadata

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

VOLUMES_SECONDS = 300.0
CLAIM = ("v1", "PersistentVolumeClaim")
_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
_KEEP = "Delete=false"


def build_keep_step(target: Target, pieces: Collection[DataKind]) -> Step:
    """Return the step that protects volumes and namespace before Argo CD deletes its objects."""
    work = _KeepStep(target, pieces)
    return build_cluster_step(
        "destroy.keep",
        "Protect volumes and namespace from deletion by Argo CD",
        target.kube,
        work.look,
        work.change,
        left="kubectl annotate pvc NAME argocd.argoproj.io/sync-options=Delete=false",
    )


class _KeepStep:
    def __init__(self, target: Target, pieces: Collection[DataKind]) -> None:
        self._target = target
        self._pieces = pieces
        self._namespace = target.release.namespace

    def look(self, kube: Kube) -> StepStatus:
        """Check that no volume or namespace would be deleted with the Applications."""
        argocd = self._target.argocd
        if argocd is None or not any(
            read_object(argocd, ref) for ref in application_refs(self._target)
        ):
            return StepStatus("holds", "Argo CD has no Application of this installation")
        try:
            owned = [] if "volumes" in self._pieces else self._find_owned_claims(kube)
            bare = self._find_unprotected(kube)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus(
                "blocked",
                f"cannot tell whether volumes would be deleted: {error.message}",
                Fix(
                    "ask for the right to list persistentvolumeclaims there; or, to delete them "
                    "too, add --data volumes"
                ),
            )
        if owned:
            return StepStatus(
                "blocked",
                f"{', '.join(owned)} would be deleted with their owner",
                Fix(
                    "set persistentVolumeClaimRetentionPolicy: Retain in the values first; or, to "
                    "delete them too, add --data volumes"
                ),
            )
        if bare:
            return StepStatus("wanted", f"Argo CD would delete {format_refs(bare)}")
        return StepStatus("holds", "Argo CD deletes none of them")

    def _find_owned_claims(self, kube: Kube) -> list[str]:
        return [
            f"PersistentVolumeClaim {escape_unprintable(one['metadata']['name'])}"
            for one in list_claims(kube, self._target)
            if one["metadata"].get("ownerReferences")
        ]

    def _find_unprotected(self, kube: Kube) -> list[Ref]:
        """Return the claims and the namespace that Argo CD tracks and would delete."""
        found = []
        if "volumes" not in self._pieces:
            found += [
                Ref(*CLAIM, one["metadata"]["name"], self._namespace)
                for one in list_claims(kube, self._target)
                if is_tracked(one, self._target) and not _is_protected(one)
            ]
        if "namespace" not in self._pieces:
            ref = Ref("v1", "Namespace", self._namespace)
            one = kube.get(ref)
            if one is not None and is_tracked(one, self._target) and not _is_protected(one):
                found.append(ref)
        return found

    def change(self, kube: Kube) -> str:
        """Annotate the claims and the namespace, so that Argo CD does not delete them."""
        found = self._find_unprotected(kube)
        for ref in found:
            update_object(kube, ref, _protect)
        return f"annotated {format_refs(found)} with {_KEEP}"


def _options(found: KubeObject) -> list[str]:
    text = str((found["metadata"].get("annotations") or {}).get(_SYNC_OPTIONS) or "")
    return [one.strip() for one in text.split(",") if one.strip()]


def _is_protected(found: KubeObject) -> bool:
    return _KEEP in _options(found)


def _protect(found: KubeObject) -> KubeObject:
    own = [one for one in _options(found) if not one.startswith("Delete=")]
    notes = {**(found["metadata"].get("annotations") or {}), _SYNC_OPTIONS: ",".join([*own, _KEEP])}
    return {**found, "metadata": {**found["metadata"], "annotations": notes}}


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
    return [
        Ref(*CLAIM, one["metadata"]["name"], target.release.namespace)
        for one in list_claims(kube, target)
    ]


def _check_claim(kube: Kube, target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    owner = judge_claim(target, kube, found)
    if owner.whose == "another's":
        return StepStatus("kept", f"{ref} {escape_unprintable(owner.reason)}; not deleted")
    return refuse_removal(owner, found, ref)


def build_mark_step(target: Target) -> Step:
    """Return the step that writes the source on the release's claims while it can be proven.

    The removal deletes the StatefulSets and the Application or release first. If it is interrupted
    then, the mark still tells whose the claims are.
    """
    own = target.release.owner_id

    def find(kube: Kube) -> list[Ref]:
        return [
            Ref(*CLAIM, one["metadata"]["name"], target.release.namespace)
            for one in list_claims(kube, target)
            if own
            and not one["metadata"].get("deletionTimestamp")
            and not read_source(one)
            and judge_claim(target, kube, one).is_ours
        ]

    def look(kube: Kube) -> StepStatus:
        found = find(kube)
        if found:
            return StepStatus("wanted", f"{format_refs(found)} will be deleted")
        return StepStatus("holds", "every volume of this release says whose it is")

    def change(kube: Kube) -> str:
        found = find(kube)
        for ref in found:
            update_object(kube, ref, _mark)
        return f"annotated {format_refs(found)} with {OWNER_ANNOTATION}"

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

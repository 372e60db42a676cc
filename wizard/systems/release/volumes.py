"""Volumes: kept from what Argo CD removes, and removed themselves only where they are named."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref
from wizard.engine.actions import Action, Look
from wizard.formats.terminal import visible
from wizard.systems.argocd.application_removal import refs
from wizard.systems.argocd.cascade import rewritten
from wizard.systems.cluster.object_removal import Removal, looked_action, removal_action, standing
from wizard.systems.release.delivered_objects import is_delivered, listed, shown

if TYPE_CHECKING:
    from wizard.systems.target import Piece, Target

VOLUMES_SECONDS = 300.0
CLAIM = ("v1", "PersistentVolumeClaim")
_OPTIONS = "argocd.argoproj.io/sync-options"
_KEEP = "Delete=false"


def kept_back(target: Target, pieces: Collection[Piece]) -> Action:
    """Before Argo CD removes what it delivered: volumes and namespace are kept from it."""
    work = _Shield(target, pieces)
    return looked_action(
        "destroy.keep",
        "Keep volumes and namespace from what Argo CD removes",
        target.kube,
        work.look,
        work.change,
        left="kubectl annotate pvc NAME argocd.argoproj.io/sync-options=Delete=false",
    )


class _Shield:
    def __init__(self, target: Target, pieces: Collection[Piece]) -> None:
        self._target = target
        self._pieces = pieces
        self._namespace = target.release.namespace

    def look(self, kube: Kube) -> Look:
        """Whether nothing that holds data goes with the Applications."""
        argocd = self._target.argocd
        if argocd is None or not any(standing(argocd, ref) for ref in refs(self._target)):
            return Look("holds", "Argo CD has no Application of it")
        try:
            owned = [] if "volumes" in self._pieces else self._owned(kube)
            bare = self._bare(kube)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return Look(
                "blocked",
                f"nothing says whether volumes would go with it: {error.message}",
                "ask for the right to list persistentvolumeclaims there; or name them, if they "
                "may go: --data volumes",
            )
        if owned:
            return Look(
                "blocked",
                f"{', '.join(owned)} would go with what owns them",
                "keep them first (persistentVolumeClaimRetentionPolicy: Retain in the values); or "
                "name them, if they may go: --data volumes",
            )
        if bare:
            return Look("wanted", f"Argo CD would remove {shown(bare)}")
        return Look("holds", "Argo CD removes none of them")

    def _owned(self, kube: Kube) -> list[str]:
        return [
            f"PersistentVolumeClaim {visible(one['metadata']['name'])}"
            for one in claims(kube, self._target)
            if one["metadata"].get("ownerReferences")
        ]

    def _bare(self, kube: Kube) -> list[Ref]:
        """What Argo CD tracks, and would therefore remove."""
        found = []
        if "volumes" not in self._pieces:
            found += [
                Ref(*CLAIM, one["metadata"]["name"], self._namespace)
                for one in claims(kube, self._target)
                if is_delivered(one, self._target) and not _spared(one)
            ]
        if "namespace" not in self._pieces:
            ref = Ref("v1", "Namespace", self._namespace)
            one = kube.get(ref)
            if one is not None and is_delivered(one, self._target) and not _spared(one):
                found.append(ref)
        return found

    def change(self, kube: Kube) -> str:
        """Mark them; Argo CD leaves what is marked so."""
        found = self._bare(kube)
        for ref in found:
            rewritten(kube, ref, _marked)
        return f"marked {shown(found)} with {_KEEP}"


def _options(found: Manifest) -> list[str]:
    text = str((found["metadata"].get("annotations") or {}).get(_OPTIONS) or "")
    return [one.strip() for one in text.split(",") if one.strip()]


def _spared(found: Manifest) -> bool:
    return _KEEP in _options(found)


def _marked(found: Manifest) -> Manifest:
    own = [one for one in _options(found) if not one.startswith("Delete=")]
    notes = {**(found["metadata"].get("annotations") or {}), _OPTIONS: ",".join([*own, _KEEP])}
    return {**found, "metadata": {**found["metadata"], "annotations": notes}}


def claims(kube: Kube, target: Target) -> list[Manifest]:
    """The volume claims of the release: by the chart's labels, or because Argo CD tracks them."""
    found = []
    for one in listed(kube, *CLAIM, target.release.namespace):
        labels = one["metadata"].get("labels") or {}
        own = (labels.get("release"), labels.get("tier")) == (
            target.release.names.release,
            "airflow",
        )
        if own or is_delivered(one, target):
            found.append(one)
    return found


def _claim_refs(kube: Kube, target: Target) -> list[Ref]:
    return [
        Ref(*CLAIM, one["metadata"]["name"], target.release.namespace)
        for one in claims(kube, target)
    ]


def volumes(target: Target, pieces: Collection[Piece]) -> Action:
    """The volume claims of the release: logs, DAGs, Redis."""
    namespace, release = target.release.namespace, target.release.names.release
    command = f"kubectl -n {namespace} delete pvc -l release={release},tier=airflow"
    if "volumes" in pieces:
        return removal_action(
            "destroy.volumes",
            f"Remove the volumes of release {release}, with the data in them",
            "platform",
            target.kube,
            lambda kube: Removal(
                kube,
                lambda: _claim_refs(kube, target),
                lambda _found, _ref: None,
                none="no volume of it is there",
            ),
            left=command,
            patience=VOLUMES_SECONDS,
            alone=True,
        )

    def look(kube: Kube) -> Look:
        found = _claim_refs(kube, target)
        if not found:
            return Look("holds", "no volume of it is there")
        return Look("kept", shown(found), f"if they are to go: {command}")

    title = f"Keep the volumes of release {release}"
    return looked_action(
        "destroy.volumes", title, target.kube, look, None, left=command, alone=True
    )

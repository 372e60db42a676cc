"""The namespace: it stays unless it is named, and goes only once nothing of others is in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref
from wizard.engine.actions import Action, Look
from wizard.formats.terminal import visible
from wizard.systems.cluster.conditions import condition
from wizard.systems.cluster.diagnosis import said
from wizard.systems.cluster.object_removal import (
    Removal,
    finalizers,
    looked_action,
    removal_action,
    standing,
)
from wizard.systems.cluster.ownership import kubectl_delete
from wizard.systems.release.delivered_objects import KINDS, listed, shown
from wizard.systems.release.inhabitants import Inhabitants
from wizard.systems.release.volumes import CLAIM

if TYPE_CHECKING:
    from wizard.systems.target import Piece, Target

NAMESPACE_SECONDS = 600.0
_WITHOUT = "run it without --data namespace"
_PROTECTED = ("default", "vault-auth")
_CONDITIONS = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
)


def namespace(target: Target, pieces: Collection[Piece]) -> Action:
    """The namespace, once nothing of others is in it."""
    ref = Ref("v1", "Namespace", target.release.namespace)
    if "namespace" in pieces:
        return removal_action(
            "destroy.namespace",
            f"Remove namespace {ref.name}",
            "platform",
            target.kube,
            lambda kube: Removal(
                kube,
                lambda: [ref],
                lambda _found, ref: _inhabited(kube, target, ref, pieces),
                why=lambda found, ref: _stuck(kube, found, ref),
                none=f"namespace {ref.name} is gone",
            ),
            left=kubectl_delete([ref]),
            patience=NAMESPACE_SECONDS,
            alone=True,
        )

    def look(kube: Kube) -> Look:
        if standing(kube, ref) is None:
            return Look("holds", f"namespace {ref.name} is gone")
        return Look(
            "kept", f"namespace {ref.name} stays", f"if it is to go: {kubectl_delete([ref])}"
        )

    title = f"Keep namespace {ref.name}"
    return looked_action(
        "destroy.namespace", title, target.kube, look, None, left=kubectl_delete([ref]), alone=True
    )


def _inhabited(kube: Kube, target: Target, ref: Ref, pieces: Collection[Piece]) -> Look | None:
    """Left where anything in it is not of this release."""
    shared = (target.answers.delivery.argocd.namespace, *_PROTECTED)
    if ref.name in shared or ref.name.startswith("kube-"):
        return Look("blocked", f"{ref} serves others too; it is left", _WITHOUT)
    try:
        inside = Inhabitants(kube, target)
        found = inside.unknown()
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return Look(
            "blocked",
            f"nothing says whether others live in {ref}: {said(error.message)}; it is left",
            f"ask for the right to list all there; or leave it to its owner: {_WITHOUT}",
        )
    volumes = [] if "volumes" in pieces else inside.of_kind(CLAIM[1])
    found += [one for one in volumes if one not in found]
    if not found:
        return None
    return Look(
        "blocked",
        f"{ref} holds {shown(found)}; it is left",
        "move or remove them (volumes of this release: --data volumes), then run it again; or "
        f"leave it to its owner: {_WITHOUT}",
    )


def _stuck(kube: Kube, found: Manifest, ref: Ref) -> tuple[str, str]:
    """What holds a namespace that is going away: objects with their finalizers."""
    held = []
    kinds = (*KINDS, ("external-secrets.io/v1", "ExternalSecret"), ("v1", "Pod"), CLAIM)
    for api, kind in kinds:
        try:
            there = listed(kube, api, kind, ref.name)
        except KubeError:
            continue
        held += [
            f"{kind} {visible(one['metadata']['name'])} ({', '.join(finalizers(one))})"
            for one in there
            if one["metadata"].get("deletionTimestamp") and finalizers(one)
        ]
    words = [
        said(condition(found, name).get("message"))
        for name in _CONDITIONS
        if condition(found, name).get("status") == "True"
    ]
    by = f", held by {', '.join(held[:3])}" if held else ""
    told = f": {'; '.join(words)}" if words else ""
    return (
        f"{ref} is terminating{by}{told}",
        "the program whose finalizer that is takes it off: see whether it runs; only if it is gone "
        "for good, take the finalizer off with `kubectl edit`",
    )

"""The step for the namespace: kept by default, deleted only if others have no objects in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import FIELD_MANAGER, Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION, Ownership, source_manager
from wizard.systems.cluster.conditions import condition
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.object_removal import (
    Removal,
    build_cluster_step,
    build_removal_step,
    list_finalizers,
    read_object,
)
from wizard.systems.cluster.ownership import kubectl_delete, refuse_removal
from wizard.systems.cluster.source import judge_object, list_annotation_writers
from wizard.systems.release.claims import CLAIM
from wizard.systems.release.delivered_objects import format_refs, list_metadata
from wizard.systems.release.inhabitants import NamespaceContents

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

NAMESPACE_SECONDS = 600.0
_SKIP_HINT = "run this without --data namespace"
_PROTECTED = ("default", "vault-auth")
_CONDITIONS = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
)


def build_namespace_removal(target: Target, pieces: Collection[DataKind]) -> Step:
    """Return the step that deletes the namespace with `--data namespace`, else keeps it."""
    ref = Ref("v1", "Namespace", target.release.namespace)
    if "namespace" in pieces:
        return build_removal_step(
            "destroy.namespace",
            f"Delete namespace {ref.name}",
            "platform",
            target.kube,
            lambda kube: Removal(
                kube,
                lambda: [ref],
                lambda found, ref: _check_contents(kube, target, found, ref, pieces),
                why=lambda found, ref: _explain_terminating(kube, found, ref),
                none=f"namespace {ref.name} is gone",
            ),
            left=kubectl_delete([ref]),
            agreed=target.agreed,
            patience=NAMESPACE_SECONDS,
            alone=True,
        )

    def look(kube: Kube) -> StepStatus:
        if read_object(kube, ref) is None:
            return StepStatus("holds", f"namespace {ref.name} is gone")
        return StepStatus(
            "kept", f"namespace {ref.name} stays", Fix(f"to delete it: {kubectl_delete([ref])}")
        )

    title = f"Keep namespace {ref.name}"
    return build_cluster_step(
        "destroy.namespace", title, target.kube, look, None, left=kubectl_delete([ref]), alone=True
    )


def _check_contents(
    kube: Kube, target: Target, namespace: KubeObject, ref: Ref, pieces: Collection[DataKind]
) -> StepStatus | None:
    """Return a status that blocks the deletion while others use the namespace, else None.

    A namespace that this wizard did not create may be anybody's, empty or not: its labels, quotas
    to come and the right to its name belong to whoever created it. So it needs a yes.
    """
    owner = _judge_namespace(namespace, target.release.owner_id)
    if owner.is_proven_foreign:
        return refuse_removal(owner, namespace, ref)
    shared = (target.release.controller_namespace, *_PROTECTED)
    if ref.name in shared or ref.name.startswith("kube-"):
        return StepStatus("blocked", f"{ref} is shared with others; not deleted", Fix(_SKIP_HINT))
    try:
        inside = NamespaceContents(kube, target)
        found = inside.list_foreign()
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus(
            "blocked",
            f"cannot list the objects in {ref}: {sanitize_message(error.message)}; not deleted",
            Fix(f"ask for the right to list them; or leave it to its owner: {_SKIP_HINT}"),
        )
    volumes = [] if "volumes" in pieces else inside.list_kind(CLAIM[1])
    values = [] if "payload" in pieces else inside.list_earlier_values()
    found += [one for one in (*volumes, *values) if one not in found]
    if not found:
        return refuse_removal(owner, namespace, ref)
    return StepStatus(
        "blocked",
        f"{ref} contains {format_refs(found)}; not deleted",
        Fix(
            "move or delete them (volumes of this release: --data volumes), then run this again; "
            f"or leave it to its owner: {_SKIP_HINT}"
        ),
    )


def _judge_namespace(found: KubeObject, own: str) -> Ownership:
    """Return whose a namespace is: ours if the wizard itself wrote its source, at its creation.

    Argo CD also writes the metadata of an Application onto a namespace that existed before
    (`managedNamespaceMetadata`, which earlier versions used for the source).
    """
    owner = judge_object(found, own)
    if owner.is_proven_foreign:
        return owner
    writers = list_annotation_writers(found, OWNER_ANNOTATION)
    if owner.is_ours and {FIELD_MANAGER, source_manager(own)} & writers:
        return owner
    return Ownership("unknown", "does not show that this installation created it")


def _explain_terminating(kube: Kube, found: KubeObject, ref: Ref) -> tuple[str, Fix]:
    """Return why a namespace is still terminating, with the objects in it that have finalizers."""
    held = []
    for api, kind in _list_kinds(kube):
        try:
            there = list_metadata(kube, api, kind, ref.name)
        except KubeError:
            continue
        held += [
            f"{kind} {escape_unprintable(one['metadata']['name'])} "
            f"({', '.join(list_finalizers(one))})"
            for one in there
            if one["metadata"].get("deletionTimestamp") and list_finalizers(one)
        ]
    words = [
        sanitize_message(condition(found, name).get("message"))
        for name in _CONDITIONS
        if condition(found, name).get("status") == "True"
    ]
    by = f", blocked by {', '.join(held[:3])}" if held else ""
    reason = f": {'; '.join(words)}" if words else ""
    return (
        f"{ref} is terminating{by}{reason}",
        Fix(
            "check that the controller of that finalizer runs, because it removes the finalizer; "
            "only if it is gone for good, remove the finalizer with `kubectl edit`"
        ),
    )


def _list_kinds(kube: Kube) -> tuple[tuple[str, str], ...]:
    try:
        return kube.list_namespaced_kinds()
    except KubeError:
        return (CLAIM,)

"""Hooks that keep Argo CD's finalizer although no sync runs that would remove it.

Argo CD puts a finalizer on each hook and removes it only when it completes or ends the sync that
the hook belongs to (gitops-engine, pkg/sync/sync_context.go). If the Application was deleted during
a sync, nothing removes it, and neither the hook nor its namespace can be deleted. The finalizer is
removed only if the operator agrees to exactly this list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus, seal_text
from wizard.errors import ConflictError, Fix
from wizard.systems.argocd.application_removal import application_refs
from wizard.systems.argocd.cascade import has_sync, update_object
from wizard.systems.argocd.tracking import is_tracked, judge_delivered
from wizard.systems.cluster.object_removal import (
    build_cluster_step,
    finalizer_command,
    list_finalizers,
    read_object,
)
from wizard.systems.release.delivered_objects import (
    DELIVERED_KINDS,
    format_refs,
    list_metadata,
)

if TYPE_CHECKING:
    from wizard.systems.target import Target

FINALIZER = "argocd.argoproj.io/hook-finalizer"
_KINDS = (*DELIVERED_KINDS, ("v1", "Pod"))


def build_hooks_step(target: Target, name: str, command: str, *, alone: bool = False) -> Step:
    """Return the step that releases hooks of ended syncs; it follows the step that ends syncs.

    `command` is the command that runs it, for the hint.
    """
    work = _Hooks(target, name, command)
    return build_cluster_step(
        name,
        "Release hooks whose sync has ended",
        target.kube,
        work.look,
        work.change,
        left=f"kubectl -n {target.release.namespace} get jobs,pods, and remove {FINALIZER} there",
        alone=alone,
    )


class _Hooks:
    def __init__(self, target: Target, name: str, command: str) -> None:
        self._target, self._name, self._command = target, name, command

    def look(self, kube: Kube) -> StepStatus:
        """Check that no hook has the finalizer; removing one needs the operator's yes."""
        found = self._find_held(kube)
        if not found:
            return StepStatus("holds", "no hook has Argo CD's finalizer")
        shown = format_refs([ref for ref, _ in found])
        if self._find_sync():
            return StepStatus("wanted", f"{shown} of a running sync, which releases it at its end")
        diff = "\n".join(f"-{ref} uid {one['metadata']['uid']}: {FINALIZER}" for ref, one in found)
        seal = seal_text(diff)
        if self._target.agreed.get(self._name) == seal:
            return StepStatus("wanted", f"{shown}: removal of {FINALIZER} confirmed", diff=diff)
        by_hand = "; ".join(finalizer_command(one, ref, [FINALIZER]) for ref, one in found)
        return StepStatus(
            "blocked",
            f"{shown}: no sync runs that would remove the finalizer {FINALIZER}, so it cannot be "
            "deleted",
            Fix(
                f"check that it does no work, then run: {by_hand}; or let this run do it: "
                f"airflow-wizard {self._command} --take-over {self._name}@{seal}"
            ),
            diff,
        )

    def _find_held(self, kube: Kube) -> list[tuple[Ref, KubeObject]]:
        """Return the hooks that have the finalizer, without those of others."""
        namespace = self._target.release.namespace
        found = [
            (Ref(api, kind, one["metadata"]["name"], namespace), one)
            for api, kind in _KINDS
            for one in list_metadata(kube, api, kind, namespace)
            if FINALIZER in list_finalizers(one) and is_tracked(one, self._target)
        ]
        return [
            (ref, one)
            for ref, one in found
            if judge_delivered(self._target, one, ref).whose != "another's"
        ]

    def change(self, kube: Kube) -> str:
        """Remove the finalizers; ConflictError when a sync has begun, which does it itself."""
        if running := self._find_sync():
            raise ConflictError(running, "run it again")
        found = self._find_held(kube)
        for ref, one in found:
            update_object(kube, ref, _release, uid=one["metadata"]["uid"], going=True)
        return f"removed {FINALIZER} from {format_refs([ref for ref, _ in found])}"

    def _find_sync(self) -> str:
        """Return why the hooks may still have a sync; empty if none runs."""
        argocd = self._target.argocd
        if argocd is None:
            return "cannot check whether a sync runs: no kubeconfig context names Argo CD's cluster"
        for ref in application_refs(self._target):
            found = read_object(argocd, ref)
            if found is not None and has_sync(found):
                return f"a sync of {ref} is running"
        return ""


def _release(found: KubeObject) -> KubeObject:
    kept = [one for one in found["metadata"].get("finalizers") or [] if one != FINALIZER]
    return {**found, "metadata": {**found["metadata"], "finalizers": kept}}

"""Destroy: stop Argo CD's syncs, and later let it delete the Applications with their objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import NO_FIX, ConflictError, Fix
from wizard.manifests.ownership import Ownership
from wizard.systems.argocd.application_removal import (
    FINALIZER,
    build_application_judge,
    format_applications,
    split_applications,
)
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.object_removal import (
    Removal,
    build_cluster_step,
    build_removal_step,
    explain_deletion,
    merge_statuses,
    read_object,
)
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import kubectl_delete, settle_unknown

if TYPE_CHECKING:
    from wizard.systems.target import Target

PAUSE = "destroy.pause"
PAUSE_SECONDS, CASCADE_SECONDS = 300.0, 900.0
_ROUNDS = 10


def build_pause_step(target: Target) -> Step:
    """Return the destroy step that stops syncs, so that deleted objects are not restored."""
    parent, children = split_applications(target)
    work = _Pause(target, parent, children)
    return build_cluster_step(
        PAUSE,
        "Stop Argo CD from syncing"
        + (f", and remove {format_applications(parent)}" if parent else ""),
        target.argocd,
        work.look,
        work.change,
        left="argocd app set NAME --sync-policy none, for each Application",
        patience=PAUSE_SECONDS,
    )


class _Pause:
    """Removes `automated`, ends running syncs, and deletes the parent, which would undo this."""

    def __init__(self, target: Target, parents: Sequence[Ref], children: Sequence[Ref]) -> None:
        self._target, self._parents, self._children = target, parents, children
        self._judge = build_application_judge(target)

    def look(self, kube: Kube) -> StepStatus:
        """Check that no Application syncs."""
        if refusals := self._find_refusals(kube):
            return merge_statuses(refusals, "")
        wanted: list[tuple[str, Fix]] = []
        for ref in (*self._parents, *self._children):
            found = read_object(kube, ref)
            if found is None:
                continue
            if found["metadata"].get("deletionTimestamp"):
                wanted += [explain_deletion(found, ref)] if ref in self._parents else []
            elif ref in self._parents:
                wanted.append((f"{ref} delivers the others", NO_FIX))
            elif _is_automated(found):
                wanted.append((f"{ref} has automated sync", NO_FIX))
            elif _is_syncing(found):
                fix = Fix("check that Argo CD's application controller runs, which ends it")
                wanted.append((f"a sync of {ref} is running", fix))
        if not wanted:
            return StepStatus("holds", "automated sync is off")
        details, fixes = zip(*wanted, strict=True)
        return StepStatus("wanted", "; ".join(details), Fix.join(fixes))

    def _find_refusals(self, kube: Kube) -> list[StepStatus]:
        """Return why Applications must not be changed; one yes makes those unknown to be ours."""
        looks = []
        for ref in (*self._parents, *self._children):
            found = read_object(kube, ref)
            if found is not None and (refusal := self._judge(found, ref)):
                looks.append((ref, refusal))
        agreed = self._target.agreed.get(PAUSE, "")
        settled = settle_unknown([one for _, one in looks], PAUSE, agreed)
        refusals = [one for one in settled if one.state == "blocked"]
        for ref, _ in () if refusals else looks:
            self._target.verdicts[ref.name] = Ownership("ours", "was confirmed by the operator")
        return refusals

    def change(self, kube: Kube) -> str:
        """Delete the parent and stop the syncs of the others."""
        for ref in self._parents:
            found = read_object(kube, ref)
            if found and not found["metadata"].get("deletionTimestamp"):
                # Without the finalizer Argo CD keeps the children.
                update_object(kube, ref, _remove_finalizer)
                kube.delete(ref, uid=str(found["metadata"]["uid"]))
        for ref in self._children:
            update_object(kube, ref, _stop_sync)
        return "switched automated sync off"


def _is_automated(found: KubeObject) -> bool:
    policy = (found.get("spec") or {}).get("syncPolicy") or {}
    return "automated" in policy or "operation" in found


def _is_syncing(found: KubeObject) -> bool:
    return _phase(found) in {"Running", "Terminating"}


def _phase(found: KubeObject) -> str:
    state = (found.get("status") or {}).get("operationState") or {}
    return str(state.get("phase") or "")


def _stop_sync(found: KubeObject) -> KubeObject:
    """Return the Application with automated sync off and with a running sync marked to end.

    `argocd app terminate-op` ends a sync in the same way.
    """
    policy = {k: v for k, v in (found["spec"].get("syncPolicy") or {}).items() if k != "automated"}
    changed = {**found, "spec": {**found["spec"], "syncPolicy": policy}}
    changed.pop("operation", None)
    if _phase(found) == "Running":
        status = found["status"]
        ended = {**status["operationState"], "phase": "Terminating"}
        changed["status"] = {**status, "operationState": ended}
    return changed


def _finalizers(found: KubeObject) -> list[str]:
    return list(found["metadata"].get("finalizers") or [])


def _remove_finalizer(found: KubeObject) -> KubeObject:
    kept = [name for name in _finalizers(found) if not name.startswith(FINALIZER)]
    return {**found, "metadata": {**found["metadata"], "finalizers": kept}}


def _add_finalizer(found: KubeObject) -> KubeObject:
    own = _finalizers(found)
    if FINALIZER in own:
        return found
    return {**found, "metadata": {**found["metadata"], "finalizers": [*own, FINALIZER]}}


def update_object(kube: Kube, ref: Ref, edit: Callable[[KubeObject], KubeObject]) -> None:
    """Read, edit and replace an object; try again if a controller changed it in between."""
    for _ in range(_ROUNDS):
        found = read_object(kube, ref)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return
        changed = edit(found)
        if changed == found:
            return
        about = {k: v for k, v in changed["metadata"].items() if k != "managedFields"}
        try:
            kube.replace({**changed, "metadata": about})
        except KubeConflictError as error:
            if error.reason != "Conflict":
                raise
            continue
        except KubeError as error:
            raise explain_error(error) from None
        return
    raise ConflictError(f"{ref} is being changed by somebody else", "run it again")


def build_cascade_step(target: Target) -> Step:
    """Return the destroy step in which Argo CD deletes the Applications with their objects."""
    # The chart's Application first: its pods need their Secrets until they end.
    _, found = split_applications(target)
    return build_removal_step(
        "destroy.application",
        f"Remove {format_applications(found)} with all objects that Argo CD delivered",
        "platform",
        target.argocd,
        lambda kube: Removal(
            kube,
            lambda: found,
            build_application_judge(target),
            lambda kube, _found, ref: update_object(kube, ref, _add_finalizer),
            _explain_remaining,
            "Argo CD has no Application of this installation",
        ),
        left=kubectl_delete(found),
        agreed=target.agreed,
        patience=CASCADE_SECONDS,
    )


def _explain_remaining(found: KubeObject, ref: Ref) -> tuple[str, Fix]:
    what, fix = explain_deletion(found, ref)
    listed = (found.get("status") or {}).get("conditions") or []
    errors = [
        sanitize_message(one.get("message")) for one in listed if "Error" in str(one.get("type"))
    ]
    return "; ".join([what, *errors]), fix

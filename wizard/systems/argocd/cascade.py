"""Stop Argo CD's syncs, and for destroy let it delete the Applications with their objects.

Argo CD's controller acts on a sync only while the Application has `operation`, and removes its
finalizer from hooks only when it ends a sync. So a sync is ended as `argocd app terminate-op` ends
it: `operation` stays, and the phase becomes Terminating. Source: argo-cd 3.5,
controller/appcontroller.go (processRequestedAppOperation) and server/application/application.go
(TerminateOperation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import NO_FIX, ConflictError, Fix
from wizard.systems.argocd.application_removal import (
    FINALIZER,
    PAUSED,
    application_refs,
    build_application_judge,
    build_undo_judge,
    confirm_application,
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
from wizard.systems.cluster.ownership import Consent, Judge, kubectl_delete

if TYPE_CHECKING:
    from wizard.systems.target import Target

PAUSE, UNDO_PAUSE = "destroy.pause", "undo.pause"
PAUSE_SECONDS, CASCADE_SECONDS = 300.0, 900.0
_ROUNDS = 10


def build_pause_step(target: Target) -> Step:
    """Return the destroy step that stops syncs, so that deleted objects are not restored."""
    parent, children = split_applications(target)
    return _build_stop_step(
        target,
        PAUSE,
        "Stop Argo CD from syncing"
        + (f", and remove {format_applications(parent)}" if parent else ""),
        _Pause(target, PAUSE, build_application_judge(target), parent, children),
    )


def build_undo_pause_step(target: Target) -> Step:
    """Return the undo step that stops syncs; hooks of a sync outlive its Application."""
    work = _Pause(target, UNDO_PAUSE, build_undo_judge(target), (), application_refs(target))
    return _build_stop_step(target, UNDO_PAUSE, "Stop Argo CD from syncing", work)


def _build_stop_step(target: Target, name: str, title: str, work: _Pause) -> Step:
    return build_cluster_step(
        name,
        title,
        target.argocd,
        work.look,
        work.change,
        left="argocd app set NAME --sync-policy none; argocd app terminate-op NAME, for each "
        "Application",
        patience=PAUSE_SECONDS,
        repeats=True,
    )


class _Pause:
    """Removes `automated`, ends running syncs, and deletes the parents, which would undo this."""

    def __init__(
        self,
        target: Target,
        name: str,
        judge: Judge,
        parents: Sequence[Ref],
        children: Sequence[Ref],
    ) -> None:
        self._target, self._judge = target, judge
        self._parents, self._children = parents, children
        self._consent = Consent(name, target.agreed.get(name, ""))

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
            elif has_sync(found):
                wanted.append((f"a sync of {ref} is running", Fix(_explain_end(ref))))
            elif ref in self._parents:
                wanted.append((f"{ref} delivers the others", NO_FIX))
            elif _is_automated(found):
                wanted.append((f"{ref} has automated sync", NO_FIX))
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
                looks.append((ref, found, refusal))
        settled = self._consent.settle([one for _, _, one in looks])
        refusals = [one for one in settled if one.state == "blocked"]
        for ref, found, refusal in () if refusals else looks:
            if self._consent.covers(refusal):
                confirm_application(self._target, found, ref)
        return refusals

    def change(self, kube: Kube) -> str:
        """Stop all syncs; delete a parent once its own sync has ended.

        The wait repeats this, so each time whose the Applications are is read again. Raises
        ConflictError when one must not be changed.
        """
        if refusals := self._find_refusals(kube):
            status = merge_statuses(refusals, "")
            raise ConflictError(status.detail, status.fix)
        for ref in (*self._parents, *self._children):
            update_object(kube, ref, self._make_edit(ref, _stop_sync))
        for ref in self._parents:
            found = read_object(kube, ref)
            if found and not found["metadata"].get("deletionTimestamp") and not has_sync(found):
                # Without the finalizer Argo CD keeps the children.
                update_object(kube, ref, self._make_edit(ref, _remove_finalizer))
                found = read_object(kube, ref)
                if found is not None and self._judge(found, ref) is None:
                    about = found["metadata"]
                    # A changed one is judged again in the next round.
                    with suppress(KubeConflictError):
                        kube.delete(ref, uid=about["uid"], version=about["resourceVersion"])
        return "switched automated sync off"

    def _make_edit(
        self, ref: Ref, edit: Callable[[KubeObject], KubeObject]
    ) -> Callable[[KubeObject], KubeObject]:
        """Return an edit that leaves an Application alone that is not ours in this version."""
        return lambda found: found if self._judge(found, ref) is not None else edit(found)


def _explain_end(ref: Ref) -> str:
    clear = '{"operation":null,"status":{"operationState":null}}'
    return (
        "check that Argo CD's application controller runs, which ends it (kubectl -n "
        f"{ref.namespace} get pods -l app.kubernetes.io/name=argocd-application-controller); only "
        f"if Argo CD was uninstalled: kubectl -n {ref.namespace} patch application {ref.name} "
        f"--type merge -p '{clear}'"
    )


def _is_automated(found: KubeObject) -> bool:
    return "automated" in ((found.get("spec") or {}).get("syncPolicy") or {})


def has_sync(found: KubeObject) -> bool:
    """Return whether a sync of the Application is requested, runs, or was not ended properly."""
    return "operation" in found or _is_under_way(found)


def _is_under_way(found: KubeObject) -> bool:
    state = (found.get("status") or {}).get("operationState") or {}
    return state.get("phase") in {"Running", "Terminating"}


def _stop_sync(found: KubeObject) -> KubeObject:
    """Return the Application with automated sync off and with a running sync marked to end.

    An operation that has not started is withdrawn. One that was lost while its sync ran is put
    back: the controller then ends that sync and releases its hooks.
    """
    changed = found
    if _is_automated(found):
        policy = {k: v for k, v in found["spec"]["syncPolicy"].items() if k != "automated"}
        notes = {**(found["metadata"].get("annotations") or {}), PAUSED: "true"}
        changed = {
            **found,
            "metadata": {**found["metadata"], "annotations": notes},
            "spec": {**found["spec"], "syncPolicy": policy},
        }
    if not _is_under_way(found):
        return {name: value for name, value in changed.items() if name != "operation"}
    status = found["status"]
    state = status["operationState"]
    operation = found.get("operation") or state.get("operation") or {}
    ended = {**state, "phase": "Terminating"}
    return {**changed, "operation": operation, "status": {**status, "operationState": ended}}


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


def update_object(
    kube: Kube,
    ref: Ref,
    edit: Callable[[KubeObject], KubeObject],
    *,
    uid: str = "",
    going: bool = False,
) -> None:
    """Read, edit and replace an object; try again if a controller changed it in between.

    With `uid`, another object that has the name by now is left alone. An object that is being
    deleted is edited only with `going`.
    """
    for _ in range(_ROUNDS):
        found = read_object(kube, ref)
        if found is None or (found["metadata"].get("deletionTimestamp") and not going):
            return
        if uid and found["metadata"]["uid"] != uid:
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
            lambda kube, found, ref: update_object(
                kube, ref, _add_finalizer, uid=found["metadata"]["uid"]
            ),
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

"""Removal of cluster objects: check the owner, delete by UID, then wait.

An object that somebody else created or changed is not deleted, and the status says why. An object
that is still terminating has a finalizer, which only its owner's program removes. If the wait for
the deletion times out, the message names the finalizer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Owner, Step, StepStatus
from wizard.errors import ConflictError, Fix, WizardError
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import (
    Consent,
    Judge,
    kubectl_delete,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

REMOVAL_SECONDS = 60.0
WAIT_FOR_SECRET_REMOVAL = 180.0
_ROUNDS = 10
NO_CONTEXT = "no kubeconfig context names this cluster"
_ORDER = ("blocked", "wanted", "unknown", "kept", "holds")


def list_finalizers(found: KubeObject) -> list[str]:
    """Return the finalizers of an object, safe to print."""
    return [escape_unprintable(str(one)) for one in found["metadata"].get("finalizers") or []]


def explain_deletion(found: KubeObject, ref: Ref) -> tuple[str, Fix]:
    """Return why a terminating object still exists, and the fix."""
    names = list_finalizers(found)
    if not names:
        fix = Fix("wait: the API server deletes it after its dependents")
        return f"{ref} is being deleted", fix
    what = f"{ref} is being deleted and waits for the finalizer {', '.join(names)}"
    for mark, owner, is_forced in _HOLDERS:
        held = [name for name in names if mark in name]
        if held:
            return what, Fix(f"{owner}; {_force(found, ref, held)}" if is_forced else owner)
    owner = "find the finalizer's owner, and check that its program runs"
    return what, Fix(f"{owner}; {_force(found, ref, names)}")


def _force(found: KubeObject, ref: Ref, names: Sequence[str]) -> str:
    command = finalizer_command(found, ref, names)
    return f"only if it was uninstalled, remove the finalizer: {command}"


def finalizer_command(found: KubeObject, ref: Ref, names: Sequence[str]) -> str:
    """Return the kubectl command that removes these finalizers from an object."""
    kept = [name for name in list_finalizers(found) if name not in names]
    place = f" -n {ref.namespace}" if ref.namespace else ""
    body = json.dumps({"metadata": {"finalizers": kept}}, separators=(",", ":"))
    return f"kubectl{place} patch {ref.kind.lower()} {ref.name} --type merge -p {quote(body)}"


# Part of the finalizer's name, its owner, and whether it may be removed by hand.
_HOLDERS = (
    (
        "externalsecrets.external-secrets.io",
        "check that External Secrets runs, which removes it (kubectl get pods -A -l "
        "app.kubernetes.io/name=external-secrets)",
        True,
    ),
    (
        "argocd.argoproj.io/hook-finalizer",
        "Argo CD removes it only while it ends the sync that the hook belongs to; see step "
        "destroy.hooks",
        True,
    ),
    (
        "argocd.argoproj.io",
        "check that Argo CD's application controller runs, which removes it after the delivered "
        "objects, and see the Application's conditions (kubectl describe)",
        True,
    ),
    (
        "kubernetes.io/pvc-protection",
        "find the pod that uses the volume: kubectl describe pvc shows it under Used By",
        False,
    ),
)


@dataclass(frozen=True, slots=True)
class Removal:
    """The deletion of the objects that `find` returns, in that order.

    `judge` returns why an object must not be deleted. `prepare` changes an object before its
    deletion. `before` runs before all deletions and may raise. `why` explains why a terminating
    object still exists. `consent` is the operator's yes to objects with unknown owners.
    """

    kube: Kube
    find: Callable[[], Sequence[Ref]]
    judge: Judge
    prepare: Callable[[Kube, KubeObject, Ref], None] | None = None
    why: Callable[[KubeObject, Ref], tuple[str, Fix]] = explain_deletion
    none: str = "no object of it exists"
    before: Callable[[], object] = field(default=lambda: None)
    consent: Consent = field(default_factory=Consent)

    def look(self) -> StepStatus:
        """Check that all objects are deleted."""
        try:
            refs = self.find()
            looks = [self._look(ref) for ref in refs]
        except KubeError as error:
            return _unreadable_status(error)
        return merge_statuses(self.consent.settle(looks), self.none)

    def _judge(self, found: KubeObject, ref: Ref) -> StepStatus | None:
        """Return why an object must not be deleted, if the operator's yes does not cover it."""
        refusal = self.judge(found, ref)
        return None if refusal is not None and self.consent.covers(refusal) else refusal

    def _look(self, ref: Ref) -> StepStatus:
        try:
            found = read_object(self.kube, ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus(
                "unknown",
                f"no permission to read {ref}",
                Fix(f"ask its owner to run: {kubectl_delete([ref])}"),
            )
        if found is None:
            return StepStatus("holds", f"{ref} does not exist")
        if found["metadata"].get("deletionTimestamp"):
            return StepStatus("wanted", *self.why(found, ref))
        return self.judge(found, ref) or StepStatus("wanted", f"{ref} exists")

    def change(self) -> str:
        """Delete the objects that are ours, each only as it was judged."""
        self.before()
        done = []
        for ref in self.find():
            try:
                if self._delete(ref):
                    done.append(str(ref))
            except KubeError as error:
                if error.kind == "forbidden":
                    fix = f"ask its owner to run: {kubectl_delete([ref])}; then run this again"
                    raise WizardError(error.message, fix) from None
                raise explain_error(error) from None
        return f"deleted {', '.join(done)}" if done else "nothing to do"

    def _delete(self, ref: Ref) -> bool:
        """Delete an object in the version that was judged; judge it again if it has changed."""
        for _ in range(_ROUNDS):
            found = self._read_deletable(ref)
            if found is None:
                return False
            if self.prepare is not None:
                self.prepare(self.kube, found, ref)
                prepared = self._read_deletable(ref)
                if prepared is None:
                    return False
                found = prepared
            about = found["metadata"]
            try:
                return self.kube.delete(
                    ref, uid=str(about["uid"]), version=str(about["resourceVersion"])
                )
            except KubeConflictError as error:
                if error.reason != "Conflict":
                    raise
        raise ConflictError(f"{ref} is being changed by somebody else", "run it again")

    def _read_deletable(self, ref: Ref) -> KubeObject | None:
        """Return the object; None if it is gone, is being deleted, or must not be deleted."""
        found = read_object(self.kube, ref)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        return None if self._judge(found, ref) is not None else found

    def dry_run_change(self) -> str:
        """Send the deletions as a dry run."""
        tried = []
        for ref in self.find():
            found = self._read_deletable(ref)
            if found is not None:
                self.kube.delete(ref, uid=str(found["metadata"]["uid"]), dry_run=True)
                tried.append(str(ref))
        return f"the API server would delete {', '.join(tried)}" if tried else ""


def read_object(kube: Kube, ref: Ref, *, metadata: bool = False) -> KubeObject | None:
    """Return the object, or only its metadata; None also if the cluster does not serve its kind."""
    try:
        return kube.get(ref, metadata=metadata)
    except KubeError as error:
        if error.kind == "missing":
            return None
        raise


def merge_statuses(looks: Sequence[StepStatus], none: str) -> StepStatus:
    """Return one status for several objects: the first state of `_ORDER` that occurs."""
    for state in _ORDER:
        some = [one for one in looks if one.state == state]
        if some and state != "holds":
            return StepStatus(
                some[0].state,
                "; ".join(one.detail for one in some),
                Fix.join(one.fix for one in some),
                "\n".join(one.diff for one in some if one.diff),
            )
    return StepStatus("holds", none)


def _unreadable_status(error: KubeError) -> StepStatus:
    if error.kind != "forbidden":
        raise explain_error(error) from None
    return StepStatus("unknown", sanitize_message(error.message), error.fix)


def build_removal_step(
    id: str,  # noqa: A002
    title: str,
    owner: Owner,
    kube: Kube | None,
    removal: Callable[[Kube], Removal],
    *,
    left: str,
    agreed: Mapping[str, str],
    patience: float = REMOVAL_SECONDS,
    alone: bool = False,
    needs: tuple[str, ...] = (),
) -> Step:
    """Return the step that deletes the objects; `left` is the command for the owner.

    `agreed` holds the seals that the operator accepted, by step; see `Target`.
    """
    if kube is None:
        return Step(
            id, title, owner, "cluster", lambda: _leave_to_owner(left), independent=alone,
            needs=needs,
        )  # fmt: skip
    work = replace(removal(kube), consent=Consent(id, agreed.get(id, "")))
    return Step(
        id,
        title,
        owner,
        kube.identity,
        lambda: run_in_thread(work.look),
        lambda: run_in_thread(work.change),
        lambda: run_in_thread(work.dry_run_change),
        wait_seconds=patience,
        independent=alone,
        needs=needs,
    )


async def _leave_to_owner(command: str) -> StepStatus:
    return StepStatus("unknown", NO_CONTEXT, Fix(f"ask its owner to run: {command}"))


def build_cluster_step(
    id: str,  # noqa: A002
    title: str,
    kube: Kube | None,
    look: Callable[[Kube], StepStatus],
    change: Callable[[Kube], str] | None,
    *,
    left: str,
    patience: float = 0.0,
    alone: bool = False,
    repeats: bool = False,
) -> Step:
    """Return a step on a cluster from `look` and `change`; `left` is the command for the owner."""
    if kube is None:
        return Step(
            id, title, "platform", "cluster", lambda: _leave_to_owner(left), independent=alone
        )

    def check() -> StepStatus:
        try:
            return look(kube)
        except KubeError as error:
            raise explain_error(error) from None

    return Step(
        id,
        title,
        "platform",
        kube.identity,
        lambda: run_in_thread(check),
        (lambda: run_in_thread(lambda: change(kube))) if change else None,
        wait_seconds=patience,
        independent=alone,
        repeats=repeats,
    )

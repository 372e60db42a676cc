"""Objects of a cluster that are to be gone: recognised first, then removed by UID, then waited for.

An object that somebody else made or has changed is left, and said so. One that stays in deletion
is held by a finalizer, which only its owner's program takes off: a wait ends with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Owner, Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import Judge, check_label, kubectl_delete

if TYPE_CHECKING:
    pass

REMOVAL_SECONDS = 60.0
WAIT_FOR_SECRET_REMOVAL = 180.0
NO_CONTEXT = "no kubeconfig context names this cluster"
_ORDER = ("blocked", "wanted", "unknown", "kept", "holds")


def list_finalizers(found: KubeObject) -> list[str]:
    """What holds an object back from being gone."""
    return [escape_unprintable(str(one)) for one in found["metadata"].get("finalizers") or []]


def explain_deletion(found: KubeObject, ref: Ref) -> tuple[str, Fix]:
    """Why an object in deletion still stands, and what helps."""
    names = list_finalizers(found)
    if not names:
        return f"{ref} is being deleted", Fix("the API server removes it once what it owns is gone")
    what = f"{ref} is being deleted and held by the finalizer {', '.join(names)}"
    for mark, owner in _HOLDERS:
        if any(mark in name for name in names):
            return what, Fix(owner)
    return what, Fix(f"see whose finalizer that is, and whether that program runs; {_FORCE}")


_FORCE = "only if it is gone for good, take the finalizer off with `kubectl edit`"
_HOLDERS = (
    (
        "externalsecrets.external-secrets.io",
        "External Secrets takes it off: see whether it runs (kubectl get pods -A -l "
        f"app.kubernetes.io/name=external-secrets); {_FORCE}",
    ),
    (
        "argocd.argoproj.io",
        "Argo CD's application controller takes it off once all it delivered is gone: see whether "
        f"it runs, and the Application's conditions (kubectl describe); {_FORCE}",
    ),
    (
        "kubernetes.io/pvc-protection",
        "a pod still uses the volume: kubectl describe pvc names it under Used By",
    ),
)


@dataclass(frozen=True, slots=True)
class Removal:
    """Refs to be gone, in this order; `find` looks for them where they are not known by name.

    `judge` says what is left and why, `prepare` readies one for its deletion, `before` may
    still raise, `why` says what is known about one that does not go.
    """

    kube: Kube
    find: Callable[[], Sequence[Ref]]
    judge: Judge = check_label
    prepare: Callable[[Kube, KubeObject, Ref], None] | None = None
    why: Callable[[KubeObject, Ref], tuple[str, Fix]] = explain_deletion
    none: str = "nothing of it is there"
    before: Callable[[], object] = field(default=lambda: None)

    def look(self) -> StepStatus:
        """Whether all of them are gone."""
        try:
            refs = self.find()
            looks = [self._look(ref) for ref in refs]
        except KubeError as error:
            return _unreadable_status(error)
        return merge_statuses(looks, self.none)

    def _look(self, ref: Ref) -> StepStatus:
        try:
            found = read_object(self.kube, ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus(
                "unknown", f"{ref} may not be read", Fix(f"they run: {kubectl_delete([ref])}")
            )
        if found is None:
            return StepStatus("holds", f"{ref} is gone")
        if found["metadata"].get("deletionTimestamp"):
            return StepStatus("wanted", *self.why(found, ref))
        return self.judge(found, ref) or StepStatus("wanted", f"{ref} stands")

    def change(self) -> str:
        """Remove those that stand and are ours, each by its UID."""
        self.before()
        done = []
        for ref in self.find():
            found = read_object(self.kube, ref)
            if found is None or found["metadata"].get("deletionTimestamp"):
                continue
            if self.judge(found, ref) is not None:
                continue
            try:
                if self.prepare is not None:
                    self.prepare(self.kube, found, ref)
                self.kube.delete(ref, uid=str(found["metadata"]["uid"]))
            except KubeError as error:
                raise explain_error(error) from None
            done.append(str(ref))
        return f"removed {', '.join(done)}" if done else "nothing was left to do"

    def dry_run_change(self) -> str:
        """Try the deletions without keeping them."""
        tried = []
        for ref in self.find():
            found = read_object(self.kube, ref)
            if found and not self.judge(found, ref):
                uid = str(found["metadata"]["uid"])
                self.kube.delete(ref, uid=uid, dry_run=True)
                tried.append(str(ref))
        return f"the API server would remove {', '.join(tried)}" if tried else ""


def read_object(kube: Kube, ref: Ref) -> KubeObject | None:
    """The object; None too where its kind is not served any more."""
    try:
        return kube.get(ref)
    except KubeError as error:
        if error.kind == "missing":
            return None
        raise


def merge_statuses(looks: Sequence[StepStatus], none: str) -> StepStatus:
    """One look for several objects: the first of these states that any is in."""
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
    patience: float = REMOVAL_SECONDS,
    alone: bool = False,
) -> Step:
    """The change after which none of them is there; `left` is the command of whoever may."""
    if kube is None:
        return Step(id, title, owner, "cluster", lambda: _leave_to_owner(left), independent=alone)
    work = removal(kube)
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
    )


async def _leave_to_owner(command: str) -> StepStatus:
    return StepStatus("unknown", NO_CONTEXT, Fix(f"its owner runs: {command}"))


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
) -> Step:
    """An action of a cluster that finds out and works by itself."""
    if kube is None:
        return Step(
            id, title, "platform", "cluster", lambda: _leave_to_owner(left), independent=alone
        )

    def looked() -> StepStatus:
        try:
            return look(kube)
        except KubeError as error:
            raise explain_error(error) from None

    return Step(
        id,
        title,
        "platform",
        kube.identity,
        lambda: run_in_thread(looked),
        (lambda: run_in_thread(lambda: change(kube))) if change else None,
        wait_seconds=patience,
        independent=alone,
    )

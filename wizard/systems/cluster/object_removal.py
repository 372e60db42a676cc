"""Objects of a cluster that are to be gone: recognised first, then removed by UID, then waited for.

An object that somebody else made or has changed is left, and said so. One that stays in deletion
is held by a finalizer, which only its owner's program takes off: a wait ends with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref
from wizard.engine.actions import Action, Look, Owner
from wizard.engine.probes import in_thread
from wizard.formats.terminal import visible
from wizard.systems.cluster.diagnosis import said
from wizard.systems.cluster.objects import explained
from wizard.systems.cluster.ownership import Judge, kubectl_delete, labelled

if TYPE_CHECKING:
    pass

SECONDS = 60.0
NOWHERE = "no kubeconfig context names this cluster"
_ORDER = ("blocked", "wanted", "unknown", "kept", "holds")


def finalizers(found: Manifest) -> list[str]:
    """What holds an object back from being gone."""
    return [visible(str(one)) for one in found["metadata"].get("finalizers") or []]


def held(found: Manifest, ref: Ref) -> tuple[str, str]:
    """Why an object in deletion still stands, and what helps."""
    names = finalizers(found)
    if not names:
        return f"{ref} is being deleted", "the API server removes it once what it owns is gone"
    what = f"{ref} is being deleted and held by the finalizer {', '.join(names)}"
    for mark, owner in _HOLDERS:
        if any(mark in name for name in names):
            return what, owner
    return what, f"see whose finalizer that is, and whether that program runs; {_FORCE}"


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
    judge: Judge = labelled
    prepare: Callable[[Kube, Manifest, Ref], None] | None = None
    why: Callable[[Manifest, Ref], tuple[str, str]] = held
    none: str = "nothing of it is there"
    before: Callable[[], object] = field(default=lambda: None)

    def look(self) -> Look:
        """Whether all of them are gone."""
        try:
            refs = self.find()
            looks = [self._look(ref) for ref in refs]
        except KubeError as error:
            return _unseen(error)
        return together(looks, self.none)

    def _look(self, ref: Ref) -> Look:
        try:
            found = standing(self.kube, ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return Look("unknown", f"{ref} may not be read", f"they run: {kubectl_delete([ref])}")
        if found is None:
            return Look("holds", f"{ref} is gone")
        if found["metadata"].get("deletionTimestamp"):
            return Look("wanted", *self.why(found, ref))
        return self.judge(found, ref) or Look("wanted", f"{ref} stands")

    def change(self) -> str:
        """Remove those that stand and are ours, each by its UID."""
        self.before()
        done = []
        for ref in self.find():
            found = standing(self.kube, ref)
            if found is None or found["metadata"].get("deletionTimestamp"):
                continue
            if self.judge(found, ref) is not None:
                continue
            try:
                if self.prepare is not None:
                    self.prepare(self.kube, found, ref)
                self.kube.delete(ref, uid=str(found["metadata"]["uid"]))
            except KubeError as error:
                raise explained(error) from None
            done.append(str(ref))
        return f"removed {', '.join(done)}" if done else "nothing was left to do"

    def rehearse(self) -> str:
        """Try the deletions without keeping them."""
        tried = []
        for ref in self.find():
            found = standing(self.kube, ref)
            if found and not self.judge(found, ref):
                uid = str(found["metadata"]["uid"])
                self.kube.delete(ref, uid=uid, dry_run=True)
                tried.append(str(ref))
        return f"the API server would remove {', '.join(tried)}" if tried else ""


def standing(kube: Kube, ref: Ref) -> Manifest | None:
    """The object; None too where its kind is not served any more."""
    try:
        return kube.get(ref)
    except KubeError as error:
        if error.kind == "missing":
            return None
        raise


def together(looks: Sequence[Look], none: str) -> Look:
    """One look for several objects: the first of these states that any is in."""
    for state in _ORDER:
        some = [one for one in looks if one.state == state]
        if some and state != "holds":
            return Look(
                some[0].state,
                "; ".join(one.detail for one in some),
                "; ".join(dict.fromkeys(one.fix for one in some if one.fix)),
                "\n".join(one.diff for one in some if one.diff),
            )
    return Look("holds", none)


def _unseen(error: KubeError) -> Look:
    if error.kind != "forbidden":
        raise explained(error) from None
    return Look("unknown", said(error.message), error.hint)


def removal_action(
    id: str,  # noqa: A002
    title: str,
    owner: Owner,
    kube: Kube | None,
    removal: Callable[[Kube], Removal],
    *,
    left: str,
    patience: float = SECONDS,
    alone: bool = False,
) -> Action:
    """The change after which none of them is there; `left` is the command of whoever may."""
    if kube is None:
        return Action(id, title, owner, "cluster", lambda: _left(left), alone=alone)
    work = removal(kube)
    return Action(
        id,
        title,
        owner,
        kube.identity,
        lambda: in_thread(work.look),
        lambda: in_thread(work.change),
        lambda: in_thread(work.rehearse),
        patience=patience,
        alone=alone,
    )


async def _left(command: str) -> Look:
    return Look("unknown", NOWHERE, f"its owner runs: {command}")


def looked_action(
    id: str,  # noqa: A002
    title: str,
    kube: Kube | None,
    look: Callable[[Kube], Look],
    change: Callable[[Kube], str] | None,
    *,
    left: str,
    patience: float = 0.0,
    alone: bool = False,
) -> Action:
    """An action of a cluster that finds out and works by itself."""
    if kube is None:
        return Action(id, title, "platform", "cluster", lambda: _left(left), alone=alone)

    def looked() -> Look:
        try:
            return look(kube)
        except KubeError as error:
            raise explained(error) from None

    return Action(
        id,
        title,
        "platform",
        kube.identity,
        lambda: in_thread(looked),
        (lambda: in_thread(lambda: change(kube))) if change else None,
        patience=patience,
        alone=alone,
    )

"""Committed manifests, applied server-side under our own field manager.

What stands is compared with what a dry-run of the apply would make of it, so defaults, other
writers and fields that fell away all count as the API server counts them, and nothing is sent
where nothing would change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import FieldsOwnedError, KubeError
from wizard.clients.kube.protocol import MANAGER, Kube, Manifest, Ref
from wizard.engine.actions import Action, Look, Owner
from wizard.engine.probes import in_thread
from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.formats.terminal import visible
from wizard.manifests.ownership import another
from wizard.systems.cluster.diagnosis import REFUSALS, diagnose
from wizard.systems.cluster.object_diff import difference, over, part, within

if TYPE_CHECKING:
    from wizard.systems.target import Target

MANAGED_BY = "app.kubernetes.io/managed-by"
# Whoever writes status in between changes the version; then one looks again.
_ROUNDS = 3
# The question that names an object, where one does and nothing else.
_NAMED_BY = {"AppProject": "delivery.argocd.project", "Namespace": "installation.namespace"}
_NOWHERE = "no kubeconfig context names this cluster"


@dataclass(frozen=True, slots=True)
class Source:
    """A committed manifest: its file and text, the kinds it may be, and its namespace."""

    path: str
    text: str
    kinds: tuple[str, ...]
    namespace: str = ""

    def manifest(self) -> Manifest:
        """The object; RefusedError when an edit made it something that is not applied here."""
        from wizard.formats.yaml_reader import read_mapping

        found = read_mapping(self.text, self.path)
        about = found.get("metadata")
        named = isinstance(about, Mapping) and about.get("name")
        if found.get("kind") not in self.kinds or not found.get("apiVersion") or not named:
            raise RefusedError(
                f"{self.path} holds no {' or '.join(self.kinds)}",
                "restore the file as it was committed first, then commit",
            )
        if (found["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER:
            raise RefusedError(
                f"{self.path} lacks the label {MANAGED_BY}: {MANAGER}",
                "restore it, then commit: without it the object would not be known again as ours",
            )
        if (found["metadata"].get("namespace") or "") != self.namespace:
            raise RefusedError(
                f"{self.path} is not for {self.namespace or 'the cluster as a whole'}",
                "restore metadata.namespace, then commit",
            )
        return found


@dataclass(frozen=True, slots=True)
class _Compared:
    """A manifest beside what stands; `exists` says whether anything does."""

    source: Source
    manifest: Manifest
    look: Look
    exists: bool = False

    @property
    def name(self) -> str:
        return str(Ref.of(self.manifest))


def manifests_action(
    target: Target,
    id: str,  # noqa: A002
    title: str,
    owner: Owner,
    kube: Kube | None,
    sources: Sequence[Source],
    *,
    needs: str = "",
) -> Action:
    """The change that makes the cluster hold these manifests, in their order.

    `needs` says what to install where the cluster does not know a kind. With exactly the seal that
    the target has agreed to for this action, objects and fields of others are taken over.
    """
    if kube is None:
        return Action(id, title, owner, "cluster", lambda: _left(sources))
    agreed = target.agreed.get(id, "")
    work = _Work(kube, tuple(sources), needs, id, agreed, target.release.source)
    return Action(
        id,
        title,
        owner,
        kube.identity,
        lambda: in_thread(lambda: work.looked()[1]),
        lambda: in_thread(work.change),
        lambda: in_thread(work.rehearse),
    )


async def _left(sources: Sequence[Source]) -> Look:
    apply = "; ".join(f"kubectl apply -f {source.path}" for source in sources)
    return Look("unknown", _NOWHERE, f"its owner runs: {apply}")


@dataclass(frozen=True, slots=True)
class _Work:
    kube: Kube
    sources: tuple[Source, ...]
    needs: str
    id: str
    agreed: str
    own: str

    def looked(self) -> tuple[list[_Compared], Look]:
        """Each object, and one look for all; blocked ones are wanted once their diff is agreed."""
        found = [_compared(self.kube, one, self.needs, self.own) for one in self.sources]
        look = _together(found)
        if look.state != "blocked":
            return found, look
        seal = _seal(look.diff)
        if self.agreed == seal:
            return found, Look("wanted", f"{look.detail}; taken over as agreed", diff=look.diff)
        over = (
            f"or take over what the diff shows: airflow-wizard apply --take-over {self.id}@{seal}"
        )
        return found, Look("blocked", look.detail, f"{look.fix}; {over}", look.diff)

    def change(self) -> str:
        found, look = self.looked()
        if look.state == "blocked":
            raise ConflictError(look.detail, look.fix)
        done = []
        for one in found:
            if one.look.state in {"wanted", "blocked"}:
                _sent(self.kube, one, self.needs, take=one.look.state == "blocked")
                done.append(f"{_DONE[one.look.state] if one.exists else 'created'} {one.name}")
        return ", ".join(done) or "nothing was left to do"

    def rehearse(self) -> str:
        found, _ = self.looked()
        wanted = [one.name for one in found if one.look.state in {"wanted", "blocked"}]
        return f"the API server would accept {', '.join(wanted)}" if wanted else ""


_DONE = {"wanted": "changed", "blocked": "took over"}


def _seal(diff: str) -> str:
    """What names exactly this diff in a yes to it."""
    return hashlib.sha256(diff.encode()).hexdigest()[:12]


def _together(found: Sequence[_Compared]) -> Look:
    """One look for all: the worst state, told for those that are in it."""
    for state in ("blocked", "wanted", "unknown", "holds"):
        some = [one.look for one in found if one.look.state == state]
        if some:
            return Look(
                some[0].state,
                "; ".join(look.detail for look in some),
                "; ".join(dict.fromkeys(look.fix for look in some if look.fix)),
                "\n".join(look.diff for look in some if look.diff),
            )
    return Look("holds", "nothing is committed for this")


def _compared(kube: Kube, source: Source, needs: str, own: str) -> _Compared:
    manifest = source.manifest()
    ref = Ref.of(manifest)
    left = f"its owner runs: kubectl apply -f {source.path}"
    try:
        standing = kube.get(ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise explained(error, needs) from None
        return _Compared(source, manifest, Look("unknown", f"{ref} may not be read", left))
    try:
        standing, wanted = _rehearsed(kube, ref, manifest, standing)
    except KubeError as error:
        refused = diagnose([error.message], REFUSALS)
        if error.kind != "forbidden" or refused:
            raise explained(error, needs) from None
        return _Compared(source, manifest, _read_only(ref, standing, manifest, left))
    look = _judged(kube, manifest, standing, wanted, own)
    return _Compared(source, manifest, look, standing is not None)


def _rehearsed(
    kube: Kube, ref: Ref, manifest: Manifest, standing: Manifest | None
) -> tuple[Manifest | None, Manifest]:
    """What stands, and what an apply would make of exactly that."""
    wanted: Manifest = {}
    for _ in range(_ROUNDS):
        # Forced only in rehearsal: it shows all that would change, conflicts included.
        wanted = kube.apply(manifest, dry_run=True, force=standing is not None)
        if standing is None or _version(standing) == _version(wanted):
            break
        standing = kube.get(ref)
    return standing, wanted


def _version(found: Manifest) -> object:
    return found["metadata"].get("resourceVersion")


def _read_only(ref: Ref, standing: Manifest | None, manifest: Manifest, left: str) -> Look:
    if standing is None:
        return Look("unknown", f"{ref} is not there, and may not be made by this login", left)
    if within(manifest, standing):
        return Look("holds", f"{ref} is as committed")
    diff = difference(standing, over(standing, manifest), ref)
    return Look("unknown", f"{ref} is not as committed, and not this login's", left, diff)


def _judged(
    kube: Kube, manifest: Manifest, standing: Manifest | None, wanted: Manifest, own: str
) -> Look:
    ref = Ref.of(manifest)
    if standing is None:
        return Look("wanted", f"{ref} is not there yet")
    if part(standing) == part(wanted):
        return Look("holds", f"{ref} is as committed")
    diff = difference(standing, wanted, ref)
    if (standing["metadata"].get("labels") or {}).get(MANAGED_BY) != MANAGER:
        not_ours = f"{ref} stands already and is not this wizard's"
        return Look("blocked", not_ours, _rename(ref), diff)
    other = another(standing, own)
    if other:
        theirs = f"{ref} stands already and belongs to {visible(other)}"
        return Look("blocked", theirs, _rename(ref), diff)
    try:
        kube.apply(manifest, dry_run=True)
    except FieldsOwnedError as error:
        others = ", ".join(f"{one.field} ({visible(one.manager)})" for one in error.owned)
        owned = f"{ref}: others own what would change: {others}"
        return Look("blocked", owned, "keep theirs and change the answers", diff)
    return Look("wanted", f"{ref} is not as committed", diff=diff)


def _rename(ref: Ref) -> str:
    key = _NAMED_BY.get(ref.kind)
    return f"rename ours in the answers ({key})" if key else "rename ours in the answers"


def _sent(kube: Kube, one: _Compared, needs: str, *, take: bool) -> None:
    try:
        kube.apply(one.manifest, force=take)
    except KubeError as error:
        raise explained(error, needs, one.source.path) from None


def explained(error: KubeError, needs: str = "", path: str = "") -> WizardError:
    """The error with its cause and what helps, where that is known; else the error itself."""
    refused = diagnose([error.message], REFUSALS)
    if refused:
        return WizardError(refused.cause, refused.fix)
    if error.kind == "missing" and error.status == 404:
        return WizardError(
            error.message, "create the namespace, or name the right one in the answers"
        )
    if error.kind == "missing" and needs:
        return WizardError(error.message, needs)
    if error.kind == "forbidden" and path:
        return WizardError(error.message, f"let its owner run: kubectl apply -f {path}")
    return error

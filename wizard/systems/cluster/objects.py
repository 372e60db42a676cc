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
from wizard.clients.kube.protocol import FIELD_MANAGER, Kube, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import ConflictError, Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.contribution import StepSpec
from wizard.manifests.ownership import describe_other_owner
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, diagnose
from wizard.systems.cluster.object_diff import (
    diff_manifests,
    is_contained,
    merge_manifest,
    strip_volatile,
)

if TYPE_CHECKING:
    from wizard.systems.target import Target

MANAGED_BY = "app.kubernetes.io/managed-by"
# Whoever writes status in between changes the version; then one looks again.
_ROUNDS = 3
# The question that names an object, where one does and nothing else.
_NAMED_BY = {"AppProject": "delivery.argocd.project", "Namespace": "installation.namespace"}
_NO_CONTEXT = "no kubeconfig context names this cluster"


@dataclass(frozen=True, slots=True)
class CommittedManifest:
    """A committed manifest: its file and text, the kinds it may be, and its namespace."""

    path: str
    text: str
    kinds: tuple[str, ...]
    namespace: str = ""

    def manifest(self) -> KubeObject:
        """The object; RefusedError when an edit made it something that is not applied here."""
        found = read_mapping(self.text, self.path)
        about = found.get("metadata")
        named = isinstance(about, Mapping) and about.get("name")
        if found.get("kind") not in self.kinds or not found.get("apiVersion") or not named:
            raise RefusedError(
                f"{self.path} holds no {' or '.join(self.kinds)}",
                "restore the file as it was committed first, then commit",
            )
        if (found["metadata"].get("labels") or {}).get(MANAGED_BY) != FIELD_MANAGER:
            raise RefusedError(
                f"{self.path} lacks the label {MANAGED_BY}: {FIELD_MANAGER}",
                "restore it, then commit: without it the object would not be known again as ours",
            )
        if (found["metadata"].get("namespace") or "") != self.namespace:
            raise RefusedError(
                f"{self.path} is not for {self.namespace or 'the cluster as a whole'}",
                "restore metadata.namespace, then commit",
            )
        return found


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A manifest beside what stands; `exists` says whether anything does."""

    source: CommittedManifest
    manifest: KubeObject
    look: StepStatus
    exists: bool = False

    @property
    def name(self) -> str:
        return str(Ref.from_manifest(self.manifest))


def build_manifests_step(
    target: Target,
    spec: StepSpec,
    kube: Kube | None,
    sources: Sequence[CommittedManifest],
    *,
    needs: str = "",
) -> Step:
    """The change that makes the cluster hold these manifests, in their order.

    `needs` says what to install where the cluster does not know a kind. With exactly the seal that
    the target has agreed to for this action, objects and fields of others are taken over.
    """
    if kube is None:
        return declared_step(spec, "cluster", lambda: _leave_to_owner(sources))
    agreed = target.agreed.get(spec.id, "")
    work = _ManifestsStep(kube, tuple(sources), needs, spec.id, agreed, target.release.owner_id)
    return declared_step(
        spec,
        kube.identity,
        lambda: run_in_thread(lambda: work.compare()[1]),
        lambda: run_in_thread(work.change),
        lambda: run_in_thread(work.dry_run_change),
    )


async def _leave_to_owner(sources: Sequence[CommittedManifest]) -> StepStatus:
    apply = "; ".join(f"kubectl apply -f {source.path}" for source in sources)
    return StepStatus("unknown", _NO_CONTEXT, Fix(f"its owner runs: {apply}"))


@dataclass(frozen=True, slots=True)
class _ManifestsStep:
    kube: Kube
    sources: tuple[CommittedManifest, ...]
    needs: str
    id: str
    agreed: str
    own: str

    def compare(self) -> tuple[list[_Comparison], StepStatus]:
        """Each object, and one look for all; blocked ones are wanted once their diff is agreed."""
        found = [_compare_manifest(self.kube, one, self.needs, self.own) for one in self.sources]
        look = _merge_statuses(found)
        if look.state != "blocked":
            return found, look
        seal = _hash_diff(look.diff)
        if self.agreed == seal:
            return found, StepStatus(
                "wanted", f"{look.detail}; taken over as agreed", diff=look.diff
            )
        over = (
            f"or take over what the diff shows: airflow-wizard apply --take-over {self.id}@{seal}"
        )
        return found, StepStatus(
            "blocked", look.detail, Fix(f"{look.fix}; {over}", look.fix.question), look.diff
        )

    def change(self) -> str:
        found, look = self.compare()
        if look.state == "blocked":
            raise ConflictError(look.detail, look.fix)
        done = []
        for one in found:
            if one.look.state in {"wanted", "blocked"}:
                _apply_manifest(self.kube, one, self.needs, take=one.look.state == "blocked")
                done.append(f"{_DONE[one.look.state] if one.exists else 'created'} {one.name}")
        return ", ".join(done) or "nothing was left to do"

    def dry_run_change(self) -> str:
        found, _ = self.compare()
        wanted = [one.name for one in found if one.look.state in {"wanted", "blocked"}]
        return f"the API server would accept {', '.join(wanted)}" if wanted else ""


_DONE = {"wanted": "changed", "blocked": "took over"}


def _hash_diff(diff: str) -> str:
    """What names exactly this diff in a yes to it."""
    return hashlib.sha256(diff.encode()).hexdigest()[:12]


def _merge_statuses(found: Sequence[_Comparison]) -> StepStatus:
    """One look for all: the worst state, told for those that are in it."""
    for state in ("blocked", "wanted", "unknown", "holds"):
        some = [one.look for one in found if one.look.state == state]
        if some:
            return StepStatus(
                some[0].state,
                "; ".join(look.detail for look in some),
                Fix.join(look.fix for look in some),
                "\n".join(look.diff for look in some if look.diff),
            )
    return StepStatus("holds", "nothing is committed for this")


def _compare_manifest(kube: Kube, source: CommittedManifest, needs: str, own: str) -> _Comparison:
    manifest = source.manifest()
    ref = Ref.from_manifest(manifest)
    left = Fix(f"its owner runs: kubectl apply -f {source.path}")
    try:
        standing = kube.get(ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error, needs) from None
        return _Comparison(source, manifest, StepStatus("unknown", f"{ref} may not be read", left))
    try:
        standing, wanted = _dry_run_manifest(kube, ref, manifest, standing)
    except KubeError as error:
        refused = diagnose([error.message], REFUSAL_RULES)
        if error.kind != "forbidden" or refused:
            raise explain_error(error, needs) from None
        return _Comparison(source, manifest, _compare_locally(ref, standing, manifest, left))
    look = _check_manifest(kube, manifest, standing, wanted, own)
    return _Comparison(source, manifest, look, standing is not None)


def _dry_run_manifest(
    kube: Kube, ref: Ref, manifest: KubeObject, standing: KubeObject | None
) -> tuple[KubeObject | None, KubeObject]:
    """What stands, and what an apply would make of exactly that."""
    wanted: KubeObject = {}
    for _ in range(_ROUNDS):
        # Forced only in rehearsal: it shows all that would change, conflicts included.
        wanted = kube.apply(manifest, dry_run=True, force=standing is not None)
        if standing is None or _version(standing) == _version(wanted):
            break
        standing = kube.get(ref)
    return standing, wanted


def _version(found: KubeObject) -> object:
    return found["metadata"].get("resourceVersion")


def _compare_locally(
    ref: Ref, standing: KubeObject | None, manifest: KubeObject, left: Fix
) -> StepStatus:
    if standing is None:
        return StepStatus("unknown", f"{ref} is not there, and may not be made by this login", left)
    if is_contained(manifest, standing):
        return StepStatus("holds", f"{ref} is as committed")
    diff = diff_manifests(standing, merge_manifest(standing, manifest), ref)
    return StepStatus("unknown", f"{ref} is not as committed, and not this login's", left, diff)


def _check_manifest(
    kube: Kube, manifest: KubeObject, standing: KubeObject | None, wanted: KubeObject, own: str
) -> StepStatus:
    ref = Ref.from_manifest(manifest)
    if standing is None:
        return StepStatus("wanted", f"{ref} is not there yet")
    if strip_volatile(standing) == strip_volatile(wanted):
        return StepStatus("holds", f"{ref} is as committed")
    diff = diff_manifests(standing, wanted, ref)
    if (standing["metadata"].get("labels") or {}).get(MANAGED_BY) != FIELD_MANAGER:
        not_ours = f"{ref} stands already and is not this wizard's"
        return StepStatus("blocked", not_ours, _rename_hint(ref), diff)
    other = describe_other_owner(standing, own)
    if other:
        theirs = f"{ref} stands already and belongs to {escape_unprintable(other)}"
        return StepStatus("blocked", theirs, _rename_hint(ref), diff)
    try:
        kube.apply(manifest, dry_run=True)
    except FieldsOwnedError as error:
        others = ", ".join(
            f"{one.field} ({escape_unprintable(one.manager)})" for one in error.owned
        )
        owned = f"{ref}: others own what would change: {others}"
        return StepStatus("blocked", owned, Fix("keep theirs and change the answers"), diff)
    return StepStatus("wanted", f"{ref} is not as committed", diff=diff)


def _rename_hint(ref: Ref) -> Fix:
    key = _NAMED_BY.get(ref.kind, "")
    return Fix("rename ours in the answers" + (f" ({key})" if key else ""), key)


def _apply_manifest(kube: Kube, one: _Comparison, needs: str, *, take: bool) -> None:
    try:
        kube.apply(one.manifest, force=take)
    except KubeError as error:
        raise explain_error(error, needs, one.source.path) from None


def explain_error(error: KubeError, needs: str = "", path: str = "") -> WizardError:
    """The error with its cause and what helps, where that is known; else the error itself."""
    refused = diagnose([error.message], REFUSAL_RULES)
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

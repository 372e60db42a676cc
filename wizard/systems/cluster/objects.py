"""Apply committed manifests server-side under the field manager of this repository's source.

The existing object is compared with the result of a server-side dry run, so the API server decides
about defaults, other writers and removed fields. Nothing is sent if nothing would change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import FieldsOwnedError, KubeError, UnservedVersionError
from wizard.clients.kube.protocol import FIELD_MANAGER, Kube, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step, seal_text
from wizard.errors import ConflictError, Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.contribution import StepSpec
from wizard.manifests.ownership import apply_command, source_manager
from wizard.systems.cluster.client_side_apply import is_applied_from_commit
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, diagnose
from wizard.systems.cluster.field_managers import (
    IsApplied,
    choose_manager,
    list_earlier_names,
    rename_earlier_entry,
)
from wizard.systems.cluster.object_diff import (
    diff_manifests,
    is_contained,
    merge_manifest,
    strip_volatile,
)
from wizard.systems.cluster.source import MANAGED_BY, has_label, judge_object

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.systems.target import Target

# A status update between read and dry run changes resourceVersion; then the read is repeated.
_ROUNDS = 3
# Kinds whose object the user can rename, and the question that sets only its name.
_NAMED_BY = {"AppProject": "delivery.argocd.project", "Namespace": "installation.namespace"}
_NO_CONTEXT = "no kubeconfig context names this cluster"


@dataclass(frozen=True, slots=True)
class CommittedManifest:
    """A committed manifest: file, text, allowed kinds, and namespace."""

    path: str
    text: str
    kinds: tuple[str, ...]
    namespace: str = ""

    def manifest(self) -> KubeObject:
        """Return the object; raise RefusedError if an edit changed kind, label or namespace."""
        found = read_mapping(self.text, self.path)
        about = found.get("metadata")
        named = isinstance(about, Mapping) and about.get("name")
        if found.get("kind") not in self.kinds or not found.get("apiVersion") or not named:
            raise RefusedError(
                f"{self.path} does not contain {' or '.join(self.kinds)}",
                "restore the first committed version of the file, then commit",
            )
        if (found["metadata"].get("labels") or {}).get(MANAGED_BY) != FIELD_MANAGER:
            raise RefusedError(
                f"{self.path} is missing the label {MANAGED_BY}: {FIELD_MANAGER}",
                "restore the label, then commit: the wizard recognises its objects by it",
            )
        if (found["metadata"].get("namespace") or "") != self.namespace:
            raise RefusedError(
                f"{self.path} is not for {self.namespace or 'the whole cluster'}",
                "restore metadata.namespace, then commit",
            )
        return found


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A manifest compared with the existing object; `exists` tells whether there is one.

    `is_foreign`: the object names another source, so no consent takes it over. `is_applied` judges
    what a client-side `kubectl apply` made.
    """

    source: CommittedManifest
    manifest: KubeObject
    look: StepStatus
    is_applied: IsApplied
    exists: bool = False
    is_foreign: bool = False
    has_two_managers: bool = False

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
    """Return the step that applies these manifests in order.

    `needs` is the fix if the cluster does not serve a kind. Objects and fields of other owners are
    taken over only if `target.agreed` contains the hash of this step's diff.
    """
    if kube is None:
        own = target.release.owner_id
        return declared_step(spec, "cluster", lambda: _leave_to_owner(sources, own))
    agreed = target.agreed.get(spec.id, "")
    own, repository = target.release.owner_id, target.repository
    work = _ManifestsStep(kube, tuple(sources), needs, spec.id, agreed, own, repository)
    return declared_step(
        spec,
        kube.identity,
        lambda: run_in_thread(lambda: work.compare()[1]),
        lambda: run_in_thread(work.change),
        lambda: run_in_thread(work.dry_run_change),
    )


async def _leave_to_owner(sources: Sequence[CommittedManifest], own: str) -> StepStatus:
    apply = "; ".join(apply_command(own, f"-f {source.path}") for source in sources)
    return StepStatus("unknown", _NO_CONTEXT, Fix(f"ask its owner to run: {apply}"))


@dataclass(frozen=True, slots=True)
class _ManifestsStep:
    kube: Kube
    sources: tuple[CommittedManifest, ...]
    needs: str
    id: str
    agreed: str
    own: str
    repository: WorkTree

    def compare(self) -> tuple[list[_Comparison], StepStatus]:
        """Return each comparison, and one status for all; an agreed diff is not blocked."""
        found = [self._compare_manifest(one) for one in self.sources]
        look = _merge_statuses(found)
        if look.state != "blocked" or any(one.is_foreign for one in found):
            return found, look
        seal = seal_text(look.diff)
        if self.agreed == seal:
            return found, StepStatus(
                "wanted", f"{look.detail}; take-over confirmed", diff=look.diff
            )
        over = f"or take over with the diff: airflow-wizard apply --take-over {self.id}@{seal}"
        return found, StepStatus(
            "blocked", look.detail, Fix(f"{look.fix}; {over}", look.fix.question), look.diff
        )

    def _compare_manifest(self, source: CommittedManifest) -> _Comparison:
        def is_applied(found: KubeObject) -> bool:
            text, own = source.text, self.own
            return is_applied_from_commit(self.repository, source.path, text, found, own)

        return _compare_manifest(self.kube, source, self.needs, self.own, is_applied)

    def change(self) -> str:
        found, look = self.compare()
        if look.state == "blocked":
            raise ConflictError(look.detail, look.fix)
        self._unite_managers(found, look)
        done = []
        for one in found:
            if one.look.state in {"wanted", "blocked"}:
                _apply_manifest(self.kube, one, self.needs, self.own)
                done.append(f"{_DONE[one.look.state] if one.exists else 'created'} {one.name}")
        return ", ".join(done) or "nothing to do"

    def _unite_managers(self, found: Sequence[_Comparison], shown: StepStatus) -> None:
        """Unite the names of the field manager, and compare again before anything is applied.

        A dry run under one name does not show that fields go which the other name owns too.
        """
        both = [
            one for one in found if one.has_two_managers and one.look.state in {"wanted", "blocked"}
        ]
        for one in both:
            _rename_manager(self.kube, one, self.needs, self.own)
        if not both:
            return
        look = self.compare()[1]
        if look.state == "blocked" or look.diff != shown.diff:
            names = ", ".join(one.name for one in both)
            raise ConflictError(
                f"{names}: all fields are under one field manager now, which changes the "
                "difference that was shown; nothing was applied",
                "run this again: it shows the new difference",
            )

    def dry_run_change(self) -> str:
        found, _ = self.compare()
        wanted = [one.name for one in found if one.look.state in {"wanted", "blocked"}]
        return f"the API server would accept {', '.join(wanted)}" if wanted else ""


_DONE = {"wanted": "changed", "blocked": "took over"}


def _merge_statuses(found: Sequence[_Comparison]) -> StepStatus:
    """Return one status for all: the worst state, with the details of the objects in that state."""
    for state in ("blocked", "wanted", "unknown", "holds"):
        some = [one.look for one in found if one.look.state == state]
        if some:
            return StepStatus(
                some[0].state,
                "; ".join(look.detail for look in some),
                Fix.join(look.fix for look in some),
                "\n".join(look.diff for look in some if look.diff),
            )
    return StepStatus("holds", "no manifest is committed for this step")


def _compare_manifest(
    kube: Kube, source: CommittedManifest, needs: str, own: str, is_applied: IsApplied
) -> _Comparison:
    manifest = source.manifest()
    ref = Ref.from_manifest(manifest)
    fix = Fix(f"ask its owner to run: {apply_command(own, f'-f {source.path}')}")
    try:
        existing = kube.get(ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error, needs) from None
        unread = StepStatus("unknown", f"no permission to read {ref}", fix)
        return _Comparison(source, manifest, unread, is_applied)
    try:
        existing, wanted = _dry_run_manifest(kube, ref, manifest, existing, own)
    except KubeError as error:
        refused = diagnose([error.message], REFUSAL_RULES)
        if error.kind != "forbidden" or refused:
            raise explain_error(error, needs) from None
        local = _compare_locally(ref, existing, manifest, fix)
        return _Comparison(source, manifest, local, is_applied)
    names = list_earlier_names(existing, own, is_applied) if existing else frozenset[str]()
    look = _check_manifest(kube, manifest, existing, wanted, own, names)
    is_foreign = existing is not None and judge_object(existing, own).is_proven_foreign
    exists, two = existing is not None, bool(names)
    return _Comparison(source, manifest, look, is_applied, exists, is_foreign, two)


def _dry_run_manifest(
    kube: Kube, ref: Ref, manifest: KubeObject, existing: KubeObject | None, own: str
) -> tuple[KubeObject | None, KubeObject]:
    """Return the existing object, and the result of a dry-run apply to that version of it."""
    wanted: KubeObject = {}
    for _ in range(_ROUNDS):
        # Only the dry run is forced, so that it shows all changes, including conflicts.
        manager = choose_manager(existing, own)
        wanted = kube.apply(manifest, manager=manager, dry_run=True, force=existing is not None)
        if existing is None or _version(existing) == _version(wanted):
            break
        existing = kube.get(ref)
    return existing, wanted


def _version(found: KubeObject) -> object:
    return found["metadata"].get("resourceVersion")


def _compare_locally(
    ref: Ref, existing: KubeObject | None, manifest: KubeObject, fix: Fix
) -> StepStatus:
    if existing is None:
        return StepStatus("unknown", f"{ref} does not exist, and this login cannot create it", fix)
    if is_contained(manifest, existing):
        return StepStatus("holds", f"{ref} matches the committed file")
    diff = diff_manifests(existing, merge_manifest(existing, manifest), ref)
    detail = f"{ref} differs from the committed file, and this login cannot change it"
    return StepStatus("unknown", detail, fix, diff)


def _check_manifest(
    kube: Kube,
    manifest: KubeObject,
    existing: KubeObject | None,
    wanted: KubeObject,
    own: str,
    names: Collection[str],
) -> StepStatus:
    """Return the status of a manifest; `names` are the earlier field managers of its object."""
    ref = Ref.from_manifest(manifest)
    if existing is None:
        return StepStatus("wanted", f"{ref} does not exist yet")
    diff, owner = diff_manifests(existing, wanted, ref), judge_object(existing, own)
    if owner.is_proven_foreign:
        theirs = f"{ref} already exists and {escape_unprintable(owner.reason)}"
        return StepStatus("blocked", theirs, _foreign_hint(ref, owner.source), diff)
    if strip_volatile(existing) == strip_volatile(wanted):
        if owner.is_ours and names:
            one = ", ".join(sorted(names))
            moved = f"fields of this installation are owned by {one}; they move to its present"
            return StepStatus("wanted", f"{ref}: {moved} field manager")
        return StepStatus("holds", f"{ref} matches the committed file")
    if not has_label(existing):
        not_ours = f"{ref} already exists and does not belong to this wizard"
        return StepStatus("blocked", not_ours, _rename_hint(ref), diff)
    if not owner.is_ours:
        unknown = f"{ref} already exists and {owner.reason}"
        return StepStatus("blocked", unknown, _rename_hint(ref), diff)
    try:
        kube.apply(manifest, manager=choose_manager(existing, own), dry_run=True)
    except FieldsOwnedError as error:
        # Their entries are of this repository, too.
        other = [one for one in error.owned if one.manager not in names]
        if not other:
            return StepStatus("wanted", f"{ref} differs from the committed file", diff=diff)
        others = ", ".join(f"{one.field} ({escape_unprintable(one.manager)})" for one in other)
        owned = f"{ref}: other field managers own the fields that would change: {others}"
        return StepStatus("blocked", owned, Fix("keep them and change the answers"), diff)
    return StepStatus("wanted", f"{ref} differs from the committed file", diff=diff)


def _rename_hint(ref: Ref) -> Fix:
    key = _NAMED_BY.get(ref.kind, "")
    return Fix("choose a different name in the answers" + (f" ({key})" if key else ""), key)


def _foreign_hint(ref: Ref, source: str) -> Fix:
    """Return the fix for an object of another repository, or of this one before it moved."""
    rename, place = _rename_hint(ref), escape_unprintable(source.rpartition("#")[0])
    moved = place.partition("//")[0]
    return Fix(
        f"{rename}; or, if this repository has moved from there: airflow-wizard set "
        f"repository.source={moved}",
        rename.question,
    )


def _apply_manifest(kube: Kube, one: _Comparison, needs: str, own: str) -> None:
    """Apply a manifest; a comparison that is blocked was agreed to, and takes its object over."""
    if one.exists:
        _rename_manager(kube, one, needs, own)
    try:
        take = one.look.state == "blocked"
        kube.apply(one.manifest, manager=source_manager(own), force=take)
    except KubeError as error:
        raise _explain_refusal(error, one, needs, own) from None


def _rename_manager(kube: Kube, one: _Comparison, needs: str, own: str) -> None:
    try:
        rename_earlier_entry(kube, Ref.from_manifest(one.manifest), own, one.is_applied)
    except KubeError as error:
        raise _explain_refusal(error, one, needs, own) from None


def _explain_refusal(error: KubeError, one: _Comparison, needs: str, own: str) -> WizardError:
    return explain_error(error, needs, apply_command(own, f"-f {one.source.path}"))


def explain_error(error: KubeError, needs: str = "", by_hand: str = "") -> WizardError:
    """Return the error with its cause and fix; the error unchanged if its cause is not known.

    `by_hand` is the command for somebody with the right that this login lacks.
    """
    refused = diagnose([error.message], REFUSAL_RULES)
    if refused:
        return WizardError(refused.cause, refused.fix)
    if error.kind == "missing" and error.status == 404:
        return WizardError(error.message, "create the namespace, or correct it in the answers")
    if needs and (error.kind == "missing" or isinstance(error, UnservedVersionError)):
        return WizardError(error.message, needs)
    if error.kind == "forbidden" and by_hand:
        return WizardError(error.message, f"ask its owner to run: {by_hand}")
    return error

"""Decide whether an object may be deleted: by its owner, its content and its field managers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.protocol import KubeObject, Ref
from wizard.engine.steps import StepStatus, seal_text
from wizard.errors import Fix, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import OWNER_ANNOTATION, Ownership, source_manager
from wizard.systems.cluster.client_side_apply import CLIENT_SIDE_MANAGER, is_applied_from_commit
from wizard.systems.cluster.object_diff import diff_manifests, is_contained
from wizard.systems.cluster.objects import CommittedManifest
from wizard.systems.cluster.source import OWN_MANAGERS, judge_object
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.systems.target import Target

# Returns why an existing object must not be deleted; None if it may be deleted.
Judge = Callable[[KubeObject, Ref], StepStatus | None]


@dataclass(frozen=True, slots=True)
class UnknownOwnerStatus(StepStatus):
    """The status of an object whose owner is unknown: only a yes to its list may override it."""


def ask_unseen(what: str, error: WizardError) -> UnknownOwnerStatus:
    """Return the question whether to go on although this login may not see something."""
    return UnknownOwnerStatus(
        "blocked",
        f"this login may not see {what}: {error.message}",
        Fix("ask for the right to read it, or have its owner check it"),
        f"unseen: {what}",
    )


def refuse_removal(owner: Ownership, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Return why an object must not be deleted because of its owner; None if it is ours."""
    if owner.is_ours:
        return None
    detail = f"{ref} {escape_unprintable(owner.reason)}; not deleted"
    command = f"ask its owner to run: {kubectl_delete([ref])}"
    if owner.whose == "unknown":
        line = f"{ref} {found['metadata'].get('uid')}"
        return UnknownOwnerStatus("blocked", detail, Fix(f"to delete it, {command}"), line)
    if owner.source:
        return StepStatus(
            "blocked", detail, Fix(f"run it in that repository; or, to delete it, {command}")
        )
    return StepStatus("blocked", detail, Fix(f"to delete it, {command}"))


class Consent:
    """The operator's yes to the objects with unknown owners of one step, during one run.

    The seal is for the list as it was shown: before the run changed anything. Earlier steps of the
    run may delete some of its objects; the yes still covers the others, and no object beside them.
    """

    def __init__(self, step: str = "", agreed: str = "") -> None:
        self._step, self._agreed = step, agreed
        self._lines: set[str] = set()

    def settle(self, statuses: Sequence[StepStatus]) -> list[StepStatus]:
        """Return the statuses with the yes applied, or with the seal that it needs."""
        unknown = [one for one in statuses if isinstance(one, UnknownOwnerStatus)]
        if unknown and seal_objects(unknown) == self._agreed:
            self._lines |= {one.diff for one in unknown}
        if all(self.covers(one) for one in unknown):
            return [
                StepStatus("wanted", f"{one.diff}: deletion confirmed") if self.covers(one) else one
                for one in statuses
            ]
        return settle_unknown(statuses, self._step, "")

    def covers(self, status: StepStatus) -> bool:
        """Return whether the status is that of an unknown object which the yes was for."""
        return isinstance(status, UnknownOwnerStatus) and status.diff in self._lines


def settle_unknown(statuses: Sequence[StepStatus], step: str, agreed: str) -> list[StepStatus]:
    """Return the statuses with the operator's yes applied, or with the seal that it needs.

    `agreed` is the seal that the operator gave for this step.
    """
    seal = seal_objects(statuses)
    return [_settle_one(one, seal, step, agreed) for one in statuses]


def _settle_one(look: StepStatus, seal: str, step: str, agreed: str) -> StepStatus:
    if not isinstance(look, UnknownOwnerStatus):
        return look
    if seal == agreed:
        return StepStatus("wanted", f"{look.diff}: deletion confirmed")
    more = (
        "or, to treat exactly the objects in this list as this installation's, run it again with "
        f"--take-over {step}@{seal}"
    )
    return StepStatus(
        "blocked", look.detail, Fix(f"{look.fix}; {more}", look.fix.question), look.diff
    )


_COMPARE = "compare it with the system that apply used; if it is the same"


def ask_identity(
    agreed: Mapping[str, str], step: str, what: str, why: str, fix: str = _COMPARE
) -> StepStatus:
    """Return whether the operator confirmed that a system is the installation's.

    `what` names the system with its address and identity, and a yes is for exactly this. A change
    needs a proven identity or this yes, because another system may hold objects of the same names.
    `agreed` has the seals by step, see `Target`; `fix` says what to do, and ends with the condition
    of a yes.
    """
    seal = seal_objects([UnknownOwnerStatus("blocked", diff=what)])
    if seal == agreed.get(step):
        return StepStatus("holds", f"{what}, as confirmed")
    return StepStatus(
        "blocked",
        f"{what}: {why}, so it is not proven to be the installation's; nothing is changed",
        Fix(f"{fix}, run this again with --take-over {step}@{seal}"),
    )


def build_source_judge(target: Target) -> Judge:
    """Return a judge that blocks objects that are not proven to be this installation's."""
    own = target.release.owner_id
    return lambda found, ref: refuse_removal(judge_object(found, own), found, ref)


def join_judges(*judges: Judge) -> Judge:
    """Return a judge that asks all, until one refuses; what several do not know is one question."""

    def judge(found: KubeObject, ref: Ref) -> StepStatus | None:
        unknown: StepStatus | None = None
        for one in judges:
            refusal = one(found, ref)
            if refusal is not None and not isinstance(refusal, UnknownOwnerStatus):
                return refusal
            unknown = join_refusals(unknown, refusal)
        return unknown

    return judge


def join_refusals(one: StepStatus | None, other: StepStatus | None) -> StepStatus | None:
    """Return both refusals as one; a yes may override it only if it may override both."""
    if one is None or other is None:
        return one or other
    for refusal in (one, other):
        if not isinstance(refusal, UnknownOwnerStatus):
            return refusal
    return UnknownOwnerStatus(
        "blocked",
        f"{one.detail}; {other.detail}",
        Fix.join((one.fix, other.fix)),
        f"{one.diff}; {other.diff}",
    )


def seal_objects(statuses: Iterable[StepStatus]) -> str:
    """Return the seal of a list of objects with unknown owners; empty if there is none.

    It is made of names and UIDs, so a yes is for exactly these objects.
    """
    lines = sorted(one.diff for one in statuses if isinstance(one, UnknownOwnerStatus))
    return seal_text("\n".join(lines)) if lines else ""


def build_unchanged_judge(target: Target, sources: Iterable[CommittedManifest]) -> Judge:
    """Return a judge of the source that also blocks changes that were never committed."""
    return join_judges(build_source_judge(target), build_content_judge(target, sources))


def build_content_judge(target: Target, sources: Iterable[CommittedManifest]) -> Judge:
    """Return a judge that blocks objects with changes that were never committed."""
    texts = {str(Ref.from_manifest(source.manifest())): source for source in sources}
    return lambda found, ref: _check_unchanged(target, texts[str(ref)], found, ref)


def _check_unchanged(
    target: Target, source: CommittedManifest, found: KubeObject, ref: Ref
) -> StepStatus | None:
    own = target.release.owner_id
    is_applied = is_applied_from_commit(target.repository, source.path, source.text, found, own)
    who = list_other_managers(found, own, *([CLIENT_SIDE_MANAGER] if is_applied else []))
    wanted = _drop_source(source.manifest())
    same = is_contained(wanted, found) or was_committed(
        target.repository, source.path, lambda text: _is_same_manifest(text, source.path, found)
    )
    if same and not who:
        return None
    by = f" by {', '.join(who)}" if who else ""
    return StepStatus(
        "blocked",
        f"{ref} was changed{by} since it was applied; not deleted",
        Fix(f"revert that change, then run it again; or, to delete it: {kubectl_delete([ref])}"),
        "" if same else diff_manifests(found, _replace_spec(found, wanted), ref),
    )


def _is_same_manifest(text: str, path: str, found: KubeObject) -> bool:
    try:
        return is_contained(_drop_source(read_mapping(text, path)), found)
    except WizardError:
        return False


def _drop_source(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest without its source, which another judge compares."""
    about = dict(manifest.get("metadata") or {})
    notes = {
        k: v for k, v in (about.pop("annotations", None) or {}).items() if k != OWNER_ANNOTATION
    }
    return {**manifest, "metadata": {**about, **({"annotations": notes} if notes else {})}}


def _replace_spec(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the existing object with the committed spec."""
    return {**found, "spec": wanted.get("spec")}


def list_other_managers(found: KubeObject, own: str, *names: str) -> list[str]:
    """Return the other field managers of an object's spec, from its managedFields.

    `own` is the source of this installation, and `names` are further ones that are known as its.
    """
    known = (*OWN_MANAGERS, source_manager(own), *names)
    others = [
        escape_unprintable(str(entry.get("manager") or "somebody"))
        for entry in found["metadata"].get("managedFields") or []
        if "f:spec" in (entry.get("fieldsV1") or {}) and entry.get("manager") not in known
    ]
    return sorted(set(others))


def kubectl_delete(refs: Sequence[Ref]) -> str:
    """Return the kubectl commands that delete these objects."""
    lines = []
    for ref in refs:
        place = f" -n {ref.namespace}" if ref.namespace else ""
        lines.append(f"kubectl{place} delete {ref.kind.lower()} {ref.name}")
    return "; ".join(lines)

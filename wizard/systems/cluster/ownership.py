"""Decide whether an object may be deleted: by its label, its content and its field managers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.protocol import FIELD_MANAGER, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import describe_other_owner
from wizard.systems.cluster.object_diff import diff_manifests, is_contained
from wizard.systems.cluster.objects import MANAGED_BY, CommittedManifest
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.systems.target import Target

# Field managers of the wizard and of Argo CD's controllers; all others count as manual changes.
_OWN_MANAGERS = (FIELD_MANAGER, "argocd-controller", "argocd-application-controller")

# Returns why an existing object must not be deleted; None if it may be deleted.
Judge = Callable[[KubeObject, Ref], StepStatus | None]


def check_label(found: KubeObject, ref: Ref, own: str = "") -> StepStatus | None:
    """Block an object without this wizard's label, or with a source other than `own`."""
    if (found["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER:
        other = describe_other_owner(found, own)
        if not other:
            return None
        return StepStatus(
            "blocked",
            f"{ref} belongs to {escape_unprintable(other)}; not deleted",
            Fix(
                "run it in that repository; or, to delete it, ask its owner to run: "
                f"{kubectl_delete([ref])}"
            ),
        )
    return StepStatus(
        "blocked",
        f"{ref} does not have the wizard's label {MANAGED_BY}={FIELD_MANAGER}; not deleted",
        Fix(f"to delete it, ask its owner to run: {kubectl_delete([ref])}"),
    )


def build_label_judge(target: Target) -> Judge:
    """Return a judge that blocks objects of other installations, by label and source."""
    return lambda found, ref: check_label(found, ref, target.release.owner_id)


def build_unchanged_judge(target: Target, sources: Iterable[CommittedManifest]) -> Judge:
    """Return a judge that also blocks objects with changes that were never committed."""
    texts = {str(Ref.from_manifest(source.manifest())): source for source in sources}
    ours = build_label_judge(target)

    def judge(found: KubeObject, ref: Ref) -> StepStatus | None:
        source = texts[str(ref)]
        return ours(found, ref) or _check_unchanged(target.repository, source, found, ref)

    return judge


def _check_unchanged(
    repository: WorkTree, source: CommittedManifest, found: KubeObject, ref: Ref
) -> StepStatus | None:
    who = list_other_managers(found)
    wanted = source.manifest()
    same = is_contained(wanted, found) or was_committed(
        repository, source.path, lambda text: _is_same_manifest(text, source.path, found)
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
        return is_contained(read_mapping(text, path), found)
    except WizardError:
        return False


def _replace_spec(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the existing object with the committed spec."""
    return {**found, "spec": wanted.get("spec")}


def list_other_managers(found: KubeObject) -> list[str]:
    """Return the other field managers of an object's spec, from its managedFields."""
    names = [
        escape_unprintable(str(entry.get("manager") or "somebody"))
        for entry in found["metadata"].get("managedFields") or []
        if "f:spec" in (entry.get("fieldsV1") or {}) and entry.get("manager") not in _OWN_MANAGERS
    ]
    return sorted(set(names))


def kubectl_delete(refs: Sequence[Ref]) -> str:
    """Return the kubectl commands that delete these objects."""
    lines = []
    for ref in refs:
        place = f" -n {ref.namespace}" if ref.namespace else ""
        lines.append(f"kubectl{place} delete {ref.kind.lower()} {ref.name}")
    return "; ".join(lines)

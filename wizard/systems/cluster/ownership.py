"""Whether an object is ours to remove: by its label, by its contents, by who wrote into it."""

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

# Managers whose fields are no person's change: ourselves, and Argo CD's own controllers.
_OWN_MANAGERS = (FIELD_MANAGER, "argocd-controller", "argocd-application-controller")

# Why an object that stands is not removed; None where it may be.
Judge = Callable[[KubeObject, Ref], StepStatus | None]


def check_label(found: KubeObject, ref: Ref, own: str = "") -> StepStatus | None:
    """Left where the object lacks this wizard's label, or names another source than `own`."""
    if (found["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER:
        other = describe_other_owner(found, own)
        if not other:
            return None
        return StepStatus(
            "blocked",
            f"{ref} belongs to {escape_unprintable(other)}; it is left",
            Fix(
                "run it in that repository; or, if it is to go, its owner runs: "
                f"{kubectl_delete([ref])}"
            ),
        )
    return StepStatus(
        "blocked",
        f"{ref} is not this wizard's: it lacks the label {MANAGED_BY}={FIELD_MANAGER}; it is left",
        Fix(f"if it is to go, its owner runs: {kubectl_delete([ref])}"),
    )


def build_label_judge(target: Target) -> Judge:
    """Left where it is not this installation's, by its label and the source that it names."""
    return lambda found, ref: check_label(found, ref, target.release.owner_id)


def build_unchanged_judge(target: Target, sources: Iterable[CommittedManifest]) -> Judge:
    """Left also where it is no version that was ever committed, or somebody else wrote into it."""
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
        f"{ref} was changed{by} since it was applied; it is left",
        Fix(f"undo that change, then run it again; or, if it is to go: {kubectl_delete([ref])}"),
        "" if same else diff_manifests(found, _replace_spec(found, wanted), ref),
    )


def _is_same_manifest(text: str, path: str, found: KubeObject) -> bool:
    try:
        return is_contained(read_mapping(text, path), found)
    except WizardError:
        return False


def _replace_spec(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What stands, with the spec that was committed in it."""
    return {**found, "spec": wanted.get("spec")}


def list_other_managers(found: KubeObject) -> list[str]:
    """Who else has written into an object's spec, by the API server's own record."""
    names = [
        escape_unprintable(str(entry.get("manager") or "somebody"))
        for entry in found["metadata"].get("managedFields") or []
        if "f:spec" in (entry.get("fieldsV1") or {}) and entry.get("manager") not in _OWN_MANAGERS
    ]
    return sorted(set(names))


def kubectl_delete(refs: Sequence[Ref]) -> str:
    """The command with which a person removes these."""
    lines = []
    for ref in refs:
        place = f" -n {ref.namespace}" if ref.namespace else ""
        lines.append(f"kubectl{place} delete {ref.kind.lower()} {ref.name}")
    return "; ".join(lines)

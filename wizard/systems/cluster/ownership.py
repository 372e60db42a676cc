"""Whether an object is ours to remove: by its label, by its contents, by who wrote into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.protocol import MANAGER, Manifest, Ref
from wizard.engine.actions import Look
from wizard.errors import WizardError
from wizard.formats.terminal import visible
from wizard.manifests.ownership import another
from wizard.systems.cluster.object_diff import difference, within
from wizard.systems.cluster.objects import MANAGED_BY, Source
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.git.repository import Repository
    from wizard.systems.target import Target

# Managers whose fields are no person's change: ourselves, and Argo CD's own controllers.
_OURS = (MANAGER, "argocd-controller", "argocd-application-controller")

# Why an object that stands is not removed; None where it may be.
Judge = Callable[[Manifest, Ref], Look | None]


def labelled(found: Manifest, ref: Ref, own: str = "") -> Look | None:
    """Left where the object lacks this wizard's label, or names another source than `own`."""
    if (found["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER:
        other = another(found, own)
        if not other:
            return None
        return Look(
            "blocked",
            f"{ref} belongs to {visible(other)}; it is left",
            "run it in that repository; or, if it is to go, its owner runs: "
            f"{kubectl_delete([ref])}",
        )
    return Look(
        "blocked",
        f"{ref} is not this wizard's: it lacks the label {MANAGED_BY}={MANAGER}; it is left",
        f"if it is to go, its owner runs: {kubectl_delete([ref])}",
    )


def plain(target: Target) -> Judge:
    """Left where it is not this installation's, by its label and the source that it names."""
    return lambda found, ref: labelled(found, ref, target.release.source)


def unchanged(target: Target, sources: Iterable[Source]) -> Judge:
    """Left also where it is no version that was ever committed, or somebody else wrote into it."""
    texts = {str(Ref.of(source.manifest())): source for source in sources}
    ours = plain(target)

    def judge(found: Manifest, ref: Ref) -> Look | None:
        source = texts[str(ref)]
        return ours(found, ref) or _changed(target.repository, source, found, ref)

    return judge


def _changed(repository: Repository, source: Source, found: Manifest, ref: Ref) -> Look | None:
    who = others(found)
    wanted = source.manifest()
    same = within(wanted, found) or was_committed(
        repository, source.path, lambda text: _means(text, source.path, found)
    )
    if same and not who:
        return None
    by = f" by {', '.join(who)}" if who else ""
    return Look(
        "blocked",
        f"{ref} was changed{by} since it was applied; it is left",
        f"undo that change, then run it again; or, if it is to go: {kubectl_delete([ref])}",
        "" if same else difference(found, _over(found, wanted), ref),
    )


def _means(text: str, path: str, found: Manifest) -> bool:
    from wizard.formats.yaml_reader import read_mapping

    try:
        return within(read_mapping(text, path), found)
    except WizardError:
        return False


def _over(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What stands, with the spec that was committed in it."""
    return {**found, "spec": wanted.get("spec")}


def others(found: Manifest) -> list[str]:
    """Who else has written into an object's spec, by the API server's own record."""
    names = [
        visible(str(entry.get("manager") or "somebody"))
        for entry in found["metadata"].get("managedFields") or []
        if "f:spec" in (entry.get("fieldsV1") or {}) and entry.get("manager") not in _OURS
    ]
    return sorted(set(names))


def kubectl_delete(refs: Sequence[Ref]) -> str:
    """The command with which a person removes these."""
    lines = []
    for ref in refs:
        place = f" -n {ref.namespace}" if ref.namespace else ""
        lines.append(f"kubectl{place} delete {ref.kind.lower()} {ref.name}")
    return "; ".join(lines)

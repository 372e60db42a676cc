"""The live objects that `helm uninstall` deletes, and which of them must not go with a release.

Helm deletes by the names in the manifest that it stored, whatever has these names by now. It asks
nobody whose an object is, so they are read and judged beforehand. Objects with the annotation
`helm.sh/resource-policy: keep` in that manifest stay. Hooks of the deletion replace an existing
object of their name. Source: helm.sh/helm/v3, pkg/action/uninstall.go and hooks.go, and
pkg/action/validate.go for the marks on everything that Helm applies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.chart.volumes import HELM_KEEP, HELM_POLICY
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import Ownership, judge_source, read_source
from wizard.systems.argocd.tracking import TRACKING, names_object
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.ownership import (
    UnknownOwnerStatus,
    refuse_removal,
    seal_objects,
)
from wizard.systems.cluster.source import MANAGED_BY
from wizard.systems.release.claims import CLAIM, has_release_mark
from wizard.systems.release.delivered_objects import list_metadata
from wizard.systems.release.volumes import list_claims

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

_HOOK = "helm.sh/hook"
_DELETE_HOOKS = {"pre-delete", "post-delete"}
_NAME, _NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
# Labels of Flux, which names what it delivers.
_FLUX = ("helm.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/name")
# Whoever deletes one of these deletes what others keep in it.
_CONTAINERS = ("Namespace", "CustomResourceDefinition")
_VOLUMES = ("PersistentVolumeClaim", "PersistentVolume")


@dataclass(frozen=True, slots=True)
class LiveObject:
    """An object of the cluster that the uninstall deletes; `found` has only its metadata."""

    ref: Ref
    found: KubeObject
    is_hook: bool = False


def read_deleted_refs(manifest: str, namespace: str) -> list[Ref]:
    """Return the names that an uninstall deletes, of a manifest as `helm get manifest` prints it.

    Objects without a namespace are in that of the release. Raises AnswersError if it is not YAML.
    """
    return [_read_ref(one, namespace) for one in _read_objects(manifest) if not _is_kept(one)]


def read_hook_refs(hooks: str, namespace: str) -> list[Ref]:
    """Return the names of the hooks that an uninstall runs, from `helm get hooks`; see above."""
    return [
        _read_ref(one, namespace)
        for one in _read_objects(hooks)
        if _DELETE_HOOKS & {part.strip() for part in str(_notes(one).get(_HOOK) or "").split(",")}
    ]


def _read_objects(text: str) -> Iterator[Mapping[str, Any]]:
    for document in _split_documents(text):
        found = read_mapping(document, "the manifest of the release")
        listed = found.get("items") if str(found.get("kind")).endswith("List") else None
        for one in listed if isinstance(listed, list) else [found]:
            if isinstance(one, Mapping) and isinstance(one.get("metadata"), Mapping):
                yield one


def _split_documents(text: str) -> Iterator[str]:
    """Yield the documents as Helm splits them (pkg/releaseutil/manifest.go)."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("---"):
            yield "".join(lines)
            lines = [line[3:].lstrip()]
        else:
            lines.append(line)
    yield "".join(lines)


def _notes(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return one["metadata"].get("annotations") or {}


def _is_kept(one: Mapping[str, Any]) -> bool:
    return str(_notes(one).get(HELM_POLICY) or "").strip().lower() == HELM_KEEP


def _read_ref(one: Mapping[str, Any], namespace: str) -> Ref:
    about = one["metadata"]
    return Ref(
        str(one.get("apiVersion")), str(one.get("kind")), str(about.get("name")),
        str(about.get("namespace") or namespace),
    )  # fmt: skip


def read_live_objects(
    kube: Kube, refs: Sequence[Ref], hooks: Sequence[Ref] = ()
) -> list[LiveObject]:
    """Return those that exist, without those that are being deleted. Raises KubeError."""
    found = []
    for ref in (*refs, *hooks):
        one = read_object(kube, ref, metadata=True)
        if one is not None and not one["metadata"].get("deletionTimestamp"):
            # Without a namespace in its metadata it belongs to the whole cluster.
            place = str(one["metadata"].get("namespace") or "")
            live = Ref(ref.api_version, ref.kind, ref.name, place)
            found.append(LiveObject(live, one, ref in hooks))
    return found


def judge_rendered(target: Target, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose an object is that has a name of our release; Helm marks what it applies."""
    notes, labels = _notes(found), found["metadata"].get("labels") or {}
    if read_source(found):
        return judge_source(read_source(found), target.release.owner_id)
    if TRACKING in notes and names_object(found, ref):
        by = str(notes[TRACKING]).partition(":")[0]
        return Ownership("another's", f"is delivered by Application {by}")
    for mark in _FLUX:
        if labels.get(mark):
            return Ownership("another's", f"is delivered by Flux, {mark}={labels[mark]}")
    manager = str(labels.get(MANAGED_BY) or "")
    if has_release_mark(found, target):
        if manager in {"", "Helm"}:
            return Ownership("ours", "was rendered by the release")
    elif notes.get(_NAME):
        other = f"{notes.get(_NAMESPACE)}/{notes[_NAME]}"
        return Ownership("another's", f"belongs to release {other}")
    if manager not in {"", "Helm"}:
        return Ownership("another's", f"has the label {MANAGED_BY}={manager}")
    return Ownership("unknown", "does not say that it belongs to the release")


def list_foreign(
    target: Target, live: Collection[LiveObject]
) -> list[tuple[LiveObject, Ownership]]:
    """Return the objects that are not proven to be the release's, and whose they are."""
    found = []
    for one in live:
        owner = judge_rendered(target, one.found, one.ref)
        if one.is_hook and owner.is_ours:
            # Helm does not mark its hooks.
            owner = Ownership("unknown", "has the name of a hook that the uninstall replaces")
        if not owner.is_ours:
            found.append((one, owner))
    return found


def list_refusals(target: Target, live: Collection[LiveObject]) -> list[StepStatus]:
    """Return why objects must not go with the release: those of others, and unknown ones."""
    refusals = (
        refuse_removal(owner, one.found, one.ref) for one, owner in list_foreign(target, live)
    )
    return [one for one in refusals if one is not None]


def refuse_upgrade(target: Target, live: Collection[LiveObject], agreed: str) -> StepStatus | None:
    """Return why an upgrade must not change or delete objects; None if they are the release's.

    `agreed` is the seal that the operator gave for objects of unknown owners.
    """
    foreign = list_foreign(target, live)
    if not foreign:
        return None
    detail = "; ".join(
        f"{one.ref} {escape_unprintable(owner.reason)}; helm would change or delete it"
        for one, owner in foreign
    )
    fix = Fix(
        "ask its owner to move it, or set installation.release to another name",
        "installation.release",
    )
    if any(owner.whose != "unknown" for _, owner in foreign):
        return StepStatus("blocked", detail, fix)
    lines = "\n".join(f"{one.ref} {one.found['metadata'].get('uid')}" for one, _ in foreign)
    asked = UnknownOwnerStatus("blocked", detail, fix, lines)
    return None if seal_objects([asked]) == agreed else asked


def find_data(
    kube: Kube, target: Target, live: Collection[LiveObject], pieces: Collection[DataKind]
) -> StepStatus | None:
    """Return why the uninstall would delete data that `--data` does not name; None if it does not.

    Claims go that the chart renders, and those that have an owner. Raises KubeError.
    """
    held = [one.ref for one in live if one.ref.kind in _CONTAINERS]
    if held:
        return StepStatus(
            "blocked",
            f"{format_first(held)} would be deleted with the release, and everything in it",
            Fix(
                f"give it the annotation {HELM_POLICY}: {HELM_KEEP} where it is rendered, and "
                "apply that first"
            ),
        )
    volumes = [] if "volumes" in pieces else _find_volumes(kube, target, live)
    if not volumes:
        return None
    return StepStatus(
        "blocked",
        f"{format_first(volumes)} would be deleted with the release",
        Fix(
            "set existing claims in the values (existingClaim) and apply that first; or "
            "delete them too: airflow-wizard destroy --data volumes"
        ),
    )


def _find_volumes(kube: Kube, target: Target, live: Collection[LiveObject]) -> list[Ref]:
    namespace = target.release.namespace
    going = {str(one.found["metadata"]["uid"]) for one in live}
    ours = {str(one["metadata"]["uid"]) for one in list_claims(kube, target)}
    found = [one.ref for one in live if one.ref.kind in _VOLUMES]
    for one in list_metadata(kube, *CLAIM, namespace):
        about = one["metadata"]
        owners = about.get("ownerReferences") or []
        # One that the release keeps has Helm's marks too; it is in no list of what Helm deletes.
        by_helm = _NAME in _notes(one) and not _is_kept(one)
        is_marked = str(about["uid"]) in ours and (owners or by_helm)
        if is_marked or any(str(owner.get("uid")) in going for owner in owners):
            found.append(Ref(*CLAIM, about["name"], namespace))
    return list(dict.fromkeys(found))


def format_live(live: Collection[LiveObject]) -> str:
    """Return the objects as a diff: one line for each that the uninstall deletes."""
    return "\n".join(escape_unprintable(f"-{one.ref}") for one in live)

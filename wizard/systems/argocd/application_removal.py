"""Argo CD's Applications: let go of without what they delivered (undo), or with it (destroy).

An Application without the resources finalizer leaves what it delivered where it is; with it, Argo
CD removes all of that first, except what carries `Delete=false`. For that it needs the project,
which therefore goes later. Source: Argo CD's documentation on app deletion; facts on Argo CD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd.application import application_names, has_parent
from wizard.systems.argocd.steps import application_manifests
from wizard.systems.cluster.object_removal import (
    Removal,
    build_removal_step,
    list_finalizers,
    read_object,
)
from wizard.systems.cluster.ownership import (
    Judge,
    build_label_judge,
    build_unchanged_judge,
    kubectl_delete,
)

if TYPE_CHECKING:
    from wizard.systems.target import Target

FINALIZER = "resources-finalizer.argocd.argoproj.io"
TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"


def application_refs(target: Target) -> list[Ref]:
    """All Applications of the installation, the one that brings the others first."""
    return [Ref.from_manifest(source.manifest()) for source in application_manifests(target)]


def split_applications(target: Target) -> tuple[list[Ref], list[Ref]]:
    """The Application that brings the others, where there is one, and those that it brings.

    They are told by their files: an installation may well be named like another's parent.
    """
    found = application_refs(target)
    bringers = 1 if has_parent(target) else 0
    return found[:bringers], found[bringers:]


def build_application_undo(target: Target) -> Step:
    """Undo: Argo CD follows the repository no more; all that it delivered stays as it is."""
    found = application_refs(target)
    own = build_unchanged_judge(target, application_manifests(target))

    def judge(one: KubeObject, ref: Ref) -> StepStatus | None:
        return own(one, ref) or _check_owner(target, one, ref) or _check_finalizer(one, ref)

    return build_removal_step(
        "undo.application",
        f"Remove {format_applications(found)}; what Argo CD delivered stays",
        "platform",
        target.argocd,
        lambda kube: Removal(kube, lambda: found, judge),
        left=kubectl_delete(found),
    )


def _check_finalizer(found: KubeObject, ref: Ref) -> StepStatus | None:
    if not any(name.startswith(FINALIZER) for name in list_finalizers(found)):
        return None
    return StepStatus(
        "blocked",
        f"{ref} carries the finalizer {FINALIZER}: with it Argo CD would remove all it delivered",
        Fix(
            "to let go of it without that: kubectl -n "
            f"{ref.namespace} patch application {ref.name} --type merge "
            '-p \'{"metadata":{"finalizers":null}}\'; to remove all of it: airflow-wizard destroy'
        ),
    )


def _check_owner(target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Left where somebody else would bring it back, or it is another repository's."""
    owner = _find_owner(found, application_names(target))
    if owner:
        return StepStatus(
            "blocked",
            f"{ref} is delivered by {owner}, which would bring it back",
            Fix(f"take it out of what {owner} delivers, then run it again"),
        )
    wanted = {
        url
        for source in application_manifests(target)
        for url in repository_urls(source.manifest())
    }
    foreign = sorted(repository_urls(found) - wanted)
    if foreign:
        return StepStatus(
            "blocked",
            f"{ref} reads {', '.join(escape_unprintable(url) for url in foreign)}, which is not "
            "committed here; it is left",
            Fix("see whose it is; another installation of this name needs a name of its own"),
        )
    return None


def _find_owner(found: KubeObject, own: Iterable[str]) -> str:
    """Who else delivers an object: an Application, or its owner; empty for nobody else."""
    about = found["metadata"]
    for one in about.get("ownerReferences") or []:
        return escape_unprintable(f"{one.get('kind')} {one.get('name')}")
    name = find_tracking_application(found)
    return f"Application {escape_unprintable(name)}" if name and name not in own else ""


def find_tracking_application(found: Mapping[str, Any]) -> str:
    """The Application that Argo CD says an object belongs to; empty for none."""
    about = found["metadata"]
    mark = str((about.get("annotations") or {}).get(TRACKING) or "").partition(":")[0]
    return mark.rpartition("_")[2] or str((about.get("labels") or {}).get(INSTANCE) or "")


def repository_urls(application: Mapping[str, Any]) -> set[str]:
    """The repositories that an Application reads."""
    spec = application.get("spec") or {}
    listed = [*(spec.get("sources") or []), *([spec["source"]] if spec.get("source") else [])]
    return {str(one.get("repoURL")) for one in listed if one.get("repoURL")}


def build_application_judge(target: Target) -> Judge:
    """Left where another made it, would bring it back, or reads another repository."""
    own = build_label_judge(target)
    return lambda found, ref: own(found, ref) or _check_owner(target, found, ref)


def require_gone(target: Target) -> None:
    """Raise ConflictError while an Application may stand: it would bring back what is removed."""
    if target.argocd is None:
        raise ConflictError("nothing says whether Argo CD still has it", "--context names it")
    for ref in application_refs(target):
        try:
            if read_object(target.argocd, ref) is not None:
                raise ConflictError(f"{ref} stands", "let its removal end, then run it again")
        except KubeError as error:
            why = f"nothing says whether {ref} is gone: {error.message}"
            raise ConflictError(why, error.fix) from None


def format_applications(found: Sequence[Ref]) -> str:
    """How a title names them."""
    return f"Application{'s' if len(found) > 1 else ''} {', '.join(ref.name for ref in found)}"

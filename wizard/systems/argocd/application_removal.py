"""Removal of Applications: without the objects they delivered (undo), or with them (destroy).

Argo CD keeps the delivered objects of an Application without the resources finalizer. With the
finalizer it deletes them first, except those with `Delete=false`. The deletion needs the project,
so the project is deleted later. Source: Argo CD's documentation on app deletion; facts on Argo CD.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.addresses import IN_CLUSTER_SERVER, normalize_url
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import Ownership, read_source
from wizard.systems.argocd.application import has_parent
from wizard.systems.argocd.steps import application_manifests
from wizard.systems.argocd.tracking import application_marks, find_tracking_application
from wizard.systems.cluster.object_removal import (
    Removal,
    build_removal_step,
    list_finalizers,
    read_object,
)
from wizard.systems.cluster.ownership import (
    Judge,
    build_content_judge,
    join_judges,
    kubectl_delete,
    refuse_removal,
)
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.systems.target import Target

FINALIZER = "resources-finalizer.argocd.argoproj.io"
# Set where a removal switched automated sync off, so that a repeat recognizes its own change.
PAUSED = "airflow-wizard/paused"


def application_refs(target: Target) -> list[Ref]:
    """Return all Applications of the installation, the parent first."""
    return [Ref.from_manifest(source.manifest()) for source in application_manifests(target)]


def split_applications(target: Target) -> tuple[list[Ref], list[Ref]]:
    """Return the parent Application, if there is one, and its children.

    The committed files tell them apart, because the name of an installation may equal the name of
    another installation's parent.
    """
    found = application_refs(target)
    parents = 1 if has_parent(target) else 0
    return found[:parents], found[parents:]


def build_application_undo(target: Target) -> Step:
    """Return the undo step: Argo CD stops following the repository and keeps delivered objects."""
    found, judge = application_refs(target), build_undo_judge(target)
    return build_removal_step(
        "undo.application",
        f"Remove {format_applications(found)}; delivered objects are kept",
        "platform",
        target.argocd,
        lambda kube: Removal(kube, lambda: found, judge),
        left=kubectl_delete(found),
        agreed=target.agreed,
    )


def build_undo_judge(target: Target) -> Judge:
    """Return a judge that blocks Applications that an undo must not remove."""
    sources = application_manifests(target)
    wanted = {str(Ref.from_manifest(one.manifest())): one.manifest() for one in sources}
    check_content = build_content_judge(target, sources)
    return join_judges(
        build_application_judge(target),
        lambda one, ref: check_content(_restore_automation(one, wanted[str(ref)]), ref),
        _check_finalizer,
    )


def _restore_automation(found: KubeObject, wanted: Mapping[str, Any]) -> KubeObject:
    """Return the Application with the committed `automated`, if a removal switched it off."""
    policy = (found.get("spec") or {}).get("syncPolicy") or {}
    own = (wanted["spec"].get("syncPolicy") or {}).get("automated")
    paused = PAUSED in (found["metadata"].get("annotations") or {})
    if own is None or not paused or "automated" in policy:
        return found
    return {**found, "spec": {**found["spec"], "syncPolicy": {**policy, "automated": own}}}


def _check_finalizer(found: KubeObject, ref: Ref) -> StepStatus | None:
    if not any(name.startswith(FINALIZER) for name in list_finalizers(found)):
        return None
    return StepStatus(
        "blocked",
        f"{ref} has the finalizer {FINALIZER}: Argo CD would delete everything it delivered",
        Fix(
            "to keep the delivered objects, run: kubectl -n "
            f"{ref.namespace} patch application {ref.name} --type merge "
            '-p \'{"metadata":{"finalizers":null}}\'; to delete them: airflow-wizard destroy'
        ),
    )


def _check_owner(target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Block the removal of an Application that somebody else may own, or has changed.

    Another owner would restore it, or it delivers something else than what is committed here.
    """
    owner = _find_owner(found, target)
    if owner:
        return StepStatus(
            "blocked",
            f"{ref} is delivered by {owner}, which would restore it",
            Fix(f"remove it from the objects that {owner} delivers, then run it again"),
        )
    wanted = [source.manifest() for source in application_manifests(target)]
    foreign = sorted(repository_urls(found) - set().union(*map(repository_urls, wanted)))
    if foreign:
        return StepStatus(
            "blocked",
            f"{ref} reads {', '.join(escape_unprintable(url) for url in foreign)}, which is not "
            "committed here; not deleted",
            Fix("find its owner; a second installation of this name needs a different name"),
        )
    return _check_reach(found, ref, wanted)


def _check_reach(
    found: KubeObject, ref: Ref, wanted: Sequence[Mapping[str, Any]]
) -> StepStatus | None:
    """Block an Application that delivers from, or to, a different place than its committed file.

    Argo CD deletes what the live Application delivered, in whichever cluster and namespace it now
    names, while everything that a removal protects or shows comes from the committed file.
    """
    own = next((one for one in wanted if Ref.from_manifest(one) == ref), None)
    if own is None:
        return None
    seen, committed = _describe_reach(found), _describe_reach(own)
    changed = [name for name in committed if seen[name] != committed[name]]
    if not changed:
        return None
    told = "; ".join(
        f"{name} {escape_unprintable(seen[name]) or 'nothing'}, not {committed[name] or 'nothing'}"
        for name in changed
    )
    return StepStatus(
        "blocked",
        f"{ref} was changed: it has {told}; Argo CD would delete what this one delivered",
        Fix(
            "find out who changed it; to restore the committed one: airflow-wizard apply; then "
            "run it again"
        ),
    )


def _describe_reach(application: Mapping[str, Any]) -> dict[str, str]:
    """Return where an Application delivers from and to, as text by the field that says it."""
    spec = application.get("spec") or {}
    place = spec.get("destination") or {}
    server = str(place.get("server") or "").rstrip("/")
    if place.get("name"):
        # The cluster that Argo CD runs in has this name (Argo CD, KubernetesInternalAPIServerAddr).
        server = IN_CLUSTER_SERVER if place["name"] == "in-cluster" else f"cluster {place['name']}"
    sources = sorted(
        " ".join(filter(None, (normalize_url(str(one.get("repoURL") or "")), *_list_places(one))))
        for one in _list_sources(application)
    )
    return {
        "spec.destination.server": server,
        "spec.destination.namespace": str(place.get("namespace") or ""),
        "spec.project": str(spec.get("project") or ""),
        "spec.sources": ", ".join(sources),
    }


def _list_places(source: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a source takes from its repository; revisions and values may change."""
    if source.get("chart"):
        yield f"chart {source['chart']}"
    if release := (source.get("helm") or {}).get("releaseName"):
        yield f"release {release}"
    if path := str(source.get("path") or "").strip("/"):
        yield f"path {path}"


def _find_owner(found: KubeObject, target: Target) -> str:
    """Return the owner, or the other Application, that delivers an object; empty if none."""
    about = found["metadata"]
    for one in about.get("ownerReferences") or []:
        return escape_unprintable(f"{one.get('kind')} {one.get('name')}")
    name = find_tracking_application(found)
    ours = not name or name in application_marks(target)
    return "" if ours else f"Application {escape_unprintable(name)}"


def repository_urls(application: Mapping[str, Any]) -> set[str]:
    """Return the URLs of the repositories that an Application reads."""
    return {str(one["repoURL"]) for one in _list_sources(application) if one.get("repoURL")}


def _list_sources(application: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    spec = application.get("spec") or {}
    return [*(spec.get("sources") or []), *([spec["source"]] if spec.get("source") else [])]


def build_application_judge(target: Target) -> Judge:
    """Return a judge that blocks Applications of others, or that deliver something else."""

    def check_source(found: KubeObject, ref: Ref) -> StepStatus | None:
        # An Application that was created again under this name is judged again.
        uid = str(found["metadata"].get("uid"))
        known = None if read_source(found) else target.verdicts.get(uid)
        return refuse_removal(known or judge_object(found, target.release.owner_id), found, ref)

    return join_judges(check_source, lambda found, ref: _check_owner(target, found, ref))


def confirm_application(target: Target, found: KubeObject, ref: Ref) -> None:
    """Remember during the run that the operator said yes to an Application of unknown owner."""
    owner = Ownership("ours", "was confirmed by the operator")
    target.verdicts[str(found["metadata"]["uid"])] = owner
    # What it delivered is judged by its name, also once it is deleted.
    target.verdicts[ref.name] = owner


def require_gone(target: Target) -> None:
    """Raise ConflictError while an Application may exist that would restore deleted objects."""
    if target.argocd is None:
        raise ConflictError(
            "cannot check Argo CD's Applications: no kubeconfig context", "use --context"
        )
    for ref in application_refs(target):
        try:
            if read_object(target.argocd, ref) is not None:
                raise ConflictError(
                    f"{ref} still exists", "wait until it is deleted, then run it again"
                )
        except KubeError as error:
            why = f"cannot check whether {ref} is deleted: {error.message}"
            raise ConflictError(why, error.fix) from None


def format_applications(found: Sequence[Ref]) -> str:
    """Return the Applications' names for a title."""
    return f"Application{'s' if len(found) > 1 else ''} {', '.join(ref.name for ref in found)}"

"""What Argo CD would overwrite or fight with: it applies by name, and forces every field.

`apply` creates the Application, so it looks first at the objects that the committed files name, at
the Secrets that these make, at a Helm release of this name, and at other Applications that deliver
the same. Source: Argo CD, sync option ServerSideApply, which applies with --force-conflicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd.rivals import find_rivals
from wizard.systems.argocd.tracking import judge_delivered, list_manifests
from wizard.systems.cluster.guarded_steps import guard_step
from wizard.systems.cluster.object_removal import merge_statuses, read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import UnknownOwnerStatus, ask_unseen, settle_unknown
from wizard.systems.cluster.secret_overwrites import find_overwritten_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wizard.systems.target import Target

_RENAME = Fix(
    "choose a different name in the answers (installation.release)", "installation.release"
)


def guard_application_step(target: Target, step: Step, application: Ref) -> Step:
    """Return the step that creates the Application, blocked while it would harm others.

    An object of another source blocks it always. Before the first delivery, everything else that
    the Application would overwrite or fight with needs the operator's yes to the list, and so does
    what this login may not see.
    """
    kube, argocd = target.kube, target.argocd
    if kube is None or argocd is None:
        return step

    def find() -> StepStatus:
        try:
            looks = list(_find_refusals(target, kube, argocd, application))
        except KubeError as error:
            raise explain_error(error) from None
        settled = settle_unknown(looks, step.id, target.agreed.get(step.id, ""))
        refused = [one for one in settled if one.state == "blocked"]
        nothing = StepStatus("holds", "Argo CD would overwrite nothing of others")
        return merge_statuses(refused, "") if refused else nothing

    return guard_step(step, find, {"wanted", "holds"})


def _find_refusals(
    target: Target, kube: Kube, argocd: Kube, application: Ref
) -> Iterator[StepStatus]:
    namespace = target.release.namespace
    is_first = read_object(argocd, application) is None
    yield from _see(
        lambda: _find_manifests(target, is_first=is_first),
        f"the objects in {namespace} that Argo CD would overwrite",
        asks=is_first,
    )
    if not is_first:
        return
    yield from _see(
        lambda: find_overwritten_secrets(kube, target),
        f"the Secrets in {namespace} that External Secrets would overwrite",
    )
    yield from _see(
        lambda: _find_release(kube, target), f"whether Helm has installed a release in {namespace}"
    )
    yield from _see(
        lambda: _find_rivals(argocd, target, application.namespace),
        "whether another Application delivers this installation",
    )


def _see(
    look: Callable[[], Iterable[StepStatus]], what: str, *, asks: bool = True
) -> Iterator[StepStatus]:
    """Yield what a look finds; the question whether to go on if this login may not look."""
    try:
        yield from list(look())
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        if asks:
            yield ask_unseen(what, error)


def _find_manifests(target: Target, *, is_first: bool) -> Iterator[StepStatus]:
    for ref, found in list_manifests(target):
        owner = judge_delivered(target, found, ref)
        if owner.is_ours or not (is_first or owner.is_proven_foreign):
            continue
        detail = (
            f"{ref} already exists and {escape_unprintable(owner.reason)}; Argo CD would "
            "overwrite it"
        )
        if owner.is_proven_foreign:
            yield StepStatus("blocked", detail, _RENAME)
        else:
            yield UnknownOwnerStatus("blocked", detail, _RENAME, _line(ref, found))


def _find_release(kube: Kube, target: Target) -> Iterator[StepStatus]:
    """Yield the question about a release of this name, whose objects Argo CD would take over.

    Its record would stay, and its next upgrade or uninstallation would change or delete them.
    """
    name, namespace = target.release.names.release, target.release.namespace
    selector = f"owner=helm,name={name}"
    found = kube.find("v1", "Secret", namespace, labels=selector, metadata=True)
    there = [
        one
        for one in found
        if (one["metadata"].get("labels") or {}).get("status") not in {"uninstalled", "superseded"}
    ]
    if not there:
        return
    uids = " ".join(sorted(str(one["metadata"].get("uid")) for one in there))
    yield UnknownOwnerStatus(
        "blocked",
        f"Helm has installed a release {name} in {namespace}: Argo CD would take over its objects, "
        "and Helm would change or delete them later",
        Fix(
            f"uninstall it first: helm -n {namespace} uninstall {name}; or choose a different "
            "name in the answers (installation.release)",
            "installation.release",
        ),
        f"Helm release {namespace}/{name} {uids}",
    )


def _find_rivals(argocd: Kube, target: Target, namespace: str) -> Iterator[StepStatus]:
    rivals = find_rivals(argocd, target, namespace)
    if not rivals.found:
        return
    yield UnknownOwnerStatus(
        "blocked",
        f"this installation is already delivered by {rivals.names}; a second Application would "
        "fight with it",
        Fix("ask who made it, and remove it without its objects (no finalizer)"),
        rivals.lines,
    )


def _line(ref: Ref, found: KubeObject) -> str:
    return f"{ref} {found['metadata'].get('uid')}"

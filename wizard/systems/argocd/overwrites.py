"""What Argo CD would overwrite or fight with: it applies by name, and forces every field.

`apply` looks before the files reach the branch, and again before it creates the Application: at the
objects that the committed files name, at the Secrets that these make, at a Helm release of this
name, and at other Applications that deliver the same. Later commits name new objects, which may
exist too. Source: Argo CD, sync option ServerSideApply, which applies with --force-conflicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd.rivals import find_rivals
from wizard.systems.argocd.tracking import (
    TRACKING,
    is_tracked,
    judge_delivered,
    list_manifests,
    names_object,
)
from wizard.systems.cluster.guarded_steps import guard_step
from wizard.systems.cluster.object_removal import merge_statuses, read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import (
    UnknownOwnerStatus,
    ask_unseen,
    seal_objects,
    settle_unknown,
)
from wizard.systems.cluster.secret_overwrites import find_overwritten_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wizard.manifests.ownership import Ownership
    from wizard.systems.target import Target

_RENAME = Fix(
    "choose a different name in the answers (installation.release)", "installation.release"
)
_LET_LOOK = Fix(
    "ask for the right to read Applications in Argo CD's namespace, or let its owner run: "
    "airflow-wizard apply --dry-run"
)

OVERWRITES = "argocd.overwrites"
# What becomes of the question about what this login may not see.
_Unseen = Literal["asked", "unknown", "left out"]
_SHOWN = 3
_NOTHING = StepStatus("holds", "Argo CD would overwrite nothing of others")


def build_overwrites_step(target: Target, application: Ref) -> Step | None:
    """Return the step that looks before Argo CD sees the files; None without a login.

    It is blocked until the operator says yes to exactly what would be overwritten.
    """
    kube, argocd = target.kube, target.argocd
    if kube is None or argocd is None:
        return None
    find = _make_look(target, kube, argocd, application, (OVERWRITES,), always=True)
    title = "Check that Argo CD overwrites nothing of others"
    return Step(OVERWRITES, title, "me", kube.identity, wrap_blocking(find))


def guard_application_step(target: Target, step: Step, application: Ref) -> Step:
    """Return the step that creates the Application, blocked while it would harm others.

    An object of another source blocks it always. Before the first delivery, everything else that
    the Application would overwrite or fight with needs the operator's yes to the list, and so does
    what this login may not see. The yes of the step above counts here too.
    """
    kube, argocd = target.kube, target.argocd
    if kube is None or argocd is None:
        return step
    find = _make_look(target, kube, argocd, application, (step.id, OVERWRITES), always=False)
    return guard_step(step, find, {"wanted", "holds"})


def _make_look(
    target: Target,
    kube: Kube,
    argocd: Kube,
    application: Ref,
    steps: Sequence[str],
    *,
    always: bool,
) -> Callable[[], StepStatus]:
    """Return the look of the first of these steps; the operator's yes for each of them counts.

    With `always`, it also looks for what later commits would overwrite.
    """

    def find() -> StepStatus:
        try:
            looks = list(_find_refusals(target, kube, argocd, application, always=always))
        except KubeError as error:
            raise explain_error(error) from None
        seals = [target.agreed.get(one, "") for one in steps]
        agreed = seal_objects(looks)
        settled = settle_unknown(looks, steps[0], agreed if agreed in seals else "")
        refused = [one for one in settled if one.state in {"blocked", "unknown"}]
        return merge_statuses(refused, "") if refused else _accept(looks)

    return find


def _accept(confirmed: Sequence[StepStatus]) -> StepStatus:
    """Return that nothing is in the way, or only what the operator said yes to."""
    if not confirmed:
        return _NOTHING
    more = f"; and {len(confirmed) - _SHOWN} more" if len(confirmed) > _SHOWN else ""
    shown = "; ".join(one.detail for one in confirmed[:_SHOWN])
    return StepStatus("holds", f"confirmed ({len(confirmed)}): {shown}{more}")


def _find_refusals(
    target: Target, kube: Kube, argocd: Kube, application: Ref, *, always: bool
) -> Iterator[StepStatus]:
    namespace = target.release.namespace
    is_first = False
    try:
        is_first = read_object(argocd, application) is None
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        # A login for the installation's namespace alone: Argo CD's owner delivers.
        asked = ask_unseen(f"whether Argo CD has {application}", error)
        yield StepStatus("unknown", asked.detail, _LET_LOOK)
    unseen: _Unseen = "asked" if is_first else "unknown" if always else "left out"
    yield from _see(
        lambda: _find_manifests(target, is_first=is_first, always=always),
        f"the objects in {namespace} that Argo CD would overwrite",
        unseen,
    )
    if not (is_first or always):
        return
    yield from _see(
        lambda: find_overwritten_secrets(kube, target),
        f"the Secrets in {namespace} that External Secrets would overwrite",
        unseen,
    )
    if not is_first:
        return
    yield from _see(
        lambda: _find_release(kube, target), f"whether Helm has installed a release in {namespace}"
    )
    yield from _see(
        lambda: _find_rivals(argocd, target, application.namespace),
        "whether another Application delivers this installation",
    )


def _see(
    look: Callable[[], Iterable[StepStatus]], what: str, unseen: _Unseen = "asked"
) -> Iterator[StepStatus]:
    """Yield what a look finds; if this login may not look, the question whether to go on.

    A login for later deliveries may have fewer rights: then it is only said.
    """
    try:
        yield from list(look())
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        asked = ask_unseen(what, error)
        if unseen != "left out":
            is_asked = unseen == "asked"
            yield asked if is_asked else StepStatus("unknown", asked.detail, asked.fix)


def _find_manifests(target: Target, *, is_first: bool, always: bool) -> Iterator[StepStatus]:
    for ref, found in list_manifests(target):
        owner = judge_delivered(target, found, ref)
        is_asked = is_first or (always and not _is_delivered(target, found, ref, owner))
        if owner.is_ours or not (is_asked or owner.is_proven_foreign):
            continue
        detail = (
            f"{ref} already exists and {escape_unprintable(owner.reason)}; Argo CD would "
            "overwrite it"
        )
        if owner.is_proven_foreign:
            yield StepStatus("blocked", detail, _RENAME)
        else:
            yield UnknownOwnerStatus("blocked", detail, _RENAME, _line(ref, found))


def _is_delivered(target: Target, found: KubeObject, ref: Ref, owner: Ownership) -> bool:
    """Return whether our Application delivers an object of an earlier version, without a source."""
    by_label = TRACKING not in (found["metadata"].get("annotations") or {})
    return (
        owner.whose == "unknown"
        and is_tracked(found, target)
        and (by_label or names_object(found, ref))
    )


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

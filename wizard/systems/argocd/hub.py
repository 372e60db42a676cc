"""Whether the cluster at hand is the one that Argo CD runs in.

Where Argo CD deploys to other clusters, a forgotten `--argocd-context` looks for Applications in
Airflow's own cluster. "There is none" is then no fact about the installation: Argo CD restores
from afar what a removal deletes here, and an Application in a second Argo CD fights with the first.
Both therefore need a proof of Argo CD's cluster: the UID that `apply` recorded, an Application of
ours, or a context that the operator named while Argo CD has delivered nothing yet.

How Argo CD marks what it delivers depends on its settings: a tracking id, a label whose key it may
choose, or both. So the proof does not build on marks: the manifests of the installation that name
it as their source are in its cluster only if some Argo CD delivered them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import HUB
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.state.apply_journal import ARGOCD_UID
from wizard.systems.argocd.application import application_names
from wizard.systems.argocd.tracking import list_delivered_by_source, list_other_installations
from wizard.systems.cluster.object_removal import NO_CONTEXT, read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import UnknownOwnerStatus, settle_unknown
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

_NAME_IT = Fix("name the context of Argo CD's cluster with --argocd-context")


def build_hub_step(target: Target) -> Step:
    """Return the step of `apply` that records Argo CD's cluster, and stops at a different one."""
    return _build_step(target, _check_before_apply)


def build_hub_check(target: Target) -> Step:
    """Return the step of a removal that needs a proof that this is Argo CD's cluster."""
    return _build_step(target, _check_before_removal)


def _build_step(target: Target, look: Callable[[Target, Kube], StepStatus]) -> Step:
    kube = target.argocd

    def check() -> StepStatus:
        if kube is None:
            return StepStatus("unknown", NO_CONTEXT, _NAME_IT)
        try:
            return look(target, kube)
        except KubeError as error:
            raise explain_error(error) from None

    endpoint = kube.identity if kube else "cluster"
    return declared_step(HUB, endpoint, lambda: run_in_thread(check))


def _check_before_apply(target: Target, kube: Kube) -> StepStatus:
    seen = kube.cluster().uid
    if different := _compare(target, seen):
        return different
    if not _serves_applications(kube):
        return _blocked(target, "does not serve Applications")
    if not (seen and seen == _recorded(target)) and (
        question := _ask_about_hub(target, kube, seen)
    ):
        return question
    _record(target, seen)
    return StepStatus("holds", _describe(seen))


def _check_before_removal(target: Target, kube: Kube) -> StepStatus:
    seen = kube.cluster().uid
    if different := _compare(target, seen):
        return different
    if not seen and _recorded(target) and not target.release.controller_is_inside:
        return _blocked(
            target, "may not be identified: no permission to read namespace kube-system"
        )
    if not (seen and seen == _recorded(target)):
        if doubt := _find_doubt(target, kube):
            return _blocked(target, doubt)
        if question := _ask_about_hub(target, kube, seen):
            return question
    _record(target, seen)
    return StepStatus("holds", _describe(seen))


def _find_doubt(target: Target, kube: Kube) -> str:
    """Return why nothing shows that this is Argo CD's cluster; empty if something does."""
    if not _serves_applications(kube):
        return "does not serve Applications"
    named = target.argocd is not target.kube
    if named or target.release.controller_is_inside or _has_own_application(target, kube):
        return ""
    return "has no Application of this installation"


def _ask_about_hub(target: Target, kube: Kube, seen: str) -> StepStatus | None:
    """Return the question whether this cluster's Argo CD delivers the installation; None if it may.

    Only in another cluster than Airflow's may a different Argo CD be meant.
    """
    if target.release.controller_is_inside:
        return None
    why = _find_other_deliverer(target, has_own=_has_own_application(target, kube))
    if not why:
        return None
    asked = UnknownOwnerStatus(
        "blocked",
        f"{kube.identity} {why}",
        Fix(f"{_NAME_IT.text}; if Argo CD runs here, the Application is deleted already"),
        f"Argo CD's cluster {escape_unprintable(seen)}, which {why}",
    )
    settled = settle_unknown([asked], HUB.id, target.agreed.get(HUB.id, ""))[0]
    return settled if settled.state == "blocked" else None


def _find_other_deliverer(target: Target, *, has_own: bool) -> str:
    """Return why a different Argo CD may have delivered the installation; empty if none did."""
    try:
        found = list(list_delivered_by_source(target))
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return (
            "" if has_own else "has no Application of this installation, and what one delivered "
            "cannot be read"
        )  # fmt: skip
    if found and not has_own:
        return "has no Application of this installation, but its objects were delivered by one"
    others = list_other_installations(target, found)
    if others:
        return (
            "has an Application of this installation, but its objects were delivered by an Argo CD "
            f"with another installation id: {escape_unprintable(', '.join(others))}"
        )
    return ""


def _has_own_application(target: Target, kube: Kube) -> bool:
    own, namespace = target.release.owner_id, argocd_answers(target.answers.delivery).namespace
    found = (
        read_object(kube, Ref(API_VERSION, "Application", name, namespace))
        for name in application_names(target)
    )
    return any(one is not None and judge_object(one, own).is_ours for one in found)


def _serves_applications(kube: Kube) -> bool:
    return "Application" in kube.kinds(API_VERSION)


def _recorded(target: Target) -> str:
    """Return the recorded UID of Argo CD's cluster; empty before the first contact."""
    if target.release.controller_is_inside:
        return target.cluster.uid
    return target.known_identities.get(ARGOCD_UID, "")


def _record(target: Target, seen: str) -> None:
    if seen and not target.release.controller_is_inside:
        target.met_identities[ARGOCD_UID] = seen


def _compare(target: Target, seen: str) -> StepStatus | None:
    recorded = _recorded(target)
    if target.release.controller_is_inside or not (seen and recorded) or seen == recorded:
        return None
    return _blocked(target, f"has UID {escape_unprintable(seen)}, not the recorded {recorded}")


def _blocked(target: Target, why: str) -> StepStatus:
    place = argocd_answers(target.answers.delivery).destination
    kube = target.argocd
    identity = kube.identity if kube else "the cluster"
    where = (
        "Argo CD runs in its own target cluster"
        if target.release.controller_is_inside
        else f"Argo CD deploys to {escape_unprintable(place)} from a different cluster"
    )
    return StepStatus("blocked", f"{identity} {why}, and {where}", _NAME_IT)


def _describe(seen: str) -> str:
    return f"Argo CD's cluster {escape_unprintable(seen)}" if seen else "named by its context"

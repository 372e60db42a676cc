"""Whether an AppProject of somebody else allows the installation; it is only read.

Argo CD refuses an Application whose project does not allow its sources or destination, and syncs no
object of a kind that the project does not allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.project import find_missing, find_needs
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import project_step
from wizard.engine.probes import ProbeResult, fail_result, pass_result, unknown_result
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.formats.terminal import format_first
from wizard.plan.render import render
from wizard.systems.argocd.controller import look_at_controller, name_controller
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.objects import explain_error

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release
    from wizard.systems.target import Target

_PROJECT = "delivery.argocd.project"
_SHOWN = 6


def build_existing_project_step(target: Target) -> Step:
    """Return the step that checks the project before the Application is created."""
    kube = target.argocd

    def look(at: Kube) -> StepStatus:
        try:
            result = check_existing_project(at, target.answers, target.release)
        except KubeError as error:
            raise explain_error(error) from None
        return StepStatus(
            "holds"
            if result.status == "pass"
            else "blocked"
            if result.status == "fail"
            else "unknown",
            result.detail,
            result.fix,
        )

    return declared_step(
        project_step(argocd_answers(target.answers.delivery)),
        name_controller(kube),
        lambda: look_at_controller(kube, look),
    )


def check_existing_project(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Check that the named AppProject exists and allows everything that the installation needs.

    Raises KubeError if it cannot be read for another reason than missing rights.
    """
    argo = argocd_answers(answers.delivery)
    ref = Ref(API_VERSION, "AppProject", argo.project, argo.namespace)
    try:
        found = read_object(kube, ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return unknown_result(
            f"no permission to read {ref}",
            "ask for the right to get it, or ask its owner; `handover` lists what it must allow",
        )
    if found is None:
        return fail_result(
            f"{ref} does not exist",
            Fix(
                "correct delivery.argocd.project, ask the platform team for it, or set "
                "delivery.argocd.project_kind=own",
                _PROJECT,
            ),
        )
    needs = find_needs(release, argo.settings(release), render(answers, release.assets).total)
    missing = find_missing(found.get("spec") or {}, needs)
    if not missing:
        return pass_result(
            f"{ref} allows the sources, the destination and {len(needs.kinds)} kinds"
        )
    return fail_result(
        f"{ref} does not allow {format_first(missing, _SHOWN)}",
        Fix(
            "ask its owner to allow them (`handover` lists everything), or name another project",
            _PROJECT,
        ),
    )

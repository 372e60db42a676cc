"""The probes for what `apply` looks at before a controller sees the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.deliveries.live import live_delivery
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    make_finished_probe,
    pass_result,
    run_in_thread,
    skip_result,
    unknown_result,
)
from wizard.errors import Fix, WizardError
from wizard.state.cluster_identity import compare_clusters
from wizard.systems.target import Target

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step
    from wizard.systems.situation import Situation

_SECONDS = 30.0
_ID, _TITLE = "cluster.overwrites", "Cluster: overwrites"
_YES = Fix("the yes is an option of airflow-wizard apply, whose --dry-run shows the list")
_NO_CONTROLLER = unknown_result(
    "what the delivery would overwrite was not looked at: no context for Argo CD's cluster",
    "name it with --argocd-context",
)


def list_overwrites_probes(situation: Situation) -> Iterator[Probe]:
    """Yield a probe for each look at the cluster that `apply` takes before the files are pushed."""
    kube, repository, proposal = situation.kube, situation.repository, situation.proposal
    installer = live_delivery(situation.release.delivery).installer
    if installer is None or kube is None or repository is None or proposal is None:
        return
    changes = [one for one in proposal.plan.changes if one.logical and not one.is_base]
    inside = kube if situation.release.controller_is_inside else None
    target = Target(
        situation.answers,
        situation.release,
        repository,
        proposal.plan.digest,
        {one.logical: one.new for one in changes if one.new is not None},
        kube=kube,
        argocd=situation.argocd or inside,
    )
    try:
        steps = installer.build_push_checks(target)
    except WizardError as error:
        # `check` itself reports an edit that no Application can be read from.
        unread = unknown_result(error.message, error.fix)
        yield make_finished_probe(_ID, _TITLE, kube.server, unread)
        return
    if situation.release.gitops and target.argocd is None:
        yield make_finished_probe(_ID, _TITLE, kube.server, _NO_CONTROLLER)
    for step in steps:
        yield _make_probe(target, kube, step)


def _make_probe(target: Target, kube: Kube, step: Step) -> Probe:
    async def run() -> ProbeResult:
        try:
            if compare_clusters(target.answers.cluster, await run_in_thread(kube.cluster)):
                return skip_result("needs cluster.identity")
            look = await step.check()
        except WizardError as error:
            return unknown_result(error.message, error.fix)
        if look.state == "blocked":
            # Only an object whose owner is unknown has a line, to which the yes is given.
            fix = Fix.join((look.fix, _YES)) if look.diff else look.fix
            return fail_result(look.detail, fix)
        if look.state == "holds":
            return pass_result(look.detail)
        return unknown_result(look.detail, look.fix)

    return Probe(step.id, step.title, kube.server, run, _SECONDS)

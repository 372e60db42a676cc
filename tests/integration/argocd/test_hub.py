"""Argo CD on a hub cluster, and a removal that forgets to name it: two real API servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.cluster.argocd import World, told
from tests.support.cluster.installation import APPLICATION, exists
from tests.support.cluster.kubeconfigs import cluster, written
from tests.testbed.fixtures import new_kube, running
from tests.testbed.kube import Kube as Server
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube
from wizard.deliveries.argocd.live import LIVE
from wizard.destroy.steps import build_undo_steps
from wizard.engine.steps import StepStatus
from wizard.state.apply_journal import ARGOCD_UID
from wizard.systems.argocd import hub
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

FAR = {"delivery.argocd.destination": "https://api.prod.example:6443"}
NAME_IT = "--argocd-context"


@pytest.fixture(scope="module")
def bare() -> Iterator[Server]:
    """Airflow's cluster: it has no Argo CD, and does not know its kinds."""
    with running(new_kube()) as server:
        yield server


def check(target: Target) -> StepStatus:
    async def run() -> StepStatus:
        return await hub.build_hub_check(target).check()

    return asyncio.run(run())


def test_a_forgotten_hub_is_not_read_as_there_is_no_application(
    world: World, bare: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.install_argo()
    kubeconfig = written(world.folder / "bare", cluster(bare), {"token": bare.token})
    far = world.target(**FAR)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    sent: list[str] = []
    here: Kube = open_kube(told=sent.append, patience=2)
    there = far.argocd
    applied = replace(far, kube=here)
    made = told(
        one
        for one in by_argocd.build_argocd_steps(applied)
        if one.id.startswith("argocd") or one.id == "git.branch"
    )
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    assert there is not None
    assert applied.met_identities == {ARGOCD_UID: there.cluster().uid}
    known = dict(applied.met_identities)

    # On another machine, or on this one: without the option nothing is looked at or deleted.
    for record in ({}, known):
        forgotten = replace(applied, argocd=here, known_identities=record, verdicts={})
        installer = LIVE.installer
        assert installer is not None
        sent.clear()
        for steps in (
            installer.destroy(forgotten, None, ("volumes", "namespace")),
            installer.undo(forgotten, None),
            build_undo_steps(forgotten, "delivery")[1:],
        ):
            found = told(steps)
            first = found.pop("argocd.cluster")
            assert (first.state, NAME_IT in first.fix.text) == ("blocked", True), first
            assert {event.state for event in found.values()} == {"left"}
        # What a run writes into the wrong cluster it cannot name either.
        wrong = told(by_argocd.build_argocd_steps(forgotten))["argocd.cluster"]
        assert (wrong.state, NAME_IT in wrong.fix.text) == ("blocked", True), wrong
        assert [line for line in sent if not line.startswith("GET ")] == []
    assert exists(world, APPLICATION)

    # A cluster that has an Argo CD of its own is no better, unless something proves it.
    both = replace(applied, kube=there, argocd=there)
    assert check(both).state == "holds"
    assert check(replace(both, known_identities={ARGOCD_UID: "another"})).state == "blocked"
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    look = check(both)
    assert (look.state, NAME_IT in look.fix.text) == ("blocked", True), look
    assert check(replace(both, known_identities=known)).state == "holds"
    named = replace(both, argocd=world.client())
    assert check(named).state == "holds"
    # Nor is a named one, while objects say that an Application delivered them.
    world.operators.sync(far.files_under("secrets/"))
    look = check(named)
    seal = look.fix.text.partition("--take-over argocd.cluster@")[2]
    assert (look.state, len(seal)) == ("blocked", 12), look
    assert check(replace(named, known_identities=known)).state == "holds"
    assert check(replace(named, agreed={"argocd.cluster": seal})).state == "holds"
    assert check(replace(named, agreed={"argocd.cluster": "0" * 12})).state == "blocked"

    # Argo CD in Airflow's own cluster: it was uninstalled only if the cluster is the recorded one.
    uid = here.cluster().uid
    inside = replace(world.target(), kube=here, argocd=here)
    assert (check(inside).state, NAME_IT in check(inside).fix.text) == ("blocked", True)
    assert check(replace(inside, known_identities={"cluster.uid": uid})).state == "holds"
    assert check(world.target()).state == "holds"

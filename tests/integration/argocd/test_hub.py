"""Argo CD on a hub cluster, and a removal that forgets to name it: two real API servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from tests.support.cluster.argocd import World, told
from tests.support.cluster.installation import APPLICATION, exists, look
from tests.support.cluster.kubeconfigs import account, cluster, written
from tests.testbed.fixtures import new_kube, running
from tests.testbed.kube import Kube as Server
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube, Ref
from wizard.deliveries.argocd.live import LIVE
from wizard.destroy.steps import build_undo_steps
from wizard.engine.steps import StepStatus
from wizard.state.apply_journal import ARGOCD_UID
from wizard.systems.argocd import hub
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd.tracking import INSTALLATION, INSTANCE, TRACKING
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
    return look(hub.build_hub_check(target))


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
            build_undo_steps(forgotten, "delivery")[2:],
        ):
            found = told(steps)
            first = found.pop("argocd.cluster")
            assert (first.state, NAME_IT in first.fix.text) == ("blocked", True), first
            assert {event.state for event in found.values()} == {"left"}, found
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
    asked = check(both)
    assert (asked.state, NAME_IT in asked.fix.text) == ("blocked", True), asked
    assert check(replace(both, known_identities=known)).state == "holds"
    named = replace(both, argocd=world.client())
    assert check(named).state == "holds"
    # Nor is a named one, while objects say that an Application delivered them.
    world.operators.sync(far.files_under("secrets/"))
    asked = check(named)
    seal = asked.fix.text.partition("--take-over argocd.cluster@")[2]
    assert (asked.state, len(seal)) == ("blocked", 12), asked
    assert check(replace(named, known_identities=known)).state == "holds"
    assert check(replace(named, agreed={"argocd.cluster": seal})).state == "holds"
    assert check(replace(named, agreed={"argocd.cluster": "0" * 12})).state == "blocked"

    # Argo CD in Airflow's own cluster: it was uninstalled only if the cluster is the recorded one.
    uid = here.cluster().uid
    inside = replace(world.target(), kube=here, argocd=here)
    assert (check(inside).state, NAME_IT in check(inside).fix.text) == ("blocked", True)
    assert check(replace(inside, known_identities={"cluster.uid": uid})).state == "holds"
    assert check(world.target()).state == "holds"


def test_a_wrong_hub_is_asked_about_whatever_mark_argo_cd_writes(world: World) -> None:
    """Label tracking leaves no tracking id, and a label key of one's own no known mark at all."""
    world.install_argo()
    far = world.target(**FAR)
    named = replace(far, argocd=world.client())
    assert check(named).state == "holds", "nothing was delivered yet"
    world.operators.sync(far.files_under("secrets/"))
    kube, texts = far.kube, far.files_under("secrets/").values()
    assert kube is not None

    def mark(notes: dict[str, str], labels: dict[str, str]) -> None:
        for text in texts:
            found = kube.get(Ref.from_manifest(yaml.safe_load(text)))
            assert found is not None
            about = found["metadata"]
            own = {**about["annotations"], **notes}
            own = {key: value for key, value in own.items() if key != TRACKING}
            kept = {key: value for key, value in about["labels"].items() if key != INSTANCE}
            about = {**about, "annotations": own, "labels": {**kept, **labels}}
            kube.replace({**found, "metadata": {**about, "managedFields": None}})

    agreed, by_label = named, {INSTANCE: "airflow"}
    for labels in (by_label, {}):
        mark({}, labels)
        for step in (hub.build_hub_check, hub.build_hub_step):
            fresh = replace(named, met_identities={})
            asked = look(step(fresh))
            seal = asked.fix.text.partition("--take-over argocd.cluster@")[2]
            assert (asked.state, len(seal)) == ("blocked", 12), asked
            assert fresh.met_identities == {}
            agreed = replace(named, agreed={"argocd.cluster": seal}, met_identities={})
            assert look(step(agreed)).state == "holds"
    # With its Application there, unless another Argo CD says that it delivered the objects.
    made = told(one for one in by_argocd.build_argocd_steps(agreed) if one.id.startswith("argocd"))
    assert made["argocd.application"].state == "changed", made
    assert check(named).state == "holds"
    mark({INSTALLATION: "another"}, {})
    asked = check(named)
    assert (asked.state, "installation id: another" in asked.detail) == ("blocked", True), asked
    world.put("ConfigMap", "argocd-cm", data={"installationID": "another"})
    assert check(replace(named, observed={})).state == "holds"
    # What cannot be read proves nothing.
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    _, token = account(world.server)
    blind = replace(named, kube=world.client(token), observed={})
    asked = check(blind)
    assert (asked.state, "cannot be read" in asked.detail) == ("blocked", True), asked

"""A removal changes nothing in a cluster or Vault that is not proven to be the installation's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.vault.test_steps import Bench, controller, new_bench
from tests.support.cluster.argocd import told
from tests.support.cluster.kubeconfigs import account, cluster, rule, written
from wizard.clients.kube.connect import open_kube
from wizard.clients.vault.address import VaultAccess
from wizard.clients.vault.transport import VaultHttp, VaultResponse
from wizard.engine.steps import StepEvent
from wizard.state.apply_journal import CLUSTER_UID, VAULT_CLUSTER_ID
from wizard.systems.cluster.identity import build_identity_proof
from wizard.systems.target import Target
from wizard.systems.vault import identity
from wizard.systems.vault.session import VaultLogin

__all__ = ["controller", "new_bench"]

pytestmark = pytest.mark.integration

HERE, VAULT = "cluster.identity", "vault.identity"


def proven(target: Target) -> dict[str, StepEvent]:
    """How the identities of cluster and Vault were judged."""
    target.met_identities.clear()
    session = VaultLogin(target)
    return told([build_identity_proof(target), *identity.build_identity_proof(target, session)])


def seals(found: dict[str, StepEvent]) -> dict[str, str]:
    """The yes that each asks for."""
    given = {
        name: re.search(rf"--take-over {re.escape(name)}@([0-9a-f]{{12}})", event.fix.text)
        for name, event in found.items()
    }
    return {name: one[1] for name, one in given.items() if one}


def known(bench: Bench, target: Target) -> dict[str, str]:
    """What an earlier run would have recorded."""
    assert target.kube is not None
    health: Any = bench.vault.request("GET", "sys/health")
    return {CLUSTER_UID: target.kube.cluster().uid, VAULT_CLUSTER_ID: health["cluster_id"]}


def with_server(target: Target) -> Target:
    """The answers record the cluster's address, as a first installation does."""
    assert target.kube is not None
    own = target.answers.cluster.model_copy(update={"server": target.kube.server})
    return replace(target, answers=target.answers.model_copy(update={"cluster": own}))


def test_what_no_run_recorded_needs_a_yes_to_exactly_this(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench()
    target = with_server(bench.target)
    recorded = known(bench, target)
    found = proven(target)
    assert [one.state for one in found.values()] == ["blocked", "blocked"], found
    assert recorded[CLUSTER_UID] in found[HERE].detail
    assert recorded[VAULT_CLUSTER_ID] in found[VAULT].detail
    # What was only looked at is not known the next time.
    assert target.met_identities == {}
    agreed = seals(found)
    assert set(agreed) == {HERE, VAULT}
    for wrong in ({HERE: "0" * 12, VAULT: "0" * 12}, {HERE: agreed[VAULT], VAULT: agreed[HERE]}):
        found = proven(replace(target, agreed=wrong))
        assert {one.state for one in found.values()} == {"blocked"}
    agreed_to = replace(target, agreed=agreed)
    assert {one.state for one in proven(agreed_to).values()} == {"holds"}
    assert agreed_to.met_identities[CLUSTER_UID] == recorded[CLUSTER_UID]

    # A loopback address is not recorded.
    target = bench.target
    found = proven(replace(target, known_identities=recorded))
    assert {one.state for one in found.values()} == {"holds"}
    # Another one than the recorded one: no yes helps.
    for name in (CLUSTER_UID, VAULT_CLUSTER_ID):
        other = replace(target, known_identities={**recorded, name: "other"}, agreed=agreed)
        found = proven(other)
        step = HERE if name == CLUSTER_UID else VAULT
        assert (found[step].state, seals(found)) == ("blocked", {}), found


def test_an_identity_that_cannot_be_read_is_not_proven(
    new_bench: Callable[..., Bench], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = new_bench()
    target = with_server(bench.target)
    recorded = known(bench, target)
    _, token = account(bench.kube, rule("get", "configmaps"))
    path = written(tmp_path / "blind", cluster(bench.kube), {"token": token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    ask = VaultHttp.ask

    def hidden(self: VaultHttp, method: str, path: str, *args: Any, **more: Any) -> VaultResponse:
        """As a proxy in front of Vault that lets only some paths through."""
        if path == "sys/health":
            return VaultResponse(404, {})
        return ask(self, method, path, *args, **more)

    monkeypatch.setattr(VaultHttp, "ask", hidden)
    blind = replace(target, kube=open_kube(patience=2), known_identities=recorded)
    found = proven(blind)
    assert [one.state for one in found.values()] == ["blocked", "blocked"], found
    assert "may not read its UID" in found[HERE].detail
    assert "does not tell its cluster id" in found[VAULT].detail
    done = proven(replace(blind, agreed=seals(found)))
    assert {one.state for one in done.values()} == {"holds"}
    # The yes is for the system that does not tell it: not for one that does.
    monkeypatch.setattr(VaultHttp, "ask", ask)
    again = proven(replace(target, agreed=seals(found)))
    assert {one.state for one in again.values()} == {"blocked"}


def test_another_namespace_of_the_same_vault_is_not_the_installations(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As VAULT_NAMESPACE of a shell leads there: nothing exists there, so all would be gone."""
    bench = new_bench()
    target = replace(bench.target, known_identities=known(bench, bench.target))
    assert target.access is not None
    address, login = target.access
    elsewhere = replace(address, namespace="team-b", namespace_source="VAULT_NAMESPACE")
    moved = replace(target, access=VaultAccess(elsewhere, login))
    # A community Vault ignores it.
    assert proven(moved)[VAULT].state == "holds"
    ask = VaultHttp.ask

    def enterprise(
        self: VaultHttp, method: str, path: str, *args: Any, **more: Any
    ) -> VaultResponse:
        found = ask(self, method, path, *args, **more)
        if path == "sys/health":
            return replace(found, body={**found.body, "version": "1.21.4+ent"})
        return found

    monkeypatch.setattr(VaultHttp, "ask", enterprise)
    done = proven(moved)[VAULT]
    assert done.state == "blocked", done
    assert "VAULT_NAMESPACE is team-b, but External Secrets uses (root)" in done.detail
    assert "unset VAULT_NAMESPACE" in done.fix.text
    assert seals({VAULT: done}) == {}
    assert proven(target)[VAULT].state == "holds"

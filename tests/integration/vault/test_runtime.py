"""The role of Airflow's own pods on a real Vault and API server: two folders, never the payload."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.vault.test_removal import applied, dump, removed
from tests.integration.vault.test_steps import IDS, Bench, Wire, controller, new_bench, wire
from tests.support.vault_store import place
from tests.testbed.kube import RejectedError
from wizard.clients.vault.address import Jwt, Token
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import ProbeResult, run_probes
from wizard.stores.vault.runtime import runtime_settings
from wizard.stores.vault.settings import VaultSettings
from wizard.systems.vault.login_evidence import Surroundings
from wizard.systems.vault.looks import AuthState
from wizard.systems.vault.probes import vault_probes
from wizard.systems.vault.store_login import try_store_login

__all__ = ["controller", "new_bench", "wire"]

pytestmark = pytest.mark.integration

BACKEND: dict[str, object] = {"secrets.backend.kind": "vault"}
OWN = ("vault.runtime-policy", "vault.runtime-role", "vault.runtime-login")


def runtime_of(bench: Bench) -> VaultSettings:
    found = runtime_settings(bench.target.answers.secrets, bench.target.release)
    assert found is not None
    return found


def accounts(bench: Bench, *names: str) -> None:
    """The ServiceAccounts that the chart would make."""
    namespace = bench.target.release.namespace
    for name in names:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        try:
            bench.kube.request("POST", path, {"metadata": {"name": name}})
        except RejectedError as error:
            if error.code != 409:
                raise


def minted(bench: Bench, account: str) -> SecretStr:
    assert bench.target.kube is not None
    store = runtime_of(bench)
    return bench.target.kube.token(account, store.account_namespace, store.audience)


def read_as(bench: Bench, account: str, *paths: str) -> list[Any]:
    """What a login as the account reads at each path: its data, or the kind of the refusal."""
    store, found = runtime_of(bench), []
    who = Jwt(store.auth_mount, store.role, minted(bench, account))
    with open_vault(place(bench.vault), who) as vault:
        for path in paths:
            try:
                found.append(vault.call("GET", path).data["data"])
            except VaultError as error:
                found.append(error.kind)
    return found


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    made = new_bench(BACKEND)
    made.account()
    accounts(made, *runtime_of(made).accounts, "stranger")
    return applied_runtime(made)


def applied_runtime(bench: Bench) -> Bench:
    bench.account()
    bench.log_in(bench.vault.token)
    found = bench.run()
    assert tuple(found) == (*IDS, *OWN)
    assert {one.state for one in found.values()} <= {"changed", "holds"}, found
    return bench


def test_each_component_reads_connections_and_variables_and_never_the_payload(
    bench: Bench, wire: Wire
) -> None:
    store = runtime_of(bench)
    connections, variables = (f"{store.mount}/data/{folder}" for folder in store.folders)
    for path, data in (
        (store.data_path, {"fernetKey": "made-up"}),
        (f"{connections}/db", {"conn_uri": "postgresql://db"}),
        (f"{variables}/team", {"value": "data"}),
        (f"{store.mount}/data/neighbour", {"value": "x"}),
    ):
        bench.vault.request("POST", path, {"data": data})
    listed = f"{store.mount}/metadata/{store.folders[0]}?list=true"
    asked = (f"{connections}/db", f"{variables}/team", f"{connections}/none", store.data_path,
             f"{store.mount}/data/neighbour", listed)  # fmt: skip
    for account in store.accounts:
        assert read_as(bench, account, *asked) == [
            {"conn_uri": "postgresql://db"}, {"value": "data"}, "missing", "forbidden",
            "forbidden", "forbidden",
        ], account  # fmt: skip
    for stranger in ("stranger", bench.store.service_account):
        with pytest.raises(VaultError) as refused:
            read_as(bench, stranger, store.data_path)
        assert refused.value.kind == "login", stranger
    wire.lines.clear()
    assert {one.state for one in bench.run().values()} == {"holds"}
    assert not wire.writes


def test_a_login_that_reaches_the_payload_is_named(bench: Bench) -> None:
    store = runtime_of(bench)
    around = Surroundings(place(bench.vault))

    def judged() -> tuple[str, str]:
        token = minted(bench, store.service_account)
        found = try_store_login(store, token, AuthState, around)
        return found.state, found.detail

    state, detail = judged()
    assert (state, "nothing else" in detail) == ("holds", True)
    bench.vault.policy(store.policy, {f"{store.mount}/data/*": ["read"]})
    state, detail = judged()
    assert (state, f"read {store.data_path}" in detail) == ("blocked", True), detail
    bench.vault.policy(store.policy, {f"{store.mount}/data/{store.folders[0]}/*": ["read"]})
    state, detail = judged()
    assert (state, store.folders[1] in detail) == ("wanted", True), detail


def test_the_live_checks_log_in_as_a_component(bench: Bench) -> None:
    store = runtime_of(bench)

    async def probed() -> dict[str, ProbeResult]:
        probes = vault_probes(
            bench.store,
            place(bench.vault),
            Token(SecretStr(bench.vault.token), "a test"),
            runtime=store,
            runtime_mint=lambda: minted(bench, store.service_account),
        )
        return {one.id: result async for one, result in run_probes(probes)}

    found = asyncio.run(probed())
    assert found["vault.runtime-role"].status == "pass", found["vault.runtime-role"]
    assert found["vault.runtime-setup"].status == "pass"
    bench.vault.policy(store.policy, {f"{store.mount}/data/*": ["read"]})
    found = asyncio.run(probed())
    assert found["vault.runtime-role"].status == "fail"
    assert store.data_path in found["vault.runtime-role"].detail
    assert found["vault.runtime-role"].fix
    bench.vault.request("DELETE", f"auth/{store.auth_mount}/role/{store.role}")
    found = asyncio.run(probed())
    assert found["vault.runtime-role"].status == "warn"


def test_the_role_comes_before_the_account_and_is_proven_later(
    new_bench: Callable[..., Bench],
) -> None:
    mine = new_bench({**BACKEND, "installation.release": "later-airflow"})
    mine.account()
    mine.log_in(mine.vault.token)
    found = mine.run()
    assert found[OWN[1]].state == "changed"
    assert found[OWN[2]].state == "unknown"
    assert "later-airflow-scheduler does not exist yet" in found[OWN[2]].detail
    accounts(mine, "later-airflow-scheduler")
    assert mine.run()[OWN[2]].state == "holds"


def test_another_role_or_policy_of_that_name_stays(new_bench: Callable[..., Bench]) -> None:
    mine = new_bench(BACKEND)
    store = runtime_of(mine)
    mine.vault.policy(store.policy, {"secret/data/hers": ["read"]})
    mine.account()
    mine.log_in(mine.vault.token)
    found = mine.run()
    assert found[OWN[0]].state == "blocked"
    assert found[OWN[0]].fix.question == "secrets.backend.role"
    assert "hers" in mine.stored(f"sys/policies/acl/{store.policy}")["policy"]


def test_a_removal_takes_only_its_own(bench: Bench, new_bench: Callable[..., Bench]) -> None:
    hers = new_bench(BACKEND)
    accounts(hers, *runtime_of(hers).accounts)
    applied_runtime(hers)
    store = runtime_of(bench)
    before = dump(hers)
    found = removed(bench.target)
    gone = {name for name, event in found.items() if event.state == "changed"}
    assert gone >= {"remove.vault-runtime-role", "remove.vault-runtime-policy"}, found
    assert bench.stored(f"sys/policies/acl/{store.policy}") == 404
    after = dump(hers)
    other = runtime_of(hers)
    for kind, name in (
        ("policies", other.policy), ("policies", hers.store.policy),
        ("roles", f"auth/{other.auth_mount}/role/{other.role}"),
    ):  # fmt: skip
        assert after[kind][name] == before[kind][name]
    # What the wizard cannot tell to be its own stays: here the policy of another repository.
    text = before["policies"][other.policy]["policy"]
    bench.vault.request("PUT", f"sys/policies/acl/{store.policy}", {"policy": text})
    found = removed(replace(bench.target))
    assert found["remove.vault-runtime-policy"].state == "blocked"
    assert json.dumps(bench.stored(f"sys/policies/acl/{store.policy}"))


def test_a_store_without_the_backend_asks_for_nothing_more(new_bench: Callable[..., Bench]) -> None:
    plain = applied(new_bench())
    assert not [name for name in removed(plain.target, dry_run=True) if "runtime" in name]

"""Vault's probes on a real Vault: what is right, and each way to be wrong."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.scripted import scripted
from tests.support.vault_store import Cluster, place, store_of
from tests.testbed.kube import Kube
from tests.testbed.vault import Vault
from wizard.clients.vault.address import AppRole, Token, VaultAddress, VaultCredentials
from wizard.clients.vault.protocol import Health, TokenInfo
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import ProbeResult, run_probes
from wizard.formats.jwt import parse_audiences
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.stores.vault.settings import VaultSettings
from wizard.systems.situation import TokenSource
from wizard.systems.vault.looks import VaultSnapshot
from wizard.systems.vault.probes import check_namespace, check_state, vault_probes
from wizard.systems.vault.uses import CHECK_REQUESTS

pytestmark = pytest.mark.integration

INSIDE = ("token", "mount", "payload", "setup")


def token(value: str) -> Token:
    return Token(SecretStr(value), "a test")


def operator(vault: Vault, store: VaultSettings, ttl: str = "30m") -> Token:
    """A token with exactly the rights that the payload, the policy and the role need."""
    write = ["create", "read", "update"]
    rules = {
        store.data_path: write,
        f"sys/policies/acl/{store.policy}": write,
        f"auth/{store.auth_mount}/role/{store.role}": write,
        "sys/mounts": ["read"],
        "sys/auth": ["read"],
    }
    vault.policy(f"{store.role}-operator", rules)
    return token(vault.new_token(f"{store.role}-operator", ttl=ttl))


async def probed(
    store: VaultSettings,
    where: VaultAddress,
    who: VaultCredentials | None,
    mint: TokenSource | None = None,
) -> dict[str, ProbeResult]:
    probes = vault_probes(store, where, who, mint=mint)
    found = {one.id: result async for one, result in run_probes(probes)}
    return {name.removeprefix("vault."): result for name, result in found.items()}


def statuses(results: dict[str, ProbeResult], *names: str) -> set[str]:
    return {results[name].status for name in names}


async def test_a_good_vault_passes_everything(vault: Vault) -> None:
    store = store_of()
    vault.mount(store.mount)
    results = await probed(store, place(vault), operator(vault, store))
    assert {name: result.status for name, result in results.items()} == {
        "certificate": "pass",
        "state": "pass",
        "token": "pass",
        "mount": "pass",
        "payload": "pass",
        "setup": "pass",
        "role": "warn",
    }, results
    assert "does not exist yet" in results["role"].detail
    assert "min left" in results["token"].detail
    assert store.data_path in results["payload"].detail


async def test_nobody_is_told_how_to_become_somebody(vault: Vault) -> None:
    results = await probed(store_of(), place(vault), None)
    assert statuses(results, "certificate", "state") == {"pass"}
    assert statuses(results, *INSIDE, "role") == {"skip"}
    assert "VAULT_TOKEN" in results["token"].fix.text
    assert results["mount"].detail == "needs vault.token"


async def test_a_vault_that_is_not_proven_is_a_fault_and_gets_nothing(
    vault: Vault, tmp_path: Path, canary: Canary
) -> None:
    where = replace(place(vault), ca=Authority.make(tmp_path).certificate)
    results = await probed(store_of(), where, token(canary.secret()))
    assert results["certificate"].status == "fail"
    assert "an authority that is not trusted" in results["certificate"].detail
    assert results["certificate"].fix.text
    assert results["state"].detail == "needs vault.certificate"
    assert statuses(results, "state", *INSIDE, "role") == {"skip"}
    canary.assert_absent(str(results))


async def test_the_states_of_a_node_are_told_apart(fresh_vault: Vault, canary: Canary) -> None:
    store, who = store_of(), token(canary.secret())
    details = []
    results = await probed(store, place(fresh_vault), who)
    details.append((results["state"].status, results["state"].detail))
    assert statuses(results, *INSIDE, "role") == {"skip"}
    fresh_vault.initialise()
    fresh_vault.seal()
    results = await probed(store, place(fresh_vault), who)
    details.append((results["state"].status, results["state"].detail))
    assert "unseal it" in results["state"].fix.text
    fresh_vault.unseal()
    results = await probed(store, place(fresh_vault), token(fresh_vault.token))
    details.append((results["state"].status, results["state"].detail.partition(",")[0]))
    assert details == [("fail", "not initialised"), ("fail", "sealed"), ("pass", "active")]
    canary.assert_absent(str(results))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("standby", "pass"),
        ("performance standby", "pass"),
        ("disaster recovery standby", "fail"),
        ("active", "pass"),
    ],
)
def test_states_that_one_node_cannot_be_in(state: str, status: str) -> None:
    seen = Health(state, "1.21.4", "", 0.0)  # type: ignore[arg-type]
    assert check_state(seen).status == status
    behind = check_state(replace(seen, skew=-60.0))
    assert behind.status == ("fail" if status == "fail" else "warn")


async def test_version_one_is_refused(vault: Vault) -> None:
    store = store_of()
    vault.mount(store.mount, version=1)
    results = await probed(store, place(vault), operator(vault, store))
    assert results["mount"].status == "fail"
    assert "KV version 1" in results["mount"].detail
    assert "secrets.vault.mount" in results["mount"].fix.text


async def test_a_mount_that_is_not_there_is_told_from_one_that_cannot_be_seen(vault: Vault) -> None:
    store = store_of()
    results = await probed(store, place(vault), operator(vault, store))
    assert results["mount"].status == "warn"
    assert f"-path={store.mount} " in results["mount"].fix.text
    vault.mount(store.mount)
    results = await probed(store, place(vault), token(vault.new_token("default")))
    assert results["mount"].status == "unknown"
    assert statuses(results, "payload") == {"warn"}
    assert "create, read, update" in results["payload"].detail
    assert results["setup"].status == "skip"
    assert store.policy in results["setup"].detail


async def test_a_token_that_may_only_read_the_payload(vault: Vault) -> None:
    store = store_of()
    vault.mount(store.mount)
    vault.policy(f"{store.role}-reader", {store.data_path: ["read"]})
    results = await probed(store, place(vault), token(vault.new_token(f"{store.role}-reader")))
    assert results["mount"].status == "pass"
    assert results["payload"].status == "warn"
    assert "cannot create, update" in results["payload"].detail


async def test_a_payload_of_another_repository_is_a_fault(vault: Vault) -> None:
    """As `secrets`, which never fills it; metadata that cannot be read says nothing."""
    store, own = store_of(), "git.example.com/acme/airflow#airflow"
    vault.mount(store.mount)

    async def ask(source: str) -> ProbeResult:
        about = {"custom_metadata": {OWNER_ANNOTATION: source}}
        vault.request("POST", f"{store.mount}/metadata/{store.path}", about)
        probes = vault_probes(store, place(vault), token(vault.token), source=own)
        return {one.id: result async for one, result in run_probes(probes)}["vault.payload"]

    assert (await ask(own)).status == "pass"
    found = await ask("git.example.com/hers/airflow#airflow")
    assert found.status == "fail", found
    assert "belongs to installation airflow of git.example.com/hers/airflow" in found.detail
    assert found.fix.question == "secrets.vault.path"
    results = await probed(store, place(vault), operator(vault, store))
    assert results["payload"].status == "pass"


async def test_rights_on_a_neighbouring_path_do_not_count(vault: Vault) -> None:
    store = store_of()
    vault.mount(store.mount)
    vault.policy(f"{store.role}-near", {f"{store.data_path}x": ["create", "read", "update"]})
    results = await probed(store, place(vault), token(vault.new_token(f"{store.role}-near")))
    assert results["payload"].status == "warn"


async def test_what_is_left_of_a_token(vault: Vault, canary: Canary) -> None:
    store = store_of()
    vault.mount(store.mount)
    for ttl, status, says in (("1830s", "pass", "30 min"), ("90s", "warn", "1 min left")):
        results = await probed(store, place(vault), operator(vault, store, ttl))
        assert (results["token"].status, says in results["token"].detail) == (status, True)
    short = operator(vault, store, "1s")
    await asyncio.sleep(1.5)
    for ended in (short, token(canary.secret())):
        results = await probed(store, place(vault), ended)
        assert results["token"].status == "fail"
        assert "log in to Vault again" in results["token"].fix.text
        assert statuses(results, "mount", "payload", "setup") == {"skip"}
        canary.assert_absent(str(results))
    results = await probed(store, place(vault), token(vault.token))
    assert results["token"].status == "warn"
    assert "never expires" in results["token"].detail
    assert "only the rights needed" in results["token"].fix.text


async def test_an_approle_that_is_refused(vault: Vault, canary: Canary) -> None:
    vault.request("POST", "sys/auth/live-approle", {"type": "approle"})
    role = AppRole(SecretStr(canary.secret()), SecretStr(canary.secret()), "live-approle")
    results = await probed(store_of(), place(vault), role)
    assert results["token"].status == "fail"
    assert "AppRole" in results["token"].detail
    assert statuses(results, "mount", "payload", "setup") == {"skip"}
    canary.assert_absent(str(results))


async def test_a_token_that_may_do_little_more_is_told(vault: Vault) -> None:
    store = store_of()
    vault.mount(store.mount)
    operator(vault, store)
    policy = f"{store.role}-operator"

    async def asked(**options: Any) -> dict[str, ProbeResult]:
        return await probed(store, place(vault), token(vault.new_token(policy, **options)))

    results = await asked(num_uses=5)
    assert results["token"].status == "fail"
    assert "allows 4 more requests (token_num_uses)" in results["token"].detail
    assert statuses(results, "mount", "payload", "setup") == {"skip"}
    results = await asked(num_uses=1)
    assert "no more request" in results["token"].detail
    results = await asked(num_uses=CHECK_REQUESTS + 1)
    assert results["token"].status == "warn"
    assert f"{CHECK_REQUESTS} requests left" in results["token"].detail
    assert statuses(results, "mount", "payload", "setup") == {"pass"}
    # Valid, although it may not look itself up.
    results = await asked(no_default_policy=True)
    assert results["token"].status == "warn"
    assert "may not look itself up" in results["token"].detail
    assert results["mount"].status == "pass"
    assert statuses(results, "payload", "setup") == {"unknown"}


async def test_a_namespace_that_this_vault_does_not_have(vault: Vault) -> None:
    store = store_of()
    where = replace(place(vault, namespace="team-a"), namespace_source="VAULT_NAMESPACE")
    results = await probed(store, where, operator(vault, store))
    assert results["namespace"].status == "warn"
    assert "VAULT_NAMESPACE is team-a, but Vault 1.21" in results["namespace"].detail
    assert "no namespaces" in results["namespace"].detail
    assert "unset or correct VAULT_NAMESPACE" in results["namespace"].fix.text
    assert results["namespace"].fix.question == ""


def test_namespaces_of_other_editions() -> None:
    where = VaultAddress("https://vault.example:8200", namespace="team-a/data")
    store = replace(store_of(), vault_namespace="team-a/data")
    info = TokenInfo("me", ("default",), 600, False, "")
    fault = VaultError("missing", "x")

    def judged(own: str, version: str = "1.21.4+ent") -> ProbeResult:
        snapshot = VaultSnapshot(replace(info, namespace=own), fault, fault)
        return check_namespace(snapshot, where, store, version)

    assert [judged(own).status for own in ("", "team-a", "team-a/data")] == ["pass"] * 3
    assert [judged(own).status for own in ("team-b", "team-a/data/deeper", "team")] == ["fail"] * 3
    assert judged("", "2.6.2").status == "pass"
    missing = VaultError("namespace", "no namespace", "correct it")
    assert (
        check_namespace(VaultSnapshot(missing, fault, fault), where, store, "2.6.2").status
        == "fail"
    )
    # On this machine only: External Secrets would read another namespace.
    elsewhere = replace(where, namespace_source="VAULT_NAMESPACE")
    result = check_namespace(
        VaultSnapshot(info, fault, fault), elsewhere, replace(store, vault_namespace=""), "2.6.2"
    )
    assert result.status == "warn"
    assert "VAULT_NAMESPACE is team-a/data, but External Secrets uses (root)" in result.detail


async def test_what_does_not_answer_is_unverified(canary: Canary) -> None:
    store, who = store_of(), token(canary.secret())
    with scripted(lambda connection: connection.close()) as port:
        closed = VaultAddress(f"https://127.0.0.1:{port}")
        results = [await probed(store, closed, who)]
    results.append(await probed(store, closed, who))
    results.append(await probed(store, VaultAddress("https://no.invalid:8200"), who))
    for one in results:
        assert one["state"].status == "unknown", one
        assert one["state"].fix.text
        assert "fail" not in statuses(one, *one)
        assert statuses(one, *INSIDE, "role", "certificate") == {"skip"}
    canary.assert_absent(str(results))


async def test_a_redirect_to_another_origin_is_a_fault(canary: Canary) -> None:
    elsewhere: list[bytes] = []

    def away(connection: socket.socket) -> None:
        elsewhere.append(connection.recv(65536))

    with scripted(away) as other:

        def moved(connection: socket.socket) -> None:
            connection.recv(65536)
            place = f"Location: http://127.0.0.1:{other}/v1/sys/health"
            connection.sendall(
                f"HTTP/1.1 307 Moved\r\n{place}\r\nContent-Length: 0\r\n\r\n".encode()
            )

        with scripted(moved) as port:
            where = VaultAddress(f"http://127.0.0.1:{port}")
            results = await probed(store_of(), where, token(canary.secret()))
        assert not elsewhere
    assert results["state"].status == "fail"
    assert f"http://127.0.0.1:{other}" in results["state"].detail
    assert results["certificate"].status == "skip"
    assert statuses(results, *INSIDE, "role") == {"skip"}


# --- the store's own login, through a real TokenReview


@pytest.fixture
def cluster(kube: Kube, vault: Vault) -> Cluster:
    store = store_of()
    vault.mount(store.mount)
    return Cluster(kube, vault, store)


async def role(cluster: Cluster, mint: TokenSource, *, as_nobody: bool = False) -> ProbeResult:
    vault, store = cluster.vault, cluster.store
    who = None if as_nobody else operator(vault, store)
    results = await probed(store, place(vault), who, mint)
    return results["role"]


def live_tokens(vault: Vault) -> int:
    return len(vault.request("LIST", "auth/token/accessors")["data"]["keys"])


async def test_the_stores_account_logs_in_and_leaves_nothing(cluster: Cluster) -> None:
    result = await role(cluster, cluster.mint())
    assert (result.status, "does not exist yet" in result.detail) == ("warn", True)
    cluster.set_up()
    result = await role(cluster, cluster.mint())
    assert result.status == "pass", result
    assert cluster.store.data_path in result.detail
    before = live_tokens(cluster.vault)
    result = await role(cluster, cluster.mint(), as_nobody=True)
    assert result.status == "pass", result
    assert live_tokens(cluster.vault) == before


async def test_a_wrong_audience_is_named(cluster: Cluster) -> None:
    cluster.set_up()
    result = await role(cluster, cluster.mint("", "somebody-else"))
    assert result.status == "fail"
    assert "somebody-else" in result.fix.text
    assert f"secrets.vault.audience is {cluster.store.audience}" in result.fix.text
    result = await role(cluster, cluster.mint("", "somebody-else"), as_nobody=True)
    assert result.status == "unknown"


async def test_another_account_is_refused(cluster: Cluster) -> None:
    cluster.set_up()
    result = await role(cluster, cluster.mint("stranger"))
    assert result.status == "fail"
    assert "ServiceAccount" in result.detail


async def test_a_role_that_is_missing_or_says_something_else(cluster: Cluster) -> None:
    cluster.set_up(policies=[])
    result = await role(cluster, cluster.mint())
    assert result.status == "fail"
    assert "cannot read" in result.detail
    path = f"auth/{cluster.store.auth_mount}/role/{cluster.store.role}"
    cluster.vault.policy(f"{cluster.store.role}-wide", {"live-*": ["create", "read", "update"]})
    cluster.vault.request("POST", path, {"token_policies": [f"{cluster.store.role}-wide"]})
    result = await role(cluster, cluster.mint())
    # As `apply`, which is blocked by it.
    assert result.status == "fail"
    assert "more rights than to read" in result.detail
    assert "create, update" in result.detail
    # A further policy that does not reach the payload is too much as well.
    cluster.vault.policy(f"{cluster.store.role}-other", {"secret/data/*": ["read"]})
    own = [cluster.store.policy, f"{cluster.store.role}-other"]
    cluster.vault.request("POST", path, {"token_policies": own})
    result = await role(cluster, cluster.mint())
    assert result.status == "fail"
    assert f"policy {cluster.store.role}-other" in result.detail
    cluster.vault.request("DELETE", path)
    result = await role(cluster, cluster.mint())
    assert result.status == "warn"
    assert "does not exist yet" in result.detail


async def test_a_cluster_that_gives_no_token(cluster: Cluster, canary: Canary) -> None:
    from wizard.errors import WizardError

    cluster.set_up()

    def refuse() -> SecretStr:
        raise WizardError("the cluster does not answer", "look at the context")

    result = await role(cluster, refuse)
    assert (result.status, result.fix.text) == ("unknown", "look at the context")
    result = await role(cluster, lambda: SecretStr(canary.secret()))
    assert result.status == "fail"
    canary.assert_absent(str(result))


def test_audiences_of_texts_that_are_no_tokens() -> None:
    for text in ("", "a", "a.b.c", "a.e30.c", "a.W10.c", "a.eyJhdWQiOjF9.c"):
        assert parse_audiences(text) == ()
    assert parse_audiences("a.eyJhdWQiOiJ4In0.c") == ("x",)

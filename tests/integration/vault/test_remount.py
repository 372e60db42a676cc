"""After `vault secrets move`, no empty mount is made at the old path to generate keys in.

A mount that only the answers left was not moved: others may use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.integration.vault.test_removal import PAYLOAD, a_url, applied, moved, removed
from tests.integration.vault.test_steps import Bench, Wire, controller, new_bench, wire
from tests.support.rendered import answers
from wizard.answers.files import answers_text
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import ProbeResult, run_probes
from wizard.errors import RefusedError
from wizard.plan.merge_base import state_folder
from wizard.stores.vault.live.location import OpenVault, locate_vault
from wizard.systems.vault.paths import list_named_mounts
from wizard.systems.vault.probes import vault_probes
from wizard.systems.vault.remount import FEW_MOUNTS
from wizard.systems.vault.session import VaultLogin

__all__ = ["controller", "new_bench", "wire"]

pytestmark = pytest.mark.integration

QUESTION = "secrets.vault.mount"


def probed(bench: Bench) -> ProbeResult:
    """What `check --live` says of the mount."""
    assert bench.target.access is not None
    target = bench.target
    probes = vault_probes(
        bench.store,
        *bench.target.access,
        source=target.release.owner_id,
        find_named=lambda: list_named_mounts(target.answers, target.release, target.repository),
    )

    async def run() -> dict[str, ProbeResult]:
        return {probe.id: result async for probe, result in run_probes(probes)}

    return asyncio.run(run())["vault.mount"]


def opened(bench: Bench) -> None:
    """Log in as `secrets` does."""
    assert bench.target.access is not None
    target = bench.target
    where = locate_vault(target.answers, target.release, {}, target.repository)
    with where.open(bench.target.access[1]):
        pass


@pytest.mark.parametrize("by_vaults_owner", [False, True])
def test_no_second_mount_is_made_where_one_was_moved_away(
    new_bench: Callable[..., Bench],
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    *,
    by_vaults_owner: bool,
) -> None:
    """Recognized by the mount's description, or where others made it by the payload's metadata."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    store, vault = bench.store, bench.vault
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    now = f"{store.mount}-moved"
    # They sort before it.
    others = [f"a-{number}" for number in range(FEW_MOUNTS + 1)] if by_vaults_owner else []
    if by_vaults_owner:
        vault.request("POST", f"sys/mounts/{store.mount}/tune", {"description": "Vault's owner"})
        # However many others there are, all are looked into.
        empty = {"type": "kv", "options": {"version": "2"}}
        for other in others:
            vault.request("POST", f"sys/mounts/{other}", empty)
    session = VaultLogin(bench.target)
    opened_vault = OpenVault(session.vault, bench.target.release.owner_id)
    opened_vault.payload_store(store).write({"fernetKey": "x"}, 0)
    moved(bench, store.mount)

    before = bench.state(), bench.stored("sys/mounts")
    wire.lines.clear()
    seen = bench.run()["vault.mount"]
    assert (seen.state, seen.fix.question) == ("blocked", QUESTION), seen
    assert f"{now} holds the payload of this installation" in seen.detail
    assert f"airflow-wizard set {QUESTION}={now}" in seen.fix.text
    # Others may use a mount that they made: it is never taken from them.
    move = f"vault secrets move {now} {store.mount}"
    assert (move in seen.fix.text) is not by_vaults_owner, seen
    assert wire.writes == []
    with pytest.raises(RefusedError) as refused:
        opened(bench)
    result = probed(bench)
    assert (refused.value.message, str(refused.value.fix)) == (seen.detail, seen.fix.text)
    assert (result.status, result.detail, result.fix) == ("fail", seen.detail, seen.fix)
    assert (bench.state(), bench.stored("sys/mounts")) == before

    # As the fix says: at the new place everything is found.
    changes: dict[str, object] = {
        QUESTION: now,
        "secrets.vault.auth_mount": store.auth_mount,
        "secrets.vault.role": store.role,
        "delivery.argocd.repo_url": bench.target.answers.delivery.model_dump()["argocd"][
            "repo_url"
        ],
    }
    after = new_bench(changes)
    after.log_in(vault.token)
    assert after.run()["vault.mount"].state == "holds"
    opened(after)
    assert probed(after).status == "pass"
    kept = removed(bench.target, ["payload"])[PAYLOAD]
    assert (kept.state, move in kept.fix.text) == ("blocked", not by_vaults_owner), kept
    assert by_vaults_owner is (f"set {QUESTION}={now}" in kept.fix.text), kept
    for other in others:
        vault.request("DELETE", f"sys/mounts/{other}")


def test_a_mount_that_may_have_been_moved_is_named(new_bench: Callable[..., Bench]) -> None:
    """A login without rights in the mount at its new path, as policies name the old one."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    store = bench.store
    moved(bench, store.mount)
    limited = bench.token(bench.rights())
    # Nothing is in it: another path may be used.
    assert bench.run(dry=True)["vault.mount"].state == "would change"
    bench.log_in(limited)
    seen = bench.run()["vault.mount"]
    assert (seen.state, seen.fix.question) == ("blocked", QUESTION), seen
    assert f"{store.mount}-moved may hold the payload" in seen.detail


def test_a_mount_that_the_answers_left_was_not_moved(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`set secrets.vault.mount=NEW`: the new one is made, and the old one stays with its users."""
    url = a_url()
    first = applied(new_bench({"delivery.argocd.repo_url": url}))
    store, vault = first.store, first.vault
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    vault.request("POST", f"sys/mounts/{store.mount}/tune", {"description": "shared"})
    session = VaultLogin(first.target)
    shared = OpenVault(session.vault, first.target.release.owner_id).payload_store(store)
    shared.write({"fernetKey": "x"}, 0)
    left = first.stored("sys/mounts")[f"{store.mount}/"]

    bench = new_bench({"delivery.argocd.repo_url": url})
    bench.log_in(vault.token)
    unknown = bench.run(dry=True)["vault.mount"]
    assert (unknown.state, unknown.fix.question) == ("blocked", QUESTION), unknown
    assert "vault secrets move" not in unknown.fix.text

    path = f"{state_folder(bench.target.release.installation)}/answers.yaml"
    kept = {"secrets.vault.role": bench.store.role, "delivery.argocd.repo_url": url}
    for mount in (store.mount, bench.store.mount):
        made = answers("production", {**kept, QUESTION: mount})
        bench.git.commit({path: answers_text(made)})
    assert probed(bench).status == "warn"
    with pytest.raises(VaultError) as missing:
        opened(bench)
    assert missing.value.kind == "missing"
    assert bench.run()["vault.mount"].state == "changed"
    assert bench.stored("sys/mounts")[f"{store.mount}/"] == left
    assert probed(bench).status == "pass"

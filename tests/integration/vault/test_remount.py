"""After `vault secrets move`, no empty mount is made at the old path to generate keys in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.integration.vault.test_removal import a_url, applied, moved
from tests.integration.vault.test_steps import Bench, Wire, controller, new_bench, wire
from wizard.engine.probes import ProbeResult, run_probes
from wizard.errors import RefusedError
from wizard.stores.vault.live.location import OpenVault, locate_vault
from wizard.systems.vault.probes import vault_probes
from wizard.systems.vault.session import VaultLogin

__all__ = ["controller", "new_bench", "wire"]

pytestmark = pytest.mark.integration

QUESTION = "secrets.vault.mount"


def probed(bench: Bench) -> ProbeResult:
    """What `check --live` says of the mount."""
    assert bench.target.vault is not None
    probes = vault_probes(bench.store, *bench.target.vault, source=bench.target.release.owner_id)

    async def run() -> dict[str, ProbeResult]:
        return {probe.id: result async for probe, result in run_probes(probes)}

    return asyncio.run(run())["vault.mount"]


def opened(bench: Bench) -> None:
    """Log in as `secrets` does."""
    assert bench.target.vault is not None
    where = locate_vault(bench.target.answers, bench.target.release, {})
    with where.open(bench.target.vault[1]):
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
    if by_vaults_owner:
        vault.request("POST", f"sys/mounts/{store.mount}/tune", {"description": "Vault's owner"})
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
    assert f"vault secrets move {now} {store.mount}" in seen.fix.text
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

"""`secrets` while Vault goes away under it: nothing half written, and the next run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.cli.test_secrets_command import ALLOW, GENERATED, Bench, bench
from tests.support.cli import aw
from tests.testbed.vault import Vault
from wizard.clients.vault.client import VaultClient

__all__ = ["aw", "bench"]

pytestmark = pytest.mark.integration

# The requests of a run with a token, in their order.
STEPS = ("mount", "config", "metadata", "payload", "rights", "write", "read back")


@pytest.mark.parametrize("at", range(len(STEPS)), ids=STEPS)
def test_a_token_that_ends_half_way(bench: Bench, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    real, asked = VaultClient._ask, []
    token = bench.vault.new_token("root")

    def ask(self: VaultClient, method: str, path: str, body: object = None) -> Any:
        asked.append(path)
        if len(asked) == at + 1:
            bench.vault.request("POST", "auth/token/revoke", {"token": token})
        return real(self, method, path, body)

    with monkeypatch.context() as patch:
        patch.setenv("VAULT_TOKEN", token)
        patch.setattr(VaultClient, "_ask", ask)
        done = bench("--yes", *ALLOW, code=1)
    assert "log in to Vault again" in done.err
    # A login may lack the rights on config and metadata; the payload's refusal ends the run.
    assert len(asked) <= at + 3
    before = bench.values()
    # All or nothing: only the look back comes after the one write.
    assert set(before) == ({*GENERATED, "databasePassword"} if at == 6 else set())
    bench("--yes", *ALLOW)
    assert {**bench.values(), **before} == bench.values()
    assert bench.version == 1


def test_states_in_which_vault_takes_nothing(
    bench: Bench, fresh_vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", fresh_vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(fresh_vault.ca))
    for initialised in (False, True):
        if initialised:
            fresh_vault.initialise()
            fresh_vault.seal()
        done = bench.aw("secrets", "--answers", str(bench.file), "--yes", *ALLOW)
        assert done.code == 1, done
        assert "is sealed or not initialised" in done.err
        bench.canary.assert_absent(done.out, done.err)

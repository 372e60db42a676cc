"""`secrets` while Vault goes away under it: nothing half written, and the next run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.cli.test_secrets_command import ALLOW, GENERATED, Bench, bench, requests
from tests.support.cli import aw
from tests.testbed.vault import Vault
from wizard.clients.vault.client import VaultClient
from wizard.systems.vault.uses import SECRETS_REQUESTS

__all__ = ["aw", "bench", "requests"]

pytestmark = pytest.mark.integration

# The requests of a run with a token, in their order.
STEPS = (
    "token", "mount", "config", "metadata", "payload", "owner", "rights", "owner again", "write",
    "read back",
)  # fmt: skip


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
    # A login may lack the rights on config and metadata; the refusal of the payload or of the
    # write ends the run.
    assert len(asked) <= at + 4
    before = bench.values()
    # All or nothing: only the look back comes after the one write.
    written = STEPS[at] == "read back"
    assert set(before) == ({*GENERATED, "databasePassword"} if written else set())
    if written:
        assert f"error: version 1 of {bench.mount}/airflow-install/airflow/config" in done.err
        assert "was written with databasePassword" in done.err
        assert all(key in done.err for key in GENERATED)
    if STEPS[at] == "write":
        assert f"nothing was written to {bench.mount}/airflow-install/airflow/config" in done.err
    bench("--yes", *ALLOW)
    assert {**bench.values(), **before} == bench.values()
    assert bench.version == 1


def test_a_token_of_few_requests_is_refused_before_it_is_used_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, requests: list[tuple[str, str]]
) -> None:
    for uses, left in ((1, "no more request"), (5, "4 more requests"), (30, "29 more requests")):
        monkeypatch.setenv("VAULT_TOKEN", bench.vault.new_token("root", num_uses=uses))
        requests.clear()
        done = bench("--yes", *ALLOW, code=4)
        assert f"{left}" in done.err
        assert "(token_num_uses)" in done.err
        assert "nothing was changed" in done.err
        # The lookup that finds it out is the only request.
        assert [path for _, path in requests] == ["auth/token/lookup-self"]
    monkeypatch.setenv("VAULT_TOKEN", bench.vault.new_token("root", num_uses=31))
    requests.clear()
    bench("--yes", *ALLOW)
    assert len(requests) <= SECRETS_REQUESTS
    assert bench.version == 1


def test_a_token_without_the_policy_default_is_tried(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{bench.mount}/data/airflow-install/airflow/config"
    name = f"no-default-{bench.mount}"

    def log_in(*rights: str) -> None:
        bench.vault.policy(name, {path: list(rights)})
        token = bench.vault.new_token(name, no_default_policy=True)
        monkeypatch.setenv("VAULT_TOKEN", token)

    log_in("read")
    done = bench("--yes", *ALLOW, code=1)
    assert "may not look up its rights (it lacks the policy default)" in done.err
    assert f"may not POST {path}" in done.err
    assert "nothing was written to" in done.err
    assert bench.values() == {}
    log_in("create", "read", "update")
    done = bench("--yes", *ALLOW)
    assert "so the write to" in done.err
    assert set(bench.values()) == {*GENERATED, "databasePassword"}
    # A token that is not valid at all is not taken for one that only may not look itself up.
    monkeypatch.setenv("VAULT_TOKEN", "hvs." + "A1b2C3d4" * 3)
    done = bench("--yes", *ALLOW, code=1)
    assert "log in to Vault again" in done.err


def test_a_destroyed_version_is_not_undeleted(bench: Bench) -> None:
    def destroy(*versions: int, how: str = "destroy") -> None:
        path = f"{bench.mount}/{how}/airflow-install/airflow/config"
        bench.vault.request("POST", path, {"versions": list(versions)})

    bench("--yes", *ALLOW)
    bench.put({**bench.values()})
    bench.put({**bench.values()})
    destroy(3)
    done = bench("--yes", *ALLOW, code=4)
    assert "version 3 was destroyed" in done.err
    assert "no new value is generated" in done.err
    assert "vault kv rollback -version=2" in done.err
    assert "undelete" not in done.err
    destroy(2, how="delete")
    done = bench("--yes", *ALLOW, code=4)
    assert "vault kv undelete -versions=2" in done.err
    destroy(1, 2)
    done = bench("--yes", *ALLOW, code=4)
    assert "no older one has values" in done.err
    assert "from a backup of the store" in done.err
    assert "undelete" not in done.err
    about = bench.vault.request("GET", f"{bench.mount}/metadata/airflow-install/airflow/config")
    assert about["data"]["current_version"] == 3


def test_a_namespace_that_this_vault_ignores_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_NAMESPACE", "team-a")
    done = bench("--yes", *ALLOW)
    assert "warning: VAULT_NAMESPACE is team-a, but Vault 1." in done.err
    assert "unset or correct VAULT_NAMESPACE" in done.err


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

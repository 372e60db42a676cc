"""A Key Vault's life beyond `secrets`: probes, last copies and removal, at the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.key_vault import (
    HOST,
    OTHER_TENANT,
    TENANT,
    URL,
    KeyVaultStandIn,
    refuse,
    run_stand_in,
)
from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from wizard.clients.azure.login import find_login
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError
from wizard.stores.azure.live import LIVE, AzureRun
from wizard.stores.azure.settings import azure_settings
from wizard.systems.azure.ownership import make_tags
from wizard.systems.azure.probes import check_secrets, check_state
from wizard.systems.target import Target

pytestmark = pytest.mark.integration
pytest.importorskip("azure.keyvault.secrets", reason="the extra `azure` is not installed")

PREFIX, OWN = "airflow-airflow", frozenset({"fernetKey", "jwtSecret"})
NAMES = (f"{PREFIX}-fernet-key", f"{PREFIX}-jwt-secret")
CHANGES = {"secrets.azure.vault_url": URL, "secrets.azure.tenant_id": TENANT}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVaultStandIn]:
    with run_stand_in(tmp_path_factory.mktemp("azure")) as state:
        yield state


@pytest.fixture
def vault(servers: KeyVaultStandIn, monkeypatch: pytest.MonkeyPatch) -> KeyVaultStandIn:
    servers.reset()
    servers.log_in(monkeypatch)
    return servers


@pytest.fixture
def target(tmp_path: Path, vault: KeyVaultStandIn) -> Target:
    made, given = rendering("aks", CHANGES), answers("aks", CHANGES)
    git = GitFolder.init(tmp_path / "config")
    files = {file.logical: file.data for file in made.tree.values()}
    access = LIVE.find_access(given, made.release)
    return Target(given, made.release, git.repo, "", files, access=access)


def fill(vault: KeyVaultStandIn, target: Target) -> None:
    for key, name in zip(sorted(OWN), NAMES, strict=True):
        vault.put(name, f"value-of-{key}", make_tags(target.release.owner_id, key))


def removal(target: Target, *pieces: Any) -> Step:
    (step,) = AzureRun(target).build_payload_removal(pieces, {"": OWN})
    return step


def look(step: Step) -> StepStatus:
    return asyncio.run(step.check())  # type: ignore[arg-type]


def test_the_payload_is_kept_unless_it_is_named(vault: KeyVaultStandIn, target: Target) -> None:
    fill(vault, target)
    found = look(removal(target))
    assert (found.state, vault.asked("DELETE")) == ("kept", [])
    assert "az keyvault secret delete" in found.fix.text


def test_secrets_with_our_tag_are_deleted_and_can_be_recovered(
    vault: KeyVaultStandIn, target: Target
) -> None:
    fill(vault, target)
    vault.put(f"{PREFIX}-of-somebody", "x", {})
    step = removal(target, "payload")
    found = look(step)
    assert found.state == "wanted", found
    assert all(name in found.detail for name in NAMES)
    assert step.change is not None
    done: str = asyncio.run(step.change())  # type: ignore[arg-type]
    assert "can be recovered" in done
    assert set(vault.deleted) == set(NAMES)
    assert set(vault.secrets) == {f"{PREFIX}-of-somebody"}
    assert look(step).state == "holds"


def test_a_secret_that_was_written_since_the_look_stays(
    vault: KeyVaultStandIn, target: Target
) -> None:
    fill(vault, target)
    step = removal(target, "payload")
    assert look(step).state == "wanted"
    vault.put(NAMES[1], "x", make_tags("git.example.com/other#airflow", "jwtSecret"))
    assert step.change is not None
    with pytest.raises(ConflictError) as caught:
        asyncio.run(step.change())  # type: ignore[arg-type]
    assert f"{NAMES[1]} was changed by somebody else" in caught.value.message
    assert f"deleted: {NAMES[0]}" in caught.value.message
    assert set(vault.secrets) == {NAMES[1]}


def test_secrets_of_others_block_and_those_of_nobody_need_a_yes(
    vault: KeyVaultStandIn, target: Target
) -> None:
    fill(vault, target)
    vault.put(NAMES[0], "x", make_tags("git.example.com/other#airflow", "fernetKey"))
    found = look(removal(target, "payload"))
    assert (found.state, "git.example.com/other" in found.detail) == ("blocked", True), found
    vault.put(NAMES[0], "x")
    found = look(removal(target, "payload"))
    assert found.state == "blocked"
    seal = found.fix.text.rpartition("destroy.payload@")[2].split()[0]
    agreed = replace(target, agreed={"destroy.payload": seal})
    assert look(removal(agreed, "payload")).state == "wanted"
    assert vault.asked("DELETE") == []


def test_without_a_login_the_owner_does_it(target: Target, vault: KeyVaultStandIn) -> None:
    found = look(removal(replace(target, access=None), "payload"))
    assert (found.state, vault.requests) == ("unknown", [])


def test_the_run_knows_which_names_the_secrets_read(vault: KeyVaultStandIn, target: Target) -> None:
    fill(vault, target)
    login = AzureRun(target).login
    held = login.stored_keys()
    assert held is not None
    assert held.names == set(NAMES)
    assert login.read_name({"key": NAMES[0]}) == NAMES[0]
    assert login.read_name({"key": f"secret/{NAMES[0].upper()}"}) == NAMES[0]
    assert login.read_name({"key": "others-fernet-key"}) == ""
    vault.fault = refuse(403)
    assert login.stored_keys() is None


def test_the_state_is_that_of_a_key_vault_of_the_tenant(
    vault: KeyVaultStandIn, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = azure_settings(target.answers.secrets, target.release)
    assert check_state(store).status == "pass"
    vault.tenant = OTHER_TENANT
    found = check_state(store)
    assert (found.status, found.fix.question) == ("fail", "secrets.azure.tenant_id")
    assert [one for one in vault.requests if one.token] == []
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    found = check_state(store)
    assert (found.status, "certificate" in found.detail) == ("fail", True), found


def test_secrets_are_counted_by_name(vault: KeyVaultStandIn, target: Target) -> None:
    store, source = azure_settings(target.answers.secrets, target.release), target.release.owner_id
    login = find_login()
    assert login is not None
    keys = sorted(OWN)
    assert check_secrets(store, keys, source, login).status == "fail"
    fill(vault, target)
    assert check_secrets(store, keys, source, login).status == "pass"
    # Names are enough: no value was asked for.
    values = [path for path in vault.asked("GET", "/secrets/") if "deleted" not in path]
    assert values == []
    vault.deleted[NAMES[0]] = vault.secrets.pop(NAMES[0])
    found = check_secrets(store, keys, source, login)
    assert (found.status, "recover" in found.fix.text) == ("fail", True), found
    vault.fault = refuse(403)
    found = check_secrets(store, keys, source, login)
    assert (found.status, HOST in found.detail) == ("unknown", True), found

"""`secrets` at a Key Vault: created once, never over anything; the stand-in speaks its REST API."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.cli import Wizard, aw
from tests.support.key_vault import (
    CLIENT,
    ELSEWHERE,
    NAME,
    OTHER_TENANT,
    PASSWORD,
    TENANT,
    URL,
    Fault,
    KeyVaultStandIn,
    refuse,
    run_stand_in,
)
from tests.support.process import Finished
from wizard.clients.azure import key_vault

__all__ = ["aw"]

pytestmark = pytest.mark.integration
pytest.importorskip("azure.keyvault.secrets", reason="the extra `azure` is not installed")

SETS = {
    "database.host": "pg.example.invalid",
    "dags.repo": "https://github.com/example/dags.git",
    "delivery.argocd.repo_url": "https://git.example.com/platform/config.git",
    "secrets.azure.vault_url": URL,
    "secrets.azure.tenant_id": TENANT,
    "secrets.azure.client_id": "aaaaaaaa-2222-3333-4444-555555555555",
    "logs.blob.account": "airflowlogs",
}
REFERENCES = ("database.password", "logs.blob.key", "secrets.azure.vault_url")
YES = ("--yes", *(part for key in REFERENCES for part in ("--allow-reference", key)))
GIVEN = {"AIRFLOW_DB_PASSWORD": "database-Canary-1", "AIRFLOW_LOGS_STORAGE_KEY": "c3RvcmFnZQ=="}
FERNET = "airflow-airflow-fernet-key"
SOURCE = "airflow-wizard-source"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVaultStandIn]:
    with run_stand_in(tmp_path_factory.mktemp("azure")) as state:
        yield state


@pytest.fixture
def vault(servers: KeyVaultStandIn, monkeypatch: pytest.MonkeyPatch) -> KeyVaultStandIn:
    servers.reset()
    servers.log_in(monkeypatch)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return servers


def secrets(aw: Wizard, *more: str, **sets: str) -> Finished:
    changes = {**SETS, **{key.replace("__", "."): value for key, value in sets.items()}}
    given = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    # Nobody can tell whether the database was used before: it does not answer.
    unchecked = ("--accept", "unchecked-use")
    return aw("secrets", "--preset", "aks", *given, *YES, *unchecked, *more)


def test_missing_values_are_created_once_and_never_again(
    aw: Wizard, vault: KeyVaultStandIn
) -> None:
    done = secrets(aw)
    assert done.code == 0, done
    held = vault.values()
    assert {FERNET, "airflow-airflow-jwt-secret", "airflow-airflow-database-password"} <= set(held)
    assert held["airflow-airflow-database-password"] == GIVEN["AIRFLOW_DB_PASSWORD"]
    assert all(len(versions) == 1 for versions in vault.secrets.values())
    tags = {name: versions[0].tags for name, versions in vault.secrets.items()}
    assert tags[FERNET] == {
        SOURCE: "git.example.com/platform/config#airflow",
        "airflow-wizard-key": "fernetKey",
    }
    # The promise is weaker, and both streams say so without a value.
    assert "no check-and-set" in done.err
    assert f"application {CLIENT} from AZURE_CLIENT_SECRET" in done.out + done.err
    for value in (*held.values(), PASSWORD, "token-Canary"):
        assert value not in done.out + done.err
    before = len(vault.asked("PUT"))
    again = secrets(aw)
    assert (again.code, len(vault.asked("PUT"))) == (0, before), again
    assert vault.values() == held


def test_what_is_there_is_kept_and_a_missing_value_is_added(
    aw: Wizard, vault: KeyVaultStandIn
) -> None:
    assert secrets(aw).code == 0
    held = vault.values()
    del vault.secrets["airflow-airflow-jwt-secret"]
    done = secrets(aw)
    assert done.code == 0, done
    now = vault.values()
    assert now.pop("airflow-airflow-jwt-secret") != held.pop("airflow-airflow-jwt-secret")
    assert now == held


class KilledError(BaseException):
    """Stands for the end of the process."""


def test_a_run_killed_at_every_write_is_continued(aw: Wizard, vault: KeyVaultStandIn) -> None:
    real, writes = key_vault.KeyVault.create, 0

    def killed(*args: Any, **named: Any) -> NoReturn:
        real(*args, **named)
        raise KilledError

    while True:
        before, written = vault.values(), len(vault.asked("PUT"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(key_vault.KeyVault, "create", killed)
            try:
                done = secrets(aw)
            except KilledError:
                done = None
        after = vault.values()
        # What an earlier run wrote stays as it is, and this one wrote one value more.
        assert {name: after[name] for name in before} == before
        if done is not None:
            break
        writes += 1
        assert len(vault.asked("PUT")) == written + 1
        assert len(after) == writes
    assert done.code == 0, done
    assert len(vault.asked("PUT")) == written
    assert writes > 3
    assert all(len(versions) == 1 for versions in vault.secrets.values())
    assert {FERNET, "airflow-airflow-database-password"} <= set(vault.secrets)


def test_a_deleted_secret_is_never_replaced(aw: Wizard, vault: KeyVaultStandIn) -> None:
    assert secrets(aw).code == 0
    vault.deleted[FERNET] = vault.secrets.pop(FERNET)
    before = len(vault.asked("PUT"))
    done = secrets(aw)
    assert (done.code, len(vault.asked("PUT"))) == (4, before), done
    assert f"az keyvault secret recover --vault-name {NAME} --name {FERNET}" in done.err
    assert FERNET in vault.deleted


def test_secrets_of_others_are_not_touched(aw: Wizard, vault: KeyVaultStandIn) -> None:
    theirs = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    vault.put(FERNET, theirs, {SOURCE: "git.example.com/other/config#airflow"})
    done = secrets(aw)
    assert (done.code, vault.asked("PUT")) == (4, []), done
    assert "git.example.com/other/config" in done.err
    assert "secrets.azure.prefix" in done.err
    assert theirs not in done.out + done.err


def test_secrets_without_a_tag_need_a_yes_to_exactly_what_was_shown(
    aw: Wizard, vault: KeyVaultStandIn
) -> None:
    value = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    vault.put(FERNET, value)
    done = secrets(aw)
    assert (done.code, vault.asked("PUT")) == (4, []), done
    seal = next(word for word in done.err.split() if word.startswith("azure.payload@"))
    done = secrets(aw, "--take-over", seal.rstrip(";,."))
    assert done.code == 0, done
    assert vault.values()[FERNET] == value
    assert len(vault.secrets) > 3


def test_a_second_writer_is_reported(aw: Wizard, vault: KeyVaultStandIn) -> None:
    """Somebody writes between our last look and our write: no check-and-set prevents it."""
    seen: list[str] = []

    def race(name: str) -> None:
        if name == FERNET:
            seen.append(vault.put(name, "theirs-Canary-3"))

    vault.race = race
    done = secrets(aw)
    assert (done.code, len(seen)) == (5, 1), done
    assert "somebody else wrote" in done.err
    assert FERNET in done.err
    assert "theirs-Canary-3" not in done.out + done.err
    # Both versions are there, and the next run takes the newest as it is.
    vault.race = lambda _name: None
    assert len(vault.secrets[FERNET]) == 2


def test_a_writer_before_our_first_write_wins(aw: Wizard, vault: KeyVaultStandIn) -> None:
    """They came between the survey and the write, so nothing of ours replaces theirs."""
    asked: list[str] = []
    theirs = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

    def fault(method: str, path: str) -> None:
        asked.append(path)
        if asked.count(f"/deletedsecrets/{FERNET}") == 1 and FERNET not in vault.secrets:
            vault.put(FERNET, theirs, {SOURCE: "git.example.com/platform/config#airflow"})

    vault.fault = fault
    done = secrets(aw)
    assert done.code == 0, done
    assert vault.values()[FERNET] == theirs
    assert len(vault.secrets[FERNET]) == 1


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (refuse(401), 1, "refuses the token"),
        (refuse(403), 1, "Key Vault Secrets Officer"),
        (refuse(403, "ForbiddenByFirewall"), 1, "network rules"),
        (refuse(500), 1, "HTTP 500"),
        (refuse(429, Retry_After="3600"), 1, "asks to wait"),
        (refuse(302, Location=f"https://{ELSEWHERE}/secrets/{FERNET}"), 4, "redirects"),
    ],
    ids=["401", "403", "firewall", "500", "429", "redirect"],
)
def test_a_refusal_says_what_to_do_and_writes_nothing(
    aw: Wizard, vault: KeyVaultStandIn, fault: Fault, code: int, text: str
) -> None:
    vault.fault = fault
    done = secrets(aw)
    assert (done.code, vault.secrets) == (code, {}), done
    assert text in done.err
    assert "Canary" not in done.out + done.err
    assert [one for one in vault.requests if one.host == ELSEWHERE] == []


def test_a_short_wait_is_waited_for(aw: Wizard, vault: KeyVaultStandIn) -> None:
    answers = iter([refuse(429, Retry_After="0"), refuse(503, Retry_After="0")])
    vault.fault = lambda method, path: next(answers, lambda *_: None)(method, path)
    assert secrets(aw).code == 0


@pytest.mark.parametrize(
    ("tenant", "resource", "text"),
    [
        (OTHER_TENANT, "https://vault.azure.net", "another tenant"),
        (TENANT, f"https://{ELSEWHERE}", "answers like no Key Vault"),
        (TENANT, "https://azure.net", "something else than a Key Vault"),
    ],
    ids=["tenant", "resource", "wider resource"],
)
def test_no_token_follows_another_challenge(
    aw: Wizard, vault: KeyVaultStandIn, tenant: str, resource: str, text: str
) -> None:
    vault.tenant, vault.resource = tenant, resource
    done = secrets(aw)
    assert (done.code, text in done.err) == (4, True), done
    assert [one for one in vault.requests if one.token] == []


def test_a_wrong_login_is_told_apart(
    aw: Wizard, vault: KeyVaultStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-Canary-5")
    done = secrets(aw)
    assert (done.code, "AADSTS7000215" in done.err) == (1, True), done
    assert "wrong-Canary-5" not in done.out + done.err
    monkeypatch.setenv("AZURE_TENANT_ID", OTHER_TENANT)
    done = secrets(aw)
    assert (done.code, "secrets.azure.tenant_id" in done.err) == (64, True), done


def test_a_slow_server_ends_at_the_deadline(
    aw: Wizard, vault: KeyVaultStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr(key_vault, "TOTAL_SECONDS", 2.0)
    going = threading.Event()

    def wait(_method: str, _path: str) -> None:
        going.wait(20)

    vault.fault = wait
    done = secrets(aw)
    going.set()
    assert (done.code, "did not answer within 2 s" in done.err) == (1, True), done


def test_no_login_and_no_library_name_what_to_do(
    aw: Wizard, vault: KeyVaultStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    done = secrets(aw)
    assert (done.code, "pip install 'airflow-wizard[azure]'" in done.err) == (64, True), done
    monkeypatch.delenv("AZURE_CLIENT_ID")
    monkeypatch.setattr("wizard.clients.azure.login.shutil.which", lambda _name: None)
    done = secrets(aw)
    assert (done.code, "az login" in done.err) == (1, True), done
    assert vault.requests == []


def test_json_has_names_and_no_values(aw: Wizard, vault: KeyVaultStandIn) -> None:
    done = secrets(aw, "--json")
    assert done.code == 0, done
    data = json.loads(done.out)
    assert "fernetKey" in json.dumps(data)
    for value in vault.values().values():
        assert value not in done.out + done.err

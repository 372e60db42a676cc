"""`secrets` asks whose a payload is: another's is never filled, an unknown one after a yes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.cli.test_secrets_command import (
    ALLOW,
    GENERATED,
    PATH,
    SOURCE,
    Bench,
    aw,
    bench,
)
from tests.testbed.vault import Vault
from wizard.clients.vault.address import Token, VaultAddress
from wizard.clients.vault.client import VaultClient
from wizard.clients.vault.connect import open_vault
from wizard.errors import RefusedError
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.provisioning import steps as provisioning
from wizard.state.apply_journal import REPOSITORY_PLACE, ApplyHistory
from wizard.systems.vault.payload_store import VaultPayloadStore

__all__ = ["aw", "bench"]

pytestmark = pytest.mark.integration

HERS = "git.example.com/hers/airflow#airflow"


def custom(bench: Bench) -> dict[str, str]:
    about: dict[str, Any] = bench.vault.request("GET", f"{bench.mount}/metadata/{PATH}")["data"]
    return dict(about["custom_metadata"] or {})


def seal(said: str) -> str:
    found = re.search(r"--take-over (vault\.payload@[0-9a-f]{12})", said)
    assert found, said
    return found[1]


def test_a_payload_that_does_not_say_whose_it_is_needs_a_yes_to_exactly_it(bench: Bench) -> None:
    bench.put_unmarked({"redisPassword": "hers-in-use", "note": "x"})
    note = {"custom_metadata": {"contact": "dba"}}
    bench.vault.request("POST", f"{bench.mount}/metadata/{PATH}", note)
    done = bench("--yes", *ALLOW, code=4)
    assert "does not say which repository it belongs to; its version 1 has note, redisPassword" in (
        done.err
    )
    agreed = seal(done.err)
    # The yes is for this version and no other, and --yes is none.
    bench.put_unmarked({"redisPassword": "hers-in-use", "note": "y"})
    for words in ((), ("--take-over", agreed), ("--take-over", "vault.payload@000000000000")):
        done = bench("--yes", *ALLOW, *words, code=4)
        assert bench.values() == {"redisPassword": "hers-in-use", "note": "y"}
    assert custom(bench) == {"contact": "dba"}
    bench("--yes", "--take-over", "all", code=64)

    done = bench("--yes", *ALLOW, "--take-over", seal(done.err))
    assert "written: 6 values" in done.err
    assert bench.values()["redisPassword"] == "hers-in-use"
    assert set(bench.values()) == {*GENERATED, "databasePassword", "note"}
    # From here on it is ours, beside what else its metadata says.
    assert custom(bench) == {"contact": "dba", OWNER_ANNOTATION: SOURCE}
    bench.put_unmarked({key: value for key, value in bench.values().items() if key != "note"})
    assert "nothing to write" in bench("--yes", *ALLOW).err


def test_a_payload_of_another_repository_is_never_filled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.put_unmarked({"redisPassword": "hers-in-use"})
    bench.mark(HERS)
    made: list[object] = []
    with monkeypatch.context() as watched:
        watched.setattr(provisioning, "make_database_client", made.append)
        for words in ((), ("--take-over", "vault.payload@000000000000")):
            done = bench("--yes", *ALLOW, *words, code=4)
            assert "belongs to installation airflow of git.example.com/hers/airflow" in done.err
            assert "set secrets.vault.path" in done.err
            assert "--take-over" not in done.err
    assert made == [], "nothing is generated or asked for a payload of others"
    assert bench.values() == {"redisPassword": "hers-in-use"}
    assert custom(bench) == {OWNER_ANNOTATION: HERS}
    # Nor is one taken for ours that has every key.
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")
    bench("--yes", *ALLOW)
    bench.mark(HERS)
    assert "belongs to installation airflow" in bench("--yes", *ALLOW, code=4).err
    # A path that she only reserved is hers too.
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")
    bench.answers()
    bench.mark(HERS)
    bench("--yes", *ALLOW, code=4)
    assert bench.values() == {}


def test_an_installation_without_a_source_takes_nothing_of_others(
    bench: Bench, vault: Vault
) -> None:
    address = VaultAddress(vault.url, vault.ca.read_text())
    bench.put_unmarked({"a": "theirs"})
    with open_vault(address, Token(SecretStr(vault.token), "a test")) as client:
        own = VaultPayloadStore(client, bench.mount, PATH, document=False)
        with pytest.raises(RefusedError, match="does not say which repository"):
            own.write({"a": "b"}, 1)
        agreed = own.judge(1).seal
        bench.mark(HERS)
        with pytest.raises(RefusedError, match="belongs to installation airflow"):
            own.write({"a": "b"}, 1, agreed)
        assert bench.values() == {"a": "theirs"}


def test_values_that_somebody_wrote_first_without_a_name_are_not_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = VaultClient.write

    def write(self: VaultClient, mount: str, path: str, new: Any, cas: int) -> int:
        monkeypatch.setattr(VaultClient, "write", real)
        bench.put_unmarked({"redisPassword": "theirs-now"})
        return real(self, mount, path, new, cas)

    monkeypatch.setattr(VaultClient, "write", write)
    done = bench("--yes", *ALLOW, code=4)
    assert "does not say which repository it belongs to; nothing was written" in done.err
    assert bench.values() == {"redisPassword": "theirs-now"}


def test_metadata_that_cannot_be_read_says_nothing(
    bench: Bench, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{bench.mount}/data/{PATH}"
    vault.policy(f"data-of-{bench.mount}", {path: ["create", "read", "update"]})
    monkeypatch.setenv("VAULT_TOKEN", vault.new_token(f"data-of-{bench.mount}"))
    bench("--yes", *ALLOW)
    assert bench.version == 1
    bench.put_unmarked({key: value for key, value in bench.values().items() if key != "jwtSecret"})
    done = bench("--yes", *ALLOW, "--accept", "restore", "--accept", "unchecked-use", code=4)
    assert "does not show this login which repository it belongs to" in done.err
    bench("--yes", *ALLOW, "--accept", "restore", "--take-over", seal(done.err))
    assert "jwtSecret" in bench.values()


def test_a_fork_asks_before_it_adds_to_the_payload_of_the_original(bench: Bench) -> None:
    bench.aw.git.git("remote", "add", "origin", "git@git.example.com:bob/k8s-infra.git")
    bench.aw.git.commit({"README.md": "x\n"})
    original = f"repository.source={SOURCE.partition('#')[0]}"
    words = ("--yes", *ALLOW, "--set", original)
    bench.put({"redisPassword": "in-use"})
    done = bench(*words, code=5)
    why = f"belongs to {SOURCE.partition('#')[0]}, and this may be a fork; the installation has: "
    assert f"{why}{bench.mount}/{PATH}" in done.err
    assert "set repository.source=git.example.com/bob/k8s-infra" in done.err
    assert bench.values() == {"redisPassword": "in-use"}
    found = re.search(r"--take-over (repository\.identity@[0-9a-f]{12})", done.err)
    assert found
    assert "written: 6 values" in bench(*words, "--take-over", found[1]).err
    # The yes is remembered, as by `apply`.
    known = ApplyHistory(bench.aw.git.repo, "airflow").target_identities()
    assert known == {REPOSITORY_PLACE: "git.example.com/bob/k8s-infra"}
    # Nothing is left to write, so nothing is asked.
    assert "nothing to write" in bench("--yes", *ALLOW, "--set", original).err
    # Where nothing exists yet, it is said.
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")
    bench.answers()
    done = bench(*words)
    assert "warning: The remote is git.example.com/bob/k8s-infra, but what is made" in done.err

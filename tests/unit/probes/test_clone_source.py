"""Which deploy key `check --live` clones with, and what it says where there is none to use."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.support.rendered import answers
from wizard.clients.ssh.clone import CloneResult, ParamikoClient
from wizard.engine.probes import ProbeResult
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import probe_dag_repository
from wizard.secrets.deploy_key import KeyPair, generate_key_pair
from wizard.systems.situation import Situation


def found(key: dict[str, object]) -> dict[str, ProbeResult]:
    """What the probes of these answers end with, where everything was agreed to."""
    made = answers("production", {"dags.key": key})
    situation = Situation(
        answers=made, release=derive_release(made), allowed=frozenset({"dags.key", "dags.repo"})
    )
    return {probe.id: asyncio.run(probe.run()) for probe in probe_dag_repository(situation)}  # type: ignore[arg-type]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The private keys that a clone was tried with; the host lets them in, and lets them push."""
    keys: list[str] = []

    def look(self: ParamikoClient) -> CloneResult:
        keys.append(self.key.get_secret_value())
        return CloneResult("refs/heads/main", "a" * 40, 3, True)

    monkeypatch.setattr(ParamikoClient, "look", look)
    return keys


@pytest.fixture
def key() -> KeyPair:
    return generate_key_pair("ed25519", "ours")


def test_a_given_key_is_tried_as_it_would_be_stored(
    asked: list[str], key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = key.private.get_secret_value()
    monkeypatch.setenv("KEY", private.replace("\n", "\r\n").rstrip())

    plain = found({"env": "KEY"})
    explained = found({"env": "KEY", "public": key.public, "writable": "CI tags releases"})

    assert set(asked) == {private}
    assert plain["dags.clone"].status == "pass"
    assert plain["dags.read-only"].status == "fail"
    warning = ProbeResult("warn", "the key has push access: CI tags releases")
    assert explained["dags.read-only"] == warning


def test_a_key_that_pods_could_not_use_is_a_fault(
    asked: list[str], key: KeyPair, tmp_path: Path
) -> None:
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "longer", "-f", path], check=True)

    result = found({"file": str(path)})["dags.clone"]

    assert result.status == "fail"
    assert "passphrase" in result.detail
    assert asked == []


def test_a_key_that_is_not_the_recorded_one_is_a_fault(
    asked: list[str], key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", key.private.get_secret_value())

    result = found({"env": "KEY", "public": generate_key_pair("ed25519", "other").public})[
        "dags.clone"
    ]

    assert result.status == "fail"
    assert "dags.key.public" in result.detail
    assert asked == []


@pytest.mark.parametrize("kind", ["generate", "store"])
def test_a_key_in_the_store_is_tried_by_another_command(asked: list[str], kind: str) -> None:
    result = found({kind: True})["dags.clone"]

    assert result.status == "skip"
    assert "airflow-wizard secrets --prove" in result.fix.text
    assert asked == []

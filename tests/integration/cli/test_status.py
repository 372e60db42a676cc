"""`status` without any other system, as a command: what it says, and that it only reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw
from tests.support.repository import GitFolder

__all__ = ["aw"]

pytestmark = pytest.mark.integration


@pytest.fixture
def offline(aw: Wizard, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """This machine knows neither a store nor a cluster."""
    for name in ("VAULT_TOKEN", "VAULT_TOKEN_FILE", "VAULT_ROLE_ID", "VAULT_ADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    return aw


def asked(aw: Wizard, *more: str) -> dict[str, dict[str, Any]]:
    found = json.loads(aw.ok("status", "--json", *more).out)
    assert (found["schema"], found["installation"]) == (1, "airflow")
    return {step["id"]: step for step in found["next"]}


def test_offline_only_the_branch_is_known(offline: Wizard, tmp_path: Path) -> None:
    offline.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    remote = GitFolder.init(tmp_path / "remote.git", "--bare")
    offline.git.git("remote", "add", "origin", str(remote.path))
    before = offline.git.state()

    steps = asked(offline)
    assert {name: step["state"] for name, step in steps.items() if step["state"] != "unknown"} == {
        "git.push": "open"
    }
    assert steps["git.push"]["command"] == f"git -C {offline.folder} push origin main"
    assert "no Vault credentials" in steps["vault.fill"]["reason"]
    assert "kubeconfig" in steps["airflow.healthy"]["reason"]
    assert all(step["reason"] for step in steps.values()), steps
    assert offline.git.state() == before

    offline.git.git("push", "-q", "origin", "main")
    assert asked(offline)["git.push"]["state"] == "done"
    said = offline.ok("status")
    assert said.out.startswith("airflow: 1 done, 7 unknown\n 1. unknown  Create the missing values")
    assert " 3. done     Push the commit, or have it merged [me]\n" in said.out
    assert "Vault is skipped" in said.err


def test_a_cluster_of_this_machine_that_is_not_there_is_still_to_be_made(offline: Wizard) -> None:
    offline.ok("commit", "--preset", "local", "--yes")
    (step,) = asked(offline).values()
    assert (step["state"], step["id"]) == ("open", "kind.install")
    assert step["command"].endswith("bash apps/airflow/up.sh")
    assert "kind-airflow" in step["reason"]


def test_what_is_not_committed_comes_first(offline: Wizard, tmp_path: Path) -> None:
    offline.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    offline.edit(".airflow-wizard/airflow/answers.yaml", "depth: 1", "depth: 2")
    first = next(iter(asked(offline).values()))
    assert (first["id"], first["state"]) == ("repository.commit", "open")
    assert "airflow-wizard commit --installation airflow" in first["command"]
    assert "airflow-values.yaml" in first["reason"]


def test_a_login_is_not_sent_to_an_address_that_nobody_has_agreed_to(
    offline: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    """The branch under review names another store; only the target branch is agreed to."""
    monkeypatch.setenv("VAULT_TOKEN", canary.secret("token"))
    remote = GitFolder.init(tmp_path / "remote.git", "--bare")
    offline.git.git("remote", "add", "origin", str(remote.path))
    file = answers_file(tmp_path / "answers.yaml", {})
    offline.ok("commit", "--yes", "--answers", str(file), "--push")
    server = "secrets.vault.server=https://other.example.internal:8200"
    offline.ok("set", server, "--branch", "review", "--yes", *ACCEPT_ALL)

    done = offline("status", "--json")
    assert done.code == 0, done
    canary.assert_absent(done.out, done.err)
    assert "not asked: " in done.err
    assert "other.example.internal" in done.err
    steps = {step["id"]: step for step in json.loads(done.out)["next"]}
    assert "no Vault credentials" in steps["vault.fill"]["reason"]
    assert steps["git.push"]["command"].endswith("push origin review")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "dags.ref=x"], "--set"),
        (["--all"], "--all"),
        (["--context", "nope"], "kubeconfig"),
    ],
)
def test_what_is_refused(offline: Wizard, tmp_path: Path, words: list[str], says: str) -> None:
    offline.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    done = offline("status", *words)
    assert done.code == 64, done
    assert says in done.err


def test_without_an_installation_there_is_no_status(offline: Wizard) -> None:
    done = offline("status")
    assert done.code == 64
    assert "no committed installation" in done.err

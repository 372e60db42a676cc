"""An installation whose Secrets others make, on the command line: from Vault, and from a preset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.cli import Wizard, answers_file, aw

__all__ = ["aw"]

pytestmark = pytest.mark.integration

SWITCH = (
    "set", "secrets.store=existing", "secrets.existing.fernet_key.name=mine",
    "secrets.existing.fernet_key.key=FERNET", "secrets.existing.result_backend.key=RESULTS",
    "--yes",
)  # fmt: skip


def test_from_vault_to_secrets_of_others(aw: Wizard, tmp_path: Path) -> None:
    aw.ok("commit", "--answers", str(answers_file(tmp_path / "answers.yaml", {})), "--yes")
    refused = aw(*SWITCH)
    assert refused.code == 4, refused
    assert "--accept another-payload" in refused.err
    assert "delete externalsecret airflow-metadata" in refused.err
    assert "--cascade=orphan" in refused.err
    # A Secret that keeps its name may get another key: what this change deletes makes it no more.
    done = aw.ok(*SWITCH, "--accept", "another-payload", "--accept", "left-behind")
    assert "kustomize.unlisted" not in done.out
    files = aw.git.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert not [one for one in files if one.startswith("vault/") or "secrets/airflow-" in one]
    assert "fernetKeySecretName: mine" in aw.git.git(
        "show", "HEAD:apps/airflow/airflow-values.yaml"
    )
    aw.ok("check")

    listed = aw.ok("secrets")
    outline = list(yaml.safe_load_all(listed.out))
    assert {"name": "mine", "namespace": "airflow"} in [one["metadata"] for one in outline]
    assert "nothing was created: somebody else makes these Secrets" in listed.err
    found = json.loads(aw.ok("secrets", "--json", "--yes").out)
    assert found["created"] == []
    question = "secrets.existing.fernet_key.key"
    assert {"secret": "mine", "key": "FERNET", "question": question} in found["needed"]
    sealed = aw("secrets", "--hand-off", str(tmp_path / "x"), "--recipient", "age1x", "--yes")
    assert sealed.code == 64, sealed
    assert "secrets.store is existing" in sealed.err

    aw.ok("handover", "--owner", "platform", "--out", str(tmp_path / "out"))
    handed = tmp_path / "out" / "platform"
    assert "name: mine" in (handed / "secrets.yaml").read_text()
    assert "| `mine` | `FERNET` |" in (handed / "secrets.md").read_text()
    aw.ok("handover", "--owner", "platform", "--out", str(tmp_path / "out"))

    # The way back has a yes of its own, too: the store's values may be older.
    back = aw("set", "secrets.store=vault", "--yes")
    assert (back.code, "another-payload" in back.err) == (4, True), back


def test_the_preset_names_the_field_that_cannot_work(aw: Wizard) -> None:
    needed = ("--set", "database.host=pg.example.internal",
              "--set", "dags.repo=ssh://git@github.com/acme/dags.git")  # fmt: skip
    args = ("commit", "--preset", "existing-secrets", *needed, "--yes")
    wrong = aw(*args, "--set", "secrets.existing.git_ssh_key.key=id_rsa")
    assert (wrong.code, "secrets.existing.git_ssh_key.key" in wrong.err) == (3, True), wrong
    assert "gitSshKey" in wrong.err
    wrong = aw(*args, "--set", "secrets.existing.secret=all")
    assert (wrong.code, "secrets.existing.result_backend.key" in wrong.err) == (3, True), wrong
    aw.ok(*args)
    aw.ok("check")
    plan = json.loads(aw.ok("plan", "--json").out)
    assert {one["kind"] for one in plan["changes"]} == {"same"}
    # Nothing of it is in a store of ours, so nothing could be deleted there.
    none = aw("destroy", "--data", "payload", "--dry-run")
    assert (none.code, "with store existing" in none.err) == (64, True), none

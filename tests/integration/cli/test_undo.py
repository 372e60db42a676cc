"""`undo` takes the last run back in one commit; what people changed since then stays."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.authority import certificate
from tests.support.cli import ACCEPT_ALL, BACKUP, Wizard, answers_file, aw, local

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"


def answers(aw: Wizard) -> dict[str, Any]:
    found = yaml.safe_load((aw.folder / ANSWERS).read_text())
    assert isinstance(found, dict)
    return found


def tree(aw: Wizard, commit: str = "HEAD") -> str:
    return aw.git.git("rev-parse", f"{commit}^{{tree}}")


def test_undoing_a_change_gives_the_files_of_before(local: Wizard) -> None:
    before = tree(local)
    local.ok("set", "executor.workers.concurrency=5", "dags.subpath=jobs", "--yes")
    changed = local.git.git("rev-parse", "HEAD")
    subject = local.git.git("log", "-1", "--format=%s")
    done = local.ok("undo", "--yes")
    assert f"undoing {changed[:12]}: {subject}" in done.err
    assert tree(local) == before
    message = local.git.git("log", "-1", "--format=%B")
    assert message.startswith(f'Undo "{subject}"\n\nThis undoes commit {changed}.')
    assert "Airflow-Wizard-Plan: sha256:" in message
    local.ok("check")
    # The last run is now the undo: undoing it brings the change back.
    local.ok("undo", "--yes")
    assert tree(local) == tree(local, changed)


def test_what_people_changed_after_the_run_stays(local: Wizard) -> None:
    local.ok("set", "executor.workers.concurrency=5", "--yes")
    local.edit(VALUES, "triggerer:\n", "# Kept.\ntriggerer:\n")
    local.edit(
        VALUES, "    queue: default\n", "    queue: default\n    nodeSelector: {disk: ssd}\n"
    )
    edited = (local.folder / VALUES).read_text()
    local.ok("undo", "--yes")
    assert (local.folder / VALUES).read_text() == edited.replace(
        "worker_concurrency: 5", "worker_concurrency: 4"
    )


def test_an_answer_that_was_changed_again_is_a_question(local: Wizard) -> None:
    local.ok("set", "executor.workers.concurrency=5", "dags.subpath=jobs", "--yes")
    local.edit(ANSWERS, "concurrency: 5", "concurrency: 9")
    head = local.git.git("rev-parse", "HEAD")
    done = local("undo", "--yes")
    assert done.code == 5
    assert "executor.workers.concurrency was changed again after" in done.err
    assert "--on-conflict mine" in done.err
    assert local.git.git("rev-parse", "HEAD") == head
    local.ok("undo", "--yes", "--on-conflict", "mine")
    found = answers(local)
    assert found["executor"]["workers"]["concurrency"] == 9
    assert found["dags"]["subpath"] != "jobs"


def test_an_upgrade_of_airflow_is_not_undone(local: Wizard) -> None:
    local.ok("set", "installation.airflow=3.3.0", "--yes", "--accept", "migration", *BACKUP)
    head = local.git.git("rev-parse", "HEAD")
    for accepted in ((), ("--accept", "downgrade")):
        done = local("undo", "--yes", *accepted)
        assert done.code == 4
        assert "the last run cannot be undone" in done.err
        assert "downgrade" in done.err
        assert "Change and roll back" in done.err
    assert local.git.git("rev-parse", "HEAD") == head


def test_a_consequence_of_undoing_needs_its_own_yes(local: Wizard) -> None:
    local.ok("set", "installation.release=other", "--yes", *ACCEPT_ALL)
    done = local("undo", "--yes")
    assert done.code == 4
    assert "--accept another-release" in done.err
    local.ok("undo", "--yes", *ACCEPT_ALL)


def test_the_first_run_is_not_undone(local: Wizard) -> None:
    local.edit(ANSWERS, "concurrency: 4", "concurrency: 6")
    done = local("undo", "--yes")
    assert done.code == 64
    assert "the last run added the installation airflow" in done.err
    assert "airflow-wizard destroy" in done.err


def test_without_yes_the_plan_is_shown_and_nothing_is_written(local: Wizard) -> None:
    local.ok("set", "executor.workers.concurrency=5", "--yes")
    head = local.git.git("rev-parse", "HEAD")
    done = local("undo")
    assert done.code == 64
    assert "worker_concurrency: 4" in done.out
    assert local.git.git("rev-parse", "HEAD") == head
    assert json.loads(local.ok("undo", "--yes", "--json").out)["commit"]


@pytest.mark.parametrize("option", ["--set=dags.subpath=x", "--preset=local", "--adopt=a"])
def test_options_that_change_answers_are_refused(local: Wizard, option: str) -> None:
    done = local("undo", "--yes", option)
    assert done.code == 64
    assert "undo cannot be used with" in done.err


def test_a_squashed_run_is_found_without_its_trailer(local: Wizard) -> None:
    git = local.git.git
    main = git("rev-parse", "--abbrev-ref", "HEAD")
    # A forge squashes, and writes a message of its own.
    local.ok("set", "executor.workers.concurrency=5", "--yes", "--branch", "other")
    git("checkout", "-q", main)
    git("merge", "-q", "--squash", "other")
    git("commit", "-qm", "Tune (#12)")
    assert "Tune (#12)" in local("undo").err
    local.ok("undo", "--yes")
    assert answers(local)["executor"]["workers"]["concurrency"] == 4


def test_the_other_branch_of_a_merge_stays(local: Wizard) -> None:
    git = local.git.git
    main = git("rev-parse", "--abbrev-ref", "HEAD")
    local.ok("set", "executor.workers.concurrency=5", "--yes", "--branch", "left")
    git("checkout", "-q", main)
    local.ok("set", "dags.subpath=jobs", "--yes")
    git("merge", "-q", "--no-edit", "left")
    done = local.ok("undo", "--yes")
    found = answers(local)
    here = found["executor"]["workers"]["concurrency"], found["dags"]["subpath"] == "jobs"
    # Git's order of two branches is free; only the named one is undone.
    assert here == ((4, True) if "concurrency" in done.err.splitlines()[0] else (5, False))
    local.ok("check")


def test_a_shallow_clone_says_what_it_lacks(local: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    local.ok("set", "executor.workers.concurrency=5", "--yes")
    shallow = local.folder.parent / "shallow"
    command = ["git", "clone", "-q", "--depth=1", f"file://{local.folder}", str(shallow)]
    subprocess.run(command, check=True)
    done = Wizard(shallow, monkeypatch)("undo", "--yes")
    assert done.code == 5
    assert "git fetch --unshallow" in done.err


def test_a_replaced_ca_comes_back(aw: Wizard, tmp_path: Path) -> None:
    first, second, third = (certificate.__wrapped__() for _ in range(3))
    answers = answers_file(tmp_path / "answers.yaml", {"secrets.vault.ca.file": "vault-ca.pem"})
    asset = aw.folder / ".airflow-wizard/airflow/vault-ca.pem"
    for text in (first, second):
        (tmp_path / "vault-ca.pem").write_text(text)
        aw.ok("commit", "--answers", str(answers), "--yes")
        assert asset.read_text() == text
    aw.ok("undo", "--yes")
    assert asset.read_text() == first
    aw.ok("check")
    # A person replaced it after the run.
    aw.ok("commit", "--answers", str(answers), "--yes")
    aw.git.commit({".airflow-wizard/airflow/vault-ca.pem": third}, "by hand")
    done = aw("undo", "--yes")
    assert done.code == 5
    assert "vault-ca.pem was changed again after" in done.err
    # A run that only follows this edit has nothing of its own to take back.
    aw.ok("commit", "--yes")
    done = aw("undo", "--yes")
    assert done.code == 64
    assert "changed no answer" in done.err
    assert "git revert" in done.err

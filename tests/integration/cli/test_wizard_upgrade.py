"""A newer wizard renders differently: that is a commit of its own, apart from other answers."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import Wizard, aw, local
from wizard import __version__

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
COPY = ".airflow-wizard/airflow/base/values.base"
INDEX = ".airflow-wizard/airflow/base/index"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
FIVE = ("set", "executor.workers.concurrency=5", "--yes")
SUBJECT = f"Upgrade Airflow installation airflow to Airflow Wizard {__version__}"


@pytest.fixture
def older(local: Wizard) -> Wizard:
    """An installation as an older version of the wizard left it: another value, no comment."""
    git = local.git
    files: dict[str, str | bytes] = {}
    for path in (VALUES, COPY):
        text = (local.folder / path).read_text()
        assert "migrationsWaitTimeout: 300" in text
        files[path] = text.replace("migrationsWaitTimeout: 300", "migrationsWaitTimeout: 60")
    text = (local.folder / INDEX).read_text()
    files[INDEX] = text.replace(f"version {__version__}", "version 0.0.1")
    text = (local.folder / ANSWERS).read_text()
    files[ANSWERS] = text.replace("# Number of Celery worker pods.", "# Workers.")
    git.commit(files, "as version 0.0.1 left it")
    return local


def log(aw: Wizard, count: int) -> list[str]:
    return aw.git.git("log", f"-{count}", "--format=%s").splitlines()


def lines(aw: Wizard, commit: str, path: str = VALUES) -> list[str]:
    diff = aw.git.git("show", "--format=", "--unified=0", commit, "--", path)
    return [
        line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]


def test_the_new_rendering_alone_is_one_commit(older: Wizard) -> None:
    shown = older.ok("plan").out
    assert "+  migrationsWaitTimeout: 300" in shown
    older.ok("commit", "--yes")
    assert log(older, 1) == [SUBJECT]
    body = older.git.git("log", "-1", "--format=%b")
    assert "No answer changes" in body
    assert f"Airflow Wizard 0.0.1 wrote these files; version {__version__} renders" in body
    assert "Airflow-Wizard-Plan: sha256:" in body
    assert older.ok("plan").out.startswith("No file changes.")


def test_a_changed_answer_is_a_second_commit(older: Wizard) -> None:
    older.edit(VALUES, "triggerer:\n", "# Mine.\ntriggerer:\n")
    head = older.git.git("rev-parse", "HEAD")
    shown = older.ok("plan", "--set", FIVE[1])
    assert "Airflow Wizard 0.0.1 wrote this installation" in shown.out + shown.err
    done = older.ok(*FIVE)
    assert older.git.git("rev-parse", "HEAD~2") == head
    assert log(older, 2) == [
        "Change Airflow installation airflow: executor.workers.concurrency",
        SUBJECT,
    ]
    upgrade = older.git.git("rev-parse", "HEAD~1")
    assert upgrade[:12] in done.err
    assert lines(older, "HEAD~1") == [
        "-  migrationsWaitTimeout: 60",
        "+  migrationsWaitTimeout: 300",
    ]
    assert lines(older, "HEAD") == ["-    worker_concurrency: 4", "+    worker_concurrency: 5"]
    assert len(lines(older, "HEAD", ANSWERS)) == 2
    assert "# Mine.\n" in (older.folder / VALUES).read_text()
    for commit in ("HEAD", "HEAD~1"):
        assert "Airflow-Wizard-Plan: sha256:" in older.git.git("log", "-1", "--format=%b", commit)
    assert "No file changes." in older.ok("plan").out
    older.ok("check")
    # Taking the change back leaves the new rendering.
    older.ok("undo", "--yes")
    assert older.git.git("rev-parse", "HEAD^{tree}") == older.git.git(
        "rev-parse", f"{upgrade}^{{tree}}"
    )


def test_both_commits_go_to_a_work_branch(older: Wizard) -> None:
    head = older.git.git("rev-parse", "HEAD")
    done = older.ok(*FIVE, "--branch", "work", "--json")
    found = json.loads(done.out)
    assert found["commit"] == older.git.git("rev-parse", "work")
    assert older.git.git("rev-parse", "work~2") == head
    assert older.git.git("rev-parse", "main") == head


def test_files_that_are_only_written_are_written_at_once(older: Wizard) -> None:
    head = older.git.git("rev-parse", "HEAD")
    older.ok(*FIVE, "--no-commit")
    assert older.git.git("rev-parse", "HEAD") == head
    text = (older.folder / VALUES).read_text()
    assert "migrationsWaitTimeout: 300" in text
    assert "worker_concurrency: 5" in text


def test_a_hand_edit_of_what_the_wizard_renders_differently_is_a_question(older: Wizard) -> None:
    older.edit(VALUES, "migrationsWaitTimeout: 60", "migrationsWaitTimeout: 90")
    before = older.git.state()
    done = older(*FIVE)
    assert done.code == 5
    assert "images.migrationsWaitTimeout was changed by hand and by the answers" in done.err
    assert older.git.state() == before
    older.ok(*FIVE, "--on-conflict", "mine")
    assert log(older, 2)[1] == SUBJECT
    assert "migrationsWaitTimeout: 90" in (older.folder / VALUES).read_text()
    assert lines(older, "HEAD") == ["-    worker_concurrency: 4", "+    worker_concurrency: 5"]


def test_a_second_commit_that_fails_leaves_the_first(older: Wizard) -> None:
    hook = older.git.hook("pre-commit", f"! grep -q 'worker_concurrency: 5' {VALUES}")
    done = older(*FIVE)
    assert done.code != 0
    assert log(older, 1) == [SUBJECT]
    assert older.git.git("status", "--porcelain") == ""
    assert not older.git.leftovers()
    hook.unlink()
    older.ok(*FIVE)
    assert log(older, 2)[1] == SUBJECT
    assert lines(older, "HEAD") == ["-    worker_concurrency: 4", "+    worker_concurrency: 5"]


def test_answers_that_the_newer_wizard_refuses_are_changed_in_one_commit(older: Wizard) -> None:
    older.edit(ANSWERS, "    concurrency: 4\n", "    concurrency: none\n")
    older.ok(*FIVE, "--accept", "unknown")
    [subject] = log(older, 1)
    assert subject == "Change Airflow installation airflow: executor.workers.concurrency"
    body = older.git.git("log", "-1", "--format=%b")
    assert "Airflow Wizard 0.0.1 wrote these files" in body
    assert "part of this commit" in body


def test_a_version_that_renders_the_same_adds_no_commit(local: Wizard) -> None:
    local.edit(INDEX, f"version {__version__}", "version 0.0.1")
    head = local.git.git("rev-parse", "HEAD")
    local.ok(*FIVE)
    assert local.git.git("rev-parse", "HEAD~1") == head
    assert "0.0.1" not in local.git.git("log", "-1", "--format=%B")

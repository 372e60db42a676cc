"""Hand edits and a change of the answers: merged, or decided; nothing is lost."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.support.cli import Wizard, aw, local

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
RUNBOOK = "docs/airflow/RUNBOOK.md"
MORE = ("set", "executor.workers.concurrency=5", "--yes")


def values(aw: Wizard) -> str:
    return (aw.folder / VALUES).read_text()


def edit(aw: Wizard, *pairs: tuple[str, str]) -> None:
    for old, new in pairs:
        aw.edit(VALUES, old, new)


def test_a_change_and_edits_elsewhere_are_merged_in_one_commit(local: Wizard) -> None:
    edit(
        local,
        ("    queue: default\n", "    queue: default\n    nodeSelector: {disk: ssd}  # mine\n"),
        ("triggerer:\n", "# Kept.\ntriggerer:\n"),
    )
    before = values(local)
    done = local.ok(*MORE)
    assert f"~ {VALUES} (+1 -1; hand edit kept)" in done.out
    assert values(local) == before.replace("worker_concurrency: 4", "worker_concurrency: 5")
    local.ok("check")
    assert "No file changes." in local.ok("plan").out


def test_what_both_changed_is_shown_with_three_versions(local: Wizard) -> None:
    edit(local, ("worker_concurrency: 4", "worker_concurrency: 7 # tuned"))
    before = local.git.git("rev-parse", "HEAD")
    done = local(*MORE)
    assert done.code == 5
    for line in (
        f"{VALUES}: config.celery.worker_concurrency was changed by hand and by the answers",
        "written last: 4",
        "by hand: 7",
        "from the answers: 5",
        "--on-conflict new",
        "--adopt config.celery.worker_concurrency",
    ):
        assert line in done.out + done.err
    assert local.git.git("rev-parse", "HEAD") == before
    found = json.loads(local("plan", "--json", "--set", MORE[1]).out)["conflicts"]
    assert [(one["key"], one["base"], one["mine"], one["new"]) for one in found] == [
        ("config.celery.worker_concurrency", "4", "7", "5")
    ]
    assert found[0]["choices"] == ["mine", "new"]


@pytest.mark.parametrize(("side", "kept"), [("mine", "7"), ("new", "5")])
def test_a_side_is_chosen_for_all_conflicts(local: Wizard, side: str, kept: str) -> None:
    edit(local, ("worker_concurrency: 4", "worker_concurrency: 7 # tuned"))
    local.ok(*MORE, "--on-conflict", side)
    assert f"worker_concurrency: {kept} # tuned\n" in values(local)
    local.ok("check")
    assert "No file changes." in local.ok("plan").out


def test_a_hand_edit_becomes_the_answer_of_its_question(local: Wizard) -> None:
    edit(
        local,
        ("worker_concurrency: 4", "worker_concurrency: 7 # tuned"),
        ("scheduler:\n  replicas: 1", "scheduler:\n  replicas: 1\n  priorityClassName: high"),
    )
    keys = ("config.celery.worker_concurrency", "scheduler.priorityClassName")
    done = local.ok("commit", "--yes", "--adopt", keys[0], "--adopt", keys[1])
    assert f"{keys[0]} becomes the answer executor.workers.concurrency" in done.err
    assert f"{keys[1]} becomes the answer values.scheduler.priorityClassName" in done.err
    answers = yaml.safe_load((local.folder / ".airflow-wizard/airflow/answers.yaml").read_text())
    assert answers["executor"]["workers"]["concurrency"] == 7
    assert answers["values"] == {"scheduler": {"priorityClassName": "high"}}
    assert "worker_concurrency: 7 # tuned\n" in values(local)
    assert not json.loads(local.ok("check", "--json").out)[0]["conflicts"]
    done = local("commit", "--yes", "--adopt", "triggerer.replicas")
    assert done.code == 64
    assert "no hand edit" in done.err


def test_an_edit_of_a_guarded_value_is_not_kept(local: Wizard) -> None:
    edit(
        local,
        ("apiSecretKeySecretName: airflow-api-secret-key", "apiSecretKeySecretName: other"),
        ("worker_concurrency: 4", "worker_concurrency: 7"),
    )
    for side in ((), ("--on-conflict", "mine"), ("--on-conflict", "new")):
        done = local(*MORE, *side)
        assert done.code == 5
        assert "apiSecretKeySecretName was edited by hand, and this edit cannot be kept" in done.err


def test_a_deleted_file_is_written_again_only_when_asked(local: Wizard) -> None:
    text = (local.folder / RUNBOOK).read_text()
    local.git.git("rm", "-q", RUNBOOK)
    local.git.git("commit", "-qm", "gone")
    done = local("commit", "--yes")
    assert done.code == 5
    assert "deleted by hand" in done.err
    local.ok("commit", "--yes", "--on-conflict", "new")
    assert (local.folder / RUNBOOK).read_text() == text


def test_a_renamed_file_is_named(local: Wizard) -> None:
    local.git.git("mv", RUNBOOK, "docs/ours.md")
    local.git.git("commit", "-qm", "renamed")
    done = local("commit", "--yes", "--on-conflict", "mine")
    assert done.code == 5
    assert f"{RUNBOOK}: was moved to docs/ours.md by hand" in done.err
    assert f"git mv docs/ours.md {RUNBOOK}" in done.err


def test_edits_follow_a_changed_path(local: Wizard) -> None:
    text = (local.folder / RUNBOOK).read_text()
    local.git.commit({RUNBOOK: f"{text}\nOurs.\n"}, "by hand")
    done = local.ok("set", "repository.paths.docs=handbook", "--yes")
    assert f"moved from {RUNBOOK}; hand edit kept" in done.out
    assert not (local.folder / RUNBOOK).exists()
    assert (local.folder / "handbook/airflow/RUNBOOK.md").read_text().endswith("\nOurs.\n")
    local.ok("check")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [\n", "not valid YAML"),
        ("executor: a\nexecutor: b\n", "executor: the key occurs twice"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
    ],
)
def test_a_file_that_cannot_be_merged_stays(local: Wizard, text: str, reason: str) -> None:
    local.git.commit({VALUES: text}, "by hand")
    for side in ((), ("--on-conflict", "new")):
        done = local(*MORE, *side)
        assert done.code == 5
        assert reason in done.err
        assert f"cp .airflow-wizard/airflow/base/values.base {VALUES}" in done.err
        assert values(local) == text


def test_a_conflict_shows_no_secret(local: Wizard) -> None:
    secret = f"ghp_{'a1B2' * 9}"
    edit(local, ("worker_concurrency: 4", f"worker_concurrency: {secret}"))
    done = local(*MORE)
    assert done.code == 5
    assert secret not in done.out + done.err
    assert secret not in local("plan", "--json", "--set", MORE[1]).out

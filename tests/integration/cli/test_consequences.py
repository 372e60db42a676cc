"""Changes that are bigger than they look: what a plan says, who says yes, what a commit says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw

__all__ = ["aw"]

ANSWERS = ".airflow-wizard/airflow/answers.yaml"
BIG = {
    "installation.airflow=2.11.0": "downgrade",
    "installation.namespace=data": "another-namespace",
    "installation.release=af": "another-release",
    "database.host=pg2.example.internal": "another-database",
}


@pytest.fixture
def committed(aw: Wizard, tmp_path: Path) -> Wizard:
    sizing = {"executor.workers.replicas": 5, "executor.workers.persistence": "20Gi"}
    file = answers_file(tmp_path / "answers.yaml", sizing)
    aw.ok("commit", "--yes", "--answers", str(file))
    return aw


def test_each_big_change_needs_a_yes_of_its_own(committed: Wizard) -> None:
    head = committed.git.git("rev-parse", "HEAD")
    for change, name in BIG.items():
        done = committed("set", change, "--yes")
        assert (done.code, f"--accept {name}" in done.err) == (4, True), done
        plan = json.loads(committed("plan", "--set", change, "--json").out)
        [found] = [one for one in plan["consequences"] if one["name"] == name]
        assert found["accept"]
        assert found["text"] in done.err
    assert committed.git.git("rev-parse", "HEAD") == head

    change, name = list(BIG.items())[-1]
    steps = {
        one["id"] for one in json.loads(committed("plan", "--set", change, "--json").out)["actions"]
    }
    assert "vault.mount" not in steps
    committed.ok("set", change, "--yes", *ACCEPT_ALL)
    message = committed.git.git("log", "-1", "--format=%B")
    assert f"({name}): " in message


def test_celery_to_kubernetes_and_back_changes_nothing(committed: Wizard) -> None:
    before = (committed.folder / ANSWERS).read_text()
    values = (committed.folder / "apps/airflow/airflow-values.yaml").read_text()
    committed.ok("set", "executor.kind=KubernetesExecutor", "--yes", *ACCEPT_ALL)
    diff = committed.git.git("diff", "--unified=0", "HEAD~1", "HEAD", "--", ANSWERS)
    assert "-  kind: CeleryExecutor" in diff
    # Answers that do not apply any more stay in the file, in their place, if they were given.
    there = (committed.folder / ANSWERS).read_text().splitlines()
    for line in ("    replicas: 5", '    persistence: "20Gi"'):
        assert line in there
        assert f"-{line}" not in diff.splitlines()
    assert "No file changes." in committed.ok("plan").out
    committed.ok("set", "executor.kind=CeleryExecutor", "--yes", *ACCEPT_ALL)
    assert (committed.folder / ANSWERS).read_text() == before
    assert (committed.folder / "apps/airflow/airflow-values.yaml").read_text() == values

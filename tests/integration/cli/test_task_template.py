"""A pod template of one's own, from the file on disk to the values and their next change."""

from __future__ import annotations

import json

from tests.support.cli import Wizard, answers_file, aw
from tests.support.public_files import POD

__all__ = ["aw"]

KEY = "executor.task_pods.template"
OWN = {
    "executor.kind": "KubernetesExecutor",
    KEY: "task.yaml",
    "dags.source": "volume",
    "dags.volume.existing_claim": "dags",
}
COPY = ".airflow-wizard/airflow/task.yaml"


def changed(aw: Wizard) -> list[str]:
    """The paths that the plan changes."""
    changes = json.loads(aw("plan", "--json").out)["changes"]
    return [one["path"] for one in changes if one["kind"] != "same"]


def test_a_template_is_copied_once_and_edited_in_the_repository(aw: Wizard) -> None:
    outside = aw.folder.parent / "pods"
    outside.mkdir()
    (outside / "task.yaml").write_text(POD)
    aw.ok("commit", "--yes", "--answers", str(answers_file(outside / "a.yaml", OWN)))
    assert (aw.folder / COPY).read_text() == POD
    (outside / "task.yaml").unlink()
    assert changed(aw) == []

    aw.edit(COPY, "memory: 2Gi", "memory: 3Gi")
    plan = json.loads(aw("plan", "--json").out)
    assert changed(aw)[0] == "apps/airflow/airflow-values.yaml"
    assert {"task-pods", "restart"} <= {one["name"] for one in plan["consequences"]}
    aw.ok("commit", "--yes")
    assert "memory: 3Gi" in (aw.folder / "apps/airflow/airflow-values.yaml").read_text()

    aw.edit(COPY, "name: base", "name: task")
    done = aw("plan")
    assert done.code == 3
    assert "executor.task_pods.template: spec.containers: name the first one base" in done.err


def test_a_missing_file_is_named(aw: Wizard) -> None:
    file = answers_file(aw.folder.parent / "a.yaml", {**OWN, KEY: "nowhere.yaml"})
    done = aw("commit", "--yes", "--answers", str(file))
    assert done.code == 3
    assert "executor.task_pods.template: cannot be read: no such file" in done.err.lower()

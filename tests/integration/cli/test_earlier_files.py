"""Installations that earlier versions of the wizard wrote are taken over, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.cli import Wizard, aw
from tests.support.paths import TOP
from wizard.answers.model import Answers
from wizard.formats.nested import get_value
from wizard.plan.merge_base import FORMAT

__all__ = ["aw"]

EARLIER = sorted((TOP / "tests/earlier").glob("*.txt"))
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
BASE = ".airflow-wizard/airflow/base/"
VALUES = "apps/airflow/airflow-values.yaml"
# What was answered, and where it is now.
GIVEN = {
    "logs.kind": "volume",
    "logs.size": "20Gi",
    "logs.storage_class": "fast",
    "database.host": "pg.example.internal",
    "values.scheduler.priorityClassName": "high",
}


def restore(aw: Wizard, file: Path) -> None:
    """Commit an earlier installation: its answers, its base, and the files as they were written."""
    parts = re.split(r"^=== (.+)\n", file.read_text(), flags=re.MULTILINE)[1:]
    files: dict[str, str | bytes] = dict(zip(parts[::2], parts[1::2], strict=True))
    index = str(files[f"{BASE}index"])
    files[f"{BASE}index"] = index.replace("version 0.1.0", "version 0.0.9")
    for name, path in re.findall(r"^file (\S+) (.+)$", index, re.MULTILINE):
        files[path] = files[f"{BASE}{name}.base"]
    aw.git.commit(files, "as an earlier version wrote it")


def test_there_is_one_for_each_schema_and_format() -> None:
    schemas = range(1, int(Answers.model_fields["schema_"].default) + 1)
    wanted = {f"schema-{schema}-base-{base}" for schema in schemas for base in range(1, FORMAT + 1)}
    assert {file.stem for file in EARLIER} == wanted


@pytest.mark.parametrize("file", EARLIER, ids=lambda file: file.stem)
def test_an_earlier_installation_is_upgraded_and_then_changed(aw: Wizard, file: Path) -> None:
    restore(aw, file)
    aw.edit(VALUES, "scheduler:\n", "# Mine.\nscheduler:\n")
    aw.ok("check")
    aw.ok("set", "executor.workers.concurrency=9", "--yes")
    change, upgrade = aw.git.git("log", "-2", "--format=%s").splitlines()
    assert upgrade.startswith("Upgrade Airflow installation airflow to Airflow Wizard")
    assert change == "Change Airflow installation airflow: executor.workers.concurrency"
    # The upgrade drops no line of the values, and the change is one line.
    changed = [
        aw.git.git("show", "--numstat", "--format=", commit, "--", VALUES).split()[:2]
        for commit in ("HEAD~1", "HEAD")
    ]
    assert changed[0][1] == "0"
    assert changed[1] == ["1", "1"]
    answers = yaml.safe_load((aw.folder / ANSWERS).read_text())
    for key, value in GIVEN.items():
        assert get_value(answers, tuple(key.split("."))) == value
    assert "# Mine.\n" in (aw.folder / VALUES).read_text()
    assert "No file changes." in aw.ok("plan").out

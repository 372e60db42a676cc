"""All that is wrong with `values:` is told at once, whichever part of the wizard finds it."""

from __future__ import annotations

import json

from tests.support.cli import Wizard, answers_file, aw
from tests.support.rendered import findings, rendering

__all__ = ["aw"]

WRONG = {
    "executor": "LocalExecutor",
    "fernetKeySecretName": "other",
    "scheduler": {"replica": 2},
    "schedulerr": {},
    "workers": {"resources": {"limits": {"memory": "1Gi"}}},
    "webserver": {"replicas": 3},
}


def test_contradictions_unknown_and_dead_keys_come_in_one_round(aw: Wizard) -> None:
    file = answers_file(aw.folder.parent / "answers.yaml", {"values": WRONG})
    done = aw("plan", "--answers", str(file))
    assert done.code == 3, done
    told = [line.split(":")[0].strip() for line in done.err.splitlines() if " values." in line]
    assert set(told) == {
        "values.executor",
        "values.fernetKeySecretName",
        "values.scheduler.replica",
        "values.schedulerr",
        "values.workers.resources",
        "values.webserver.replicas",
    }
    assert len(told) == len(set(told))
    mild = [line for line in done.err.splitlines() if "only a warning: " in line]
    assert sorted(line.split(":")[0].strip() for line in mild) == [
        "values.webserver.replicas", "values.workers.resources",
    ]  # fmt: skip


def test_a_role_without_audience_is_an_answer_with_a_warning() -> None:
    made = rendering(changes={"secrets.vault.audience": "none"})
    role = json.loads(made.tree.by_logical("vault/role").text)
    assert role["audience"] == ""
    assert "audiences" not in made.tree.by_logical("secrets/store").text
    told = [(one.severity, one.where) for one in findings(made) if one.rule == "vault.role"]
    assert told == [("warning", "audience")]
    assert not [one for one in findings(made) if one.is_error]

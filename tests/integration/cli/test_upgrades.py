"""Another version of the chart or of Airflow: what the plan says before anything is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cli import ACCEPT_ALL, BACKUP, Wizard, answers_file, aw, local

__all__ = ["aw", "local"]


def consequences(aw: Wizard, *sets: str) -> dict[str, Any]:
    options = [part for one in sets for part in ("--set", one)]
    found = json.loads(aw("plan", "--json", *options).out)["consequences"]
    return {one["name"]: one for one in found}


def test_an_upgrade_to_airflow_3_says_what_it_needs(aw: Wizard, tmp_path: Path) -> None:
    versions = {
        "installation.chart": "1.19.0",
        "installation.airflow": "2.11.0",
        "executor.workers.resources.memory": "2Gi",
    }
    file = answers_file(tmp_path / "a.yaml", versions)
    aw.ok("commit", "--answers", str(file), "--yes")
    newer = ("installation.chart=1.22.0", "installation.airflow=3.2.2")
    found = consequences(aw, *newer)
    keys = found["chart-keys"]["text"]
    assert "workers.resources is workers.celery.resources now" in keys
    assert "Dropped: config.webserver, webserver, webserverSecretKeySecretName." in keys
    assert "apiServer" in keys.partition("New: ")[2]
    parts = found["new-parts"]["text"]
    assert "These run from now on: api-server." in parts
    assert "These run no longer: webserver." in parts
    assert "airflow-api-secret-key, airflow-jwt-secret" in parts
    assert "`airflow-wizard secrets`" in parts
    assert "ruff check --select AIR3" in parts
    assert "dags.gitSync: git-sync goes; load the DAGs as bundles" in found["next-chart"]["text"]
    assert found["migration"]["backup"]
    for name in ("chart-keys", "new-parts", "next-chart"):
        assert (found[name]["grade"], found[name]["accept"]) == ("none", False)
    # It is one commit, which says the same.
    sets = [part for one in newer for part in ("--set", one)]
    aw.ok("commit", "--yes", *sets, *ACCEPT_ALL, *BACKUP)
    message = aw.git.git("log", "-1", "--format=%B")
    assert "Backup of the database: " in message
    assert "api-server" in message
    assert "No file changes." in aw.ok("plan").out


def test_another_chart_alone_names_its_keys(local: Wizard) -> None:
    found = consequences(local, "installation.chart=1.20.0")
    assert "workers.celery.safeToEvict" not in found["chart-keys"]["text"].partition("New")[2]
    assert "enableServiceLinks" in found["chart-keys"]["text"].partition("Dropped: ")[2]
    assert "new-parts" not in found
    assert not any(one["backup"] for one in found.values())
    assert not consequences(local, "executor.workers.concurrency=5").keys() & {
        "chart-keys", "new-parts", "next-chart",
    }  # fmt: skip


def test_check_forecasts_what_the_next_chart_drops(local: Wizard) -> None:
    done = local.ok("check")
    assert (
        "note: chart 2.0 is announced to change postgresql: the bundled PostgreSQL go" in done.err
    )
    [found] = json.loads(local.ok("check", "--json").out)
    assert {one["key"]: one["question"] for one in found["forecast"]} == {
        "dags.gitSync": "dags.source",
        "postgresql": "database.kind",
        "createUserJob": "access.login",
    }
    local.ok("set", "values.enableServiceLinks=true", "--yes", *ACCEPT_ALL)
    assert "enableServiceLinks: it is off by default" in local.ok("check").err

"""How little a plan does where nothing changed: counted, because time is not a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.support.cli import LOCAL, Wizard, answers_file, aw, local
from tests.support.process import run

__all__ = ["aw", "local"]

CLIENTS = ["hvac", "kubernetes", "paramiko", "psycopg", "textual", "cryptography", "jsonschema_rs"]
READERS = ["ruamel.yaml", "wizard.checks.engine", "wizard.formats.yaml_untrusted"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the git processes by their subcommand."""
    counts: Counter[str] = Counter()
    popen = subprocess.Popen

    def count(command: list[str], *args: Any, **options: Any) -> Any:
        words = iter(command[1:])
        for word in words:
            if word in {"-c", "-C"}:
                next(words)
            elif not word.startswith("-"):
                counts[word] += 1
                break
        return popen(command, *args, **options)

    monkeypatch.setattr(subprocess, "Popen", count)
    return counts


def test_a_plan_without_changes_starts_few_processes(local: Wizard, counted: Counter[str]) -> None:
    local.ok("plan", "--detailed-exitcode")

    # Two of them find the target branch, one the files of others beside ours.
    assert sum(counted.values()) <= 11, counted
    assert counted["rev-parse"] <= 2


def test_a_commit_starts_few_processes(local: Wizard, counted: Counter[str]) -> None:
    local.ok("set", "executor.workers.replicas=3", "--yes")

    assert sum(counted.values()) <= 38, counted


def test_each_further_installation_costs_little(local: Wizard, counted: Counter[str]) -> None:
    local.ok(*LOCAL, "--set", "installation.name=second")
    local.ok(*LOCAL, "--set", "installation.name=third")
    counted.clear()
    local.ok("plan", "--all")

    assert sum(counted.values()) <= 6 + 3 * 6, counted


_PROGRAM = """
import json, sys
from wizard.cli.main import main
code = main(sys.argv[2:])
print(json.dumps([code, [name for name in json.loads(sys.argv[1]) if name in sys.modules]]))
"""


@pytest.mark.parametrize("preset", ["local", "vault"])
def test_a_plan_without_changes_parses_no_manifest_and_loads_no_client(
    aw: Wizard, tmp_path: Any, preset: str
) -> None:
    given = ["--preset", "local"]
    if preset == "vault":
        given = ["--answers", str(answers_file(tmp_path / "answers.yaml", {}))]
    aw.ok("commit", "--yes", *given)

    done = run([sys.executable, "-c", _PROGRAM, json.dumps(CLIENTS + READERS), "plan",
                "--detailed-exitcode", "--repo", str(aw.folder)])  # fmt: skip

    assert json.loads(done.out.splitlines()[-1]) == [0, []], done


@pytest.mark.parametrize("command", [["presets"], ["explain", "dags.repo"], ["schema"]])
def test_what_only_explains_runs_no_git_and_loads_no_client(
    aw: Wizard, counted: Counter[str], command: list[str]
) -> None:
    aw.ok(*command)
    assert sum(counted.values()) == 0

    done = run([sys.executable, "-c", _PROGRAM, json.dumps(CLIENTS), *command])
    assert json.loads(done.out.splitlines()[-1]) == [0, []], done

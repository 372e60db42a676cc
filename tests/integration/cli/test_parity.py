"""Whatever a person answers by, the same answers give the same commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.frontends import (
    by_ask,
    by_file,
    by_screens,
    by_set,
    git,
    lines_for,
    repository,
    same_day,
    tree,
    write_named,
)
from tests.support.process import Terminal
from tests.support.scenarios import SCENARIOS, newcomer
from wizard.answers.presets import list_presets
from wizard.cli.main import main


@pytest.mark.parametrize("name", SCENARIOS)
def test_file_options_prompts_and_screens_commit_the_same_tree(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pty_run: Callable[..., Terminal],
) -> None:
    scenario = SCENARIOS[name]
    write_named(tmp_path, scenario)
    monkeypatch.chdir(tmp_path)
    same_day()

    file = by_file(repository(tmp_path / "file", scenario), tmp_path, scenario)
    sets = by_set(repository(tmp_path / "set", scenario), scenario)
    lines = lines_for(scenario, monkeypatch)
    asked = by_ask(repository(tmp_path / "ask", scenario), tmp_path, scenario, lines, pty_run)
    shown = by_screens(repository(tmp_path / "screens", scenario), tmp_path, scenario)

    assert file == sets == asked == shown
    assert git(tmp_path / "set", "status", "--porcelain") == ""
    if scenario.answers.get("repository.push"):
        for way in ("ask", "screens"):
            pushed = git(tmp_path / f"{way}.git", "rev-parse", "live")
            assert pushed == git(tmp_path / way, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", [*SCENARIOS, *list_presets()])
def test_saved_answers_replay_to_the_same_tree(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = SCENARIOS[name] if name in SCENARIOS else newcomer(name)
    write_named(tmp_path, scenario)
    monkeypatch.chdir(tmp_path)
    same_day()
    first, again = (repository(tmp_path / part, scenario) for part in ("first", "again"))
    given = scenario.sets
    if name not in SCENARIOS:
        given = ["--preset", name, *newcomer(name).sets]
    commit = ["commit", "--yes", *(scenario.flags if name in SCENARIOS else [])]

    assert main([*commit, "--repo", str(first), *given]) == 0
    (saved,) = first.rglob("answers.yaml")
    assert main([*commit, "--repo", str(again), "--answers", str(saved)]) == 0

    assert tree(again) == tree(first)
    assert main(["plan", "--detailed-exitcode", "--repo", str(saved.parents[2])]) == 0

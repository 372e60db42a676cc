"""A newcomer starts with a preset, answers a few questions, and gets the same by every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.frontends import (
    by_ask,
    by_preset_on_screens,
    by_set,
    lines_for,
    repository,
    same_day,
)
from tests.support.process import Terminal
from tests.support.scenarios import newcomer
from wizard.answers.presets import list_presets
from wizard.cli.main import main

A_DOZEN = 12


@pytest.mark.parametrize("preset", list_presets())
def test_a_preset_and_a_dozen_answers_are_the_same_commit_by_every_way(
    preset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pty_run: Callable[..., Terminal],
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = newcomer(preset)
    # Headless and on the screens, these are all that is typed. At the prompts of `ask`, enter
    # takes every other answer.
    lines = lines_for(scenario, monkeypatch, preset)
    assert len(scenario.answers) == sum(map(bool, lines)) <= A_DOZEN
    same_day()

    sets = by_set(repository(tmp_path / "set", scenario), scenario, preset)
    asked = by_ask(
        repository(tmp_path / "ask", scenario), tmp_path, scenario, lines, pty_run, preset
    )
    shown = by_preset_on_screens(repository(tmp_path / "screens", scenario), scenario, preset)
    assert sets == asked == shown

    capsys.readouterr()
    assert main(["check", "--repo", str(tmp_path / "screens")]) == 0
    assert "error" not in capsys.readouterr().out

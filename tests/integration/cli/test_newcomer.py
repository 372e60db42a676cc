"""A newcomer starts with a preset, answers a few questions, and gets the same by every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.frontends import (
    by_ask,
    by_preset_on_screens,
    by_set,
    git,
    lines_for,
    repository,
    same_day,
)
from tests.support.process import Terminal
from tests.support.scenarios import newcomer
from wizard.answers.presets import list_presets
from wizard.cli.main import main

A_DOZEN = 12
REMOTE = "ssh://git@git.example.com/platform/k8s-infra.git"


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

    folders = {way: repository(tmp_path / way, scenario) for way in ("set", "ask", "screens")}
    for folder in folders.values():
        # Without Argo CD, the address of the remote is an answer.
        git(folder, "remote", "set-url", "origin", REMOTE)
    sets = by_set(folders["set"], scenario, preset)
    asked = by_ask(folders["ask"], tmp_path, scenario, lines, pty_run, preset)
    shown = by_preset_on_screens(folders["screens"], scenario, preset)
    assert sets == asked == shown

    capsys.readouterr()
    assert main(["check", "--repo", str(folders["screens"])]) == 0
    assert "error" not in capsys.readouterr().out

"""Navigation: keys, mouse, finder, help, quitting."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.pages.base import StepLine
from screens.pages.form import FormScreen
from screens.pages.preset import PresetScreen
from screens.pages.review import ReviewScreen
from screens.steps import DEPLOY_KEY, PREFLIGHT
from screens.widgets.dialogs import QuitDialog
from tests.screens.support import COMPLETE, answers, newcomer, page, press, wizard
from tests.support.screens import post, settled
from wizard.answers import presets


async def test_the_finder_jumps_to_a_question_by_its_name(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"time zone", "enter")
        screen = page(pilot)
        assert isinstance(screen, FormScreen)
        assert screen.focused_row is not None
        assert screen.focused_row.item.key == "environment.timezone"


@pytest.mark.parametrize("opened", [True, False])
async def test_the_finder_takes_what_was_typed_however_fast(
    tmp_path: Path, *, opened: bool
) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        if opened:
            await press(pilot, "ctrl+p")
        for key in (*(() if opened else ("ctrl+p",)), *"access.kind", "enter"):
            post(app, key)
        await settled(pilot)
        screen = page(pilot)
        assert isinstance(screen, FormScreen)
        assert screen.focused_row is not None
        assert screen.focused_row.item.key == "access.kind"


async def test_the_finder_finds_by_key_too_and_escape_changes_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "> Secrets store > Store" in await press(pilot, "ctrl+p", *"secrets.store")
        await press(pilot, "escape")
        assert page(pilot).page_name == "installation"
        assert not app.draft.has_changes
        shown = await press(pilot, "ctrl+p", *"[/x]")
        assert "[/x]" in shown
        await press(pilot, "enter")


async def test_the_finder_finds_pages_without_questions(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.checks.sources = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for name, words in ((PREFLIGHT, "pre-flight"), (DEPLOY_KEY, "page deploy")):
            await press(pilot, "ctrl+p", *words, "enter")
            assert page(pilot).page_name == name


async def test_keys_typed_at_once_belong_to_the_finder(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("ctrl+p", *"dags.repo"):
            post(app, key)
        assert "> DAGs > Repository" in await settled(pilot)
        assert not app.draft.has_changes


async def test_a_click_in_the_sidebar_jumps(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        line = next(one for one in page(pilot).query(StepLine) if one.step.name == "delivery")
        await pilot.click(line)
        await settled(pilot)
        assert page(pilot).page_name == "delivery"


async def test_the_keys_in_the_last_line_can_be_clicked(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click("#keys", offset=(4, 0))
        await settled(pilot)
        assert page(pilot).page_name == "executor"


async def test_steps_are_marked_by_characters(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for _ in range(5):
            await press(pilot, "ctrl+n")
        lines = (await settled(pilot)).splitlines()
        marks = {line[4:18].strip(): line[1:3].strip() for line in lines[1:15]}
        assert marks["Installation"] == "ok"
        assert marks["Database"] == "!"
        assert marks["Broker"] == ">"
        assert marks["DAGs"] == ""


async def test_quitting_asks_only_if_answers_would_be_lost(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x", "ctrl+q")
        assert isinstance(pilot.app.screen, QuitDialog)
        await press(pilot, "down", "enter")
        assert app.is_running
        assert page(pilot).page_name == "installation"
        await press(pilot, "ctrl+q", "escape")
        await press(pilot, "backspace", "ctrl+q")
        assert not app.is_running
    assert app.return_value is None
    assert app.exit_report.uncommitted is None


async def test_quitting_without_saving_returns_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x", "ctrl+q", "down", "down", "enter")
        assert not app.is_running
    assert app.exit_report.uncommitted is None


async def test_the_next_start_offers_the_saved_answers(tmp_path: Path) -> None:
    saved = answers("production", ("database.host=pg.example.internal",))
    app = newcomer(tmp_path, pick_preset=True, saved=("airflow-answers.yaml", saved))
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await settled(pilot)
        assert "> Continue" in shown
        assert "airflow-answers.yaml" in shown
        shown = await press(pilot, "enter")
        assert page(pilot).page_name == "start"
        # The page asks what is still open: this is answered.
        assert "Database: Host" not in shown
        assert app.draft.answers.database.host == "pg.example.internal"
        assert not app.draft.has_changes


async def test_quitting_writes_nothing_and_returns_the_answers(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x", "ctrl+q", "enter")
        assert not app.is_running
    assert app.return_value is None
    assert app.exit_report.uncommitted is not None
    assert app.exit_report.uncommitted[0]["installation"] == {"name": "airflowx"}
    assert [entry.name for entry in (tmp_path / "k8s-infra").iterdir()] == [".git"]


async def test_a_different_preset_keeps_typed_answers(tmp_path: Path) -> None:
    app = wizard(tmp_path, pick_preset=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter", "end", "x", "escape")
        assert isinstance(page(pilot), PresetScreen)
        count = len(presets.list_presets())
        await press(pilot, *["down"] * count, "enter")
        assert page(pilot).page_name == "start"
        assert app.draft.answers.database.host == "x"
        assert app.draft.base == {}


async def test_all_presets_fit_on_a_small_terminal(tmp_path: Path) -> None:
    app = wizard(tmp_path, pick_preset=True)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await settled(pilot)
        last = presets.load_preset(presets.list_presets()[-1])
        assert f"\n   {last.title}" in shown
        assert "No preset: the wizard's own defaults." in shown


async def test_given_answers_win_over_the_preset(tmp_path: Path) -> None:
    app = wizard(tmp_path, "", "installation.name=given", pick_preset=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "enter")
        assert app.draft.answers.installation.name == "given"
        assert app.draft.answers.database.pgbouncer.mode == "chart"


async def test_help_names_key_default_and_choices(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+n", "f1")
        for part in ("executor.kind", "LocalExecutor: Local: inside", '"CeleryExecutor"'):
            assert part in shown
        await press(pilot, "escape")
        assert page(pilot).page_name == "executor"


async def test_f5_shows_the_result_of_the_checks(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "! 4 answers missing or invalid: database.host" in await press(pilot, "f5")
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "ok, no check failed" in await press(pilot, "f5")


async def test_escape_on_the_first_page_stays(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "escape")
        assert page(pilot).page_name == "start"


@pytest.mark.parametrize("key", ["ctrl+s", "ctrl+p", "f1", "f5", "ctrl+n"])
async def test_no_key_works_on_a_page_behind_a_dialog(tmp_path: Path, key: str) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x", "ctrl+q", key)
        assert isinstance(pilot.app.screen, QuitDialog)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, ReviewScreen)


async def test_without_colours_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = []
    for name, value in ((None, ""), ("NO_COLOR", "1")):
        if name:
            monkeypatch.setenv(name, value)
        app = wizard(tmp_path, "production")
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            frames.append(await press(pilot, "ctrl+n", "ctrl+n"))
    assert frames[0] == frames[1]
    app = wizard(tmp_path, "production")
    app.theme = "ansi-dark"
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert await press(pilot, "ctrl+n", "ctrl+n") == frames[0]

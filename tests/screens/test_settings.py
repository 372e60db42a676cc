"""The settings: the first page of a committed installation, where one is changed in place."""

from __future__ import annotations

import subprocess
from pathlib import Path

from textual.widgets import OptionList

from screens.app import WizardApp
from screens.pages.form import FormScreen
from screens.pages.result import ResultScreen
from screens.pages.settings import Changes, SettingsScreen
from screens.widgets.dialogs import ConfirmDialog
from tests.screens.support import commit_preset, page, press, reopened
from tests.support.screens import post, settled


def committed(folder: Path) -> WizardApp:
    """Return the app on a repository with a committed installation."""
    return reopened(commit_preset(folder))


def last_commit(folder: Path, *args: str) -> str:
    command = ["git", "-C", str(folder / "k8s-infra"), "show", "--format=%s", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_eight_keys_change_and_commit_the_number_of_workers(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(page(pilot), SettingsScreen)
        shown = await press(pilot, "slash", *"wor", "enter", "4", "enter")
        assert "executor.workers.replicas: 2 -> 4" in shown
        assert "enter commits 1 change to main" in shown
        await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
    changed = last_commit(tmp_path, "--unified=0", "--", "apps")
    lines = [one for one in changed.splitlines() if one[:1] in "+-" and one[:3] not in "+++---"]
    assert [one.split(":")[0].strip("+- ") for one in lines] == ["replicas", "replicas"]


async def test_the_list_starts_with_what_is_changed_then_with_what_is_set(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await settled(pilot)
        assert "Different from the defaults" in shown
        assert "Changed, not committed" not in shown
        await press(pilot, "slash", *"time zone", "enter", "paste:Europe/Oslo", "enter")
        shown = await press(pilot, "escape", "slash", "end", "ctrl+u", "escape")
        assert "Changed, not committed" in shown
        assert "Europe/Oslo   was UTC" in shown


async def test_u_takes_a_change_back(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "slash", *"wor", "enter", "4", "enter")
        shown = await press(pilot, "u")
        assert "2 -> 4" not in shown
        assert not app.draft.has_changes
        assert isinstance(pilot.app.screen.focused, OptionList)


async def test_escape_discards_what_is_in_the_field(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "slash", *"wor", "enter", "4", "escape")
        assert not app.draft.has_changes
        assert page(pilot).focused_key == "executor.workers.replicas"


async def test_an_invalid_answer_keeps_the_field_open(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "slash", *"wor", "enter", "x", "enter")
        assert "! enter a whole number" in shown
        screen = page(pilot)
        assert isinstance(screen, SettingsScreen)
        assert screen.row is not None


async def test_a_missing_follower_opens_in_place(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "slash", *"access.kind", "enter", "right", "enter")
        assert "missing or invalid: enter goes there" in shown
        await press(pilot, "enter")
        screen = page(pilot)
        assert isinstance(screen, SettingsScreen)
        assert screen.row is not None
        assert screen.row.item.key == "access.base_url"


async def test_a_dangerous_change_asks_before_it_is_committed(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "slash", *"database.host", "enter")
        shown = await press(pilot, "paste:pg2.example.internal", "enter")
        assert "pg.example.internal -> pg2.example.internal" in shown
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ConfirmDialog)


async def test_nothing_found_says_so_and_names_what_is_near(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "slash", *"pgbuncer")
        assert "No setting matches pgbuncer; similar words: pgbouncer" in shown
        await press(pilot, "enter")
        assert app.is_running


async def test_keys_typed_at_once_give_what_was_typed(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("slash", *"wor", "enter", "4", "enter"):
            post(app, key)
        assert "executor.workers.replicas: 2 -> 4" in await settled(pilot)
        assert isinstance(pilot.app.screen.focused, Changes)


async def test_a_jump_goes_to_the_page_and_escape_comes_back(tmp_path: Path) -> None:
    app = committed(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"time zone", "enter")
        assert isinstance(page(pilot), FormScreen)
        await press(pilot, "ctrl+s", "escape")
        assert page(pilot).focused_key == "environment.timezone"
        await press(pilot, "escape")
        assert isinstance(page(pilot), SettingsScreen)

"""The page after a commit: the next steps, their states, and the key that copies a command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.pages.result import ResultScreen
from screens.widgets.dialogs import ConfirmDialog
from tests.screens.next_steps import KUBE, PUSHED, RESULT, VAULT, Scripted
from tests.screens.support import COMPLETE, app_of, page, press, wizard
from tests.support.screens import settled


@asynccontextmanager
async def opened(folder: Path, script: Scripted) -> AsyncIterator[Pilot[Any]]:
    app = wizard(folder, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.switch_screen(ResultScreen(RESULT, script))
        await settled(pilot)
        yield pilot


async def test_what_to_do_next_comes_first_with_owner_state_and_command(tmp_path: Path) -> None:
    script = Scripted()
    async with opened(tmp_path, script) as pilot:
        shown = await settled(pilot)
        assert script.calls == ["branch"], "only Git is asked unasked"
        lines = [line.strip("> ") for line in shown.splitlines()]
        first = lines.index(next(one for one in lines if one.startswith("1  ")))
        assert lines[first].startswith("1  unknown  me        Create the missing values in Vault")
        assert lines[first + 2].startswith("3  open     me        Push the commit")
        assert shown.index("8  unknown") < shown.index("Files")
        assert "1 open, 7 unknown; f5 checks every state with your logins" in shown
        await press(pilot, "down", "down", "y")
        assert app_of(pilot).clipboard == "git push origin main"
        shown = await settled(pilot)
        assert "copied: git push origin main" in shown
        assert "branch origin/main does not exist yet" in shown


async def test_logins_are_used_after_a_yes_and_then_again_and_again(tmp_path: Path) -> None:
    script = Scripted()
    async with opened(tmp_path, script) as pilot:
        screen = page(pilot)
        assert isinstance(screen, ResultScreen)
        shown = await press(pilot, "f5")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        assert VAULT[:40] in shown
        assert KUBE[:40] in shown
        await press(pilot, "escape")
        assert script.calls == ["branch"], "a no asks nobody"
        await press(pilot, "f5", "enter")
        assert script.calls == ["branch", "all"]
        shown = await settled(pilot)
        assert "1 done, 6 open, 1 unknown" in shown
        script.branch = PUSHED
        screen._refresh()
        shown = await settled(pilot)
        assert script.calls == ["branch", "all", "all"]
        assert "2 done, 5 open, 1 unknown" in shown
    assert await asyncio.to_thread(script.ended.wait, 10)


async def test_without_a_login_there_is_nothing_to_agree_to(tmp_path: Path) -> None:
    script = Scripted(has_login=False)
    async with opened(tmp_path, script) as pilot:
        await press(pilot, "f5")
        assert isinstance(page(pilot), ResultScreen)
        assert script.calls == ["branch", "all"]


async def test_a_commit_shows_its_own_steps(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        shown = await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        assert "Create the cluster and install Airflow" in shown
        assert "bash apps/airflow/up.sh" in shown
        assert "a apply" not in shown, "this delivery is by hand"
        assert "installed by hand" in await press(pilot, "a")
        assert isinstance(page(pilot), ResultScreen)
        await press(pilot, "tab")
        focused = pilot.app.focused
        assert focused is not None
        assert focused.id == "result"

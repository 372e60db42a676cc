"""No key is lost or reordered, however fast keys arrive."""

from __future__ import annotations

import asyncio
import random
import string
import time
from pathlib import Path

import pytest

from screens.background import keyboard
from screens.pages.form import FormScreen
from screens.pages.settings import SettingsScreen
from screens.widgets.fields import TextField
from tests.screens.support import COMPLETE, commit_preset, field, jump, page, reopened, wizard
from tests.support.screens import post, processed, settled


async def test_two_thousand_keys_give_what_was_typed(tmp_path: Path) -> None:
    """Letters, Tab and Backspace in two fields; a plain model says what each field must hold.

    Arriving in a field selects its value, so the first key there replaces it.
    """
    app = wizard(tmp_path, "production", *COMPLETE)
    rng = random.Random(7)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        names = ("database.name", "database.user")
        held = {name: list(field(pilot, name).value) for name in names}
        here, selected = 0, True
        for _ in range(2000):
            kind = rng.random()
            text = held[names[here]]
            if kind < 0.1:
                here, selected = 1 - here, True
                post(app, rng.choice(["down", "tab"] if here else ["up", "shift+tab"]))
                continue
            if selected:
                text.clear()
            if kind < 0.3:
                post(app, "backspace")
                if text:
                    text.pop()
            else:
                letter = rng.choice(string.ascii_lowercase)
                post(app, letter)
                text.append(letter)
            selected = False
        await processed(pilot)
        await settled(pilot)
        for name in names:
            assert field(pilot, name).value == "".join(held[name])


async def test_keys_typed_before_the_first_page_count(tmp_path: Path) -> None:
    app = reopened(commit_preset(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("slash", *"pgbouncer"):
            post(app, key)
        await settled(pilot)
        screen = page(pilot)
        assert isinstance(screen, SettingsScreen)
        assert screen.query_one("#search TextField", TextField).value == "pgbouncer"


@pytest.mark.parametrize("turn", ["ctrl+n", "enter"])
async def test_letters_after_a_page_was_turned_belong_to_the_new_page(
    tmp_path: Path, turn: str
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "environment.variables" if turn == "ctrl+n" else "admin.password")
        before = page(pilot).page_name
        for key in (turn, "end", "x"):
            post(app, key)
        await settled(pilot)
        screen = page(pilot)
        assert isinstance(screen, FormScreen)
        assert screen.page_name != before
        assert [item.section for item in app.draft.changed_items] in ([screen.page_name], [])


async def test_three_enters_at_once_move_three_fields(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("enter", "enter", "enter"):
            post(app, key)
        await settled(pilot)
        assert page(pilot).focused_key == "installation.chart"


async def test_a_terminal_that_stalls_loses_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app waits while it cannot write: longer than it waits for what a key causes."""
    monkeypatch.setattr(keyboard, "MOST_SECONDS", 0.02)
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        for key in ("a", "b", "enter", "c", "d", "enter"):
            post(app, key)
        for number in range(200):
            asyncio.get_running_loop().call_later(number * 0.001, time.sleep, 0.03)
        await settled(pilot)
        assert field(pilot, "database.name").value == "ab"
        assert field(pilot, "database.user").value == "cd"

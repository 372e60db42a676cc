"""Colours and bell: the session's choice, the terminal's 16 colours, silence by default."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App

from screens.pages.form import FormScreen
from tests.screens.support import page, press, wizard
from tests.support.screens import settled


async def test_the_colours_are_chosen_for_the_session(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.theme == "textual-dark"
        text = await press(pilot, "f3")
        assert "Colours of this session" in text
        assert "dark *" in text
        await press(pilot, *"terminal", "enter")
        assert app.theme == "ansi-dark"
        await press(pilot, "f3", *"light", "enter", "ctrl+n", "ctrl+n")
        assert app.theme == "textual-light", "on every page"
        await press(pilot, "f3", "down", "escape")
        assert app.theme == "textual-light"
        assert isinstance(page(pilot), FormScreen)


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({}, "ansi-dark"),
        ({"COLORFGBG": "0;15"}, "ansi-light"),
        ({"COLORFGBG": "15;default;0"}, "ansi-dark"),
        ({"TEXTUAL_THEME": "flexoki"}, "textual-dark"),
    ],
)
async def test_a_terminal_with_16_colours_shows_its_own(
    tmp_path: Path, environment: dict[str, str], theme: str
) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.console._color_system = 1  # type: ignore[assignment]
        assert app.console.color_system == "standard"
        app.adapt(environment)
        assert app.theme == theme
        assert "Installation" in await settled(pilot)


@pytest.mark.parametrize(("value", "rings"), [("", 0), ("0", 0), ("1", 1)])
async def test_the_bell_is_silent_unless_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, rings: int
) -> None:
    monkeypatch.setenv("AIRFLOW_WIZARD_BELL", value)
    app = wizard(tmp_path, "local")
    rung: list[object] = []
    monkeypatch.setattr(App, "bell", lambda app: rung.append(app))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+r")
    assert len(rung) == rings

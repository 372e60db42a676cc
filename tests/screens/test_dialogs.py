"""Keys on all dialogs: ctrl+q never confirms, and secrets are never copied to the clipboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets.input import Selection

from screens.widgets.dialogs import ConfirmDialog, QuitDialog
from screens.widgets.prompts import (
    ConfirmListDialog,
    PromptDialog,
    SecretField,
    create_secret_prompt,
)
from tests.screens.support import (
    COMPLETE,
    SELF_HOSTED,
    field,
    jump,
    page,
    press,
    showing,
    wizard,
)
from tests.support.canary import Canary
from tests.support.screens import settled

SIZE = (80, 24)


@pytest.mark.parametrize("kind", [ConfirmDialog, ConfirmListDialog])
@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c", "escape"])
async def test_closing_answers_no(kind: type[ConfirmDialog], key: str, tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    answers: list[bool | None] = []
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.push_screen(kind("Sure?", "", "yes", "no", yes_first=True), answers.append)
        await settled(pilot)
        await press(pilot, key)
        assert answers == [False]
        assert app.is_running


async def test_ctrl_q_scans_no_host(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.scanner = showing()
        await jump(pilot, "dags.host_keys")
        await press(pilot, "f5")
        await press(pilot, "ctrl+q")
        assert not app.consents
        assert app.draft.scans == ()


async def test_a_masked_value_is_not_copied(tmp_path: Path, canary: Canary) -> None:
    app = wizard(tmp_path, "local")
    secret = canary.secret("typed")
    frames = []
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.push_screen(create_secret_prompt("database.password", ""))
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, PromptDialog)
        for key in ("super+c", "ctrl+x"):
            dialog.field.value = secret
            dialog.field.selection = Selection(0, len(secret))
            frames.append(await press(pilot, key))
            assert app.clipboard == ""
        assert isinstance(dialog.field, SecretField)
        assert dialog.field.value == "", "cut deletes the value"
        dialog.field.value = secret
        dialog.field.selection = Selection(0, len(secret))
        await press(pilot, "ctrl+c")
        assert app.clipboard == ""
        assert page(pilot).is_current, "ctrl+c closes the dialog, like escape"
        name = field(pilot, "installation.name")
        name.selection = Selection(0, len(name.value))
        await press(pilot, "ctrl+c")
        assert app.clipboard == "airflow", "an answer may be copied"
    canary.assert_absent(*frames)


async def test_ctrl_c_says_how_to_quit(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "ctrl+q quits" in await press(pilot, "ctrl+c")
        await press(pilot, "end", "x", "ctrl+q")
        assert isinstance(app.screen, QuitDialog)
        await press(pilot, "ctrl+c")
        assert page(pilot).page_name == "installation"
        assert "ctrl+q quits" not in await press(pilot, "backspace")

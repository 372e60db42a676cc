"""A session that ends from outside keeps the answers, and leaves nothing half-done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from screens.app import WizardApp
from screens.steps import REVIEW
from screens.widgets.dialogs import QuitDialog
from tests.screens.applying import Stage
from tests.screens.support import COMPLETE, press, type_text, wizard
from tests.support.canary import Canary
from tests.support.screens import send, settled
from wizard.errors import ExitCode, WizardError
from wizard.workspace.workspace import Workspace


def kept(app: WizardApp) -> Any:
    assert app.exit_report.uncommitted is not None
    return app.exit_report.uncommitted[0]


async def test_answers_are_kept_under_a_dialog_too(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await type_text(pilot, "other")
        await press(pilot, "ctrl+q")
        assert isinstance(app.screen, QuitDialog)
        app.session_end.end()
        await settled(pilot)
    assert kept(app)["installation"]["name"] == "other"


async def test_without_a_change_nothing_is_kept(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.session_end.end()
        await settled(pilot)
    assert app.exit_report.uncommitted is None


async def test_an_unreadable_answer_is_not_kept(tmp_path: Path, canary: Canary) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.go_to_question("database.password")
        await settled(pilot)
        await press(pilot, "enter", "end", "ctrl+u", f"paste:{canary.secret()}")
        app.session_end.end()
        await settled(pilot)
    canary.assert_absent(repr(kept(app)))


@pytest.mark.parametrize("fails", [False, True])
async def test_a_commit_is_completed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    commit: Callable[..., Any] = Workspace.commit

    def slow(*args: Any) -> Any:
        begun.set()
        go_on.wait(20)
        if fails:
            raise WizardError("a hook refused it")
        return commit(*args)

    monkeypatch.setattr(Workspace, "commit", slow)
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        await type_text(pilot, "other")
        app.go(REVIEW)
        await settled(pilot)
        await send(pilot, "enter")
        while not begun.is_set():
            await pilot.pause()
        app.session_end.end()
        await pilot.pause()
        assert app.is_running
        go_on.set()
        while not app._exit:
            await pilot.pause()
    if fails:
        assert kept(app)["installation"]["name"] == "other"
    else:
        assert app.exit_report.uncommitted is None
        assert app.exit_report.committed is not None
        assert app.exit_report.committed.commit


async def test_a_run_is_stopped_first(tmp_path: Path) -> None:
    stage = Stage()
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await stage.begin(pilot)
        await stage.tell(0, "holds")
        app.session_end.end()
        while not app._exit:
            await pilot.pause()
    assert stage.run.closed
    assert app.exit_report.applied is not None
    assert app.exit_report.applied.outcome == ExitCode.INTERRUPTED

"""Errors of background work are shown without their text; dialogs end with their page."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from screens.background.reload import reload_installation
from screens.pages.apply.options import DialogPrompter
from screens.pages.base import Page
from screens.pages.review import ReviewScreen
from screens.widgets.dialogs import MessageDialog
from tests.screens.applying import Stage, app, page_of, until
from tests.screens.support import page, press, reopened
from tests.screens.test_review import committed
from tests.support.canary import Canary
from tests.support.screens import frame, processed, send, settled
from wizard.errors import ConflictError, UsageError
from wizard.workspace.workspace import Workspace

SIZE = (80, 24)
FAULTS = {
    "told": (ConflictError("the answers are of two minds", "choose one"), "of two minds"),
    "bug": (RuntimeError("s3cr3t"), "a bug (RuntimeError)"),
}


@pytest.mark.parametrize(("error", "said"), FAULTS.values(), ids=FAULTS)
async def test_a_question_that_cannot_be_opened_shows_the_error(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    wizard = app(tmp_path)
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        monkeypatch.setattr(Workspace, "committed_answers", broken)
        reload_installation(wizard, "airflow", "database.host")
        shown = await settled(pilot)
        assert isinstance(wizard.screen, MessageDialog)
        assert said in shown
        assert "s3cr3t" not in shown
        await press(pilot, "escape")
        assert page(pilot).page_name == "installation"


@pytest.mark.parametrize(("error", "said"), FAULTS.values(), ids=FAULTS)
async def test_unreadable_host_keys_show_the_error(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    wizard = reopened(committed(tmp_path))
    monkeypatch.setattr(Workspace, "committed_entries", broken)
    async with wizard.run_test(size=SIZE) as pilot:
        shown = await until(pilot, lambda shown: said in shown)
        assert "s3cr3t" not in shown


async def test_a_run_that_cannot_begin_says_why(tmp_path: Path, canary: Canary) -> None:
    secret = canary.secret("password")

    def broken() -> None:
        raise RuntimeError(secret)

    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        stage.plan.target.database = SimpleNamespace(unlock=broken)  # type: ignore[misc]
        await stage.open(pilot)
        shown = await press(pilot, "d")
        assert page_of(pilot).phase == "refused"
        assert "a bug (RuntimeError)" in shown
        assert "`airflow-wizard apply` shows where" in shown
    canary.assert_absent(shown)


async def test_a_dialog_never_opens_over_a_different_page(tmp_path: Path) -> None:
    wizard = app(tmp_path)
    entered, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    raised: list[UsageError] = []

    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.open(pilot)
        person = DialogPrompter(wizard, screen.apply_options.is_shown)

        def unlock() -> None:
            entered.set()
            go_on.wait(20)
            for ask in (person.prompt, person.ask):
                try:
                    ask("password of postgres")
                except UsageError as error:
                    raised.append(error)
            ended.set()

        stage.plan.target.database = SimpleNamespace(unlock=unlock)  # type: ignore[misc]
        await send(pilot, "d")
        while not entered.is_set():
            await processed(pilot)
        await press(pilot, "escape")
        assert isinstance(page(pilot), ReviewScreen)
        go_on.set()
        while not ended.is_set():
            await processed(pilot)
            assert isinstance(wizard.screen, Page), frame(wizard)
        await settled(pilot)
        assert isinstance(wizard.screen, ReviewScreen)
        assert not stage.plan.runs
    assert [str(one) for one in raised] == ["the page was closed; nothing was sent"] * 2

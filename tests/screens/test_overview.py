"""The overview page: what it draws, and the way back."""

from __future__ import annotations

from pathlib import Path

from screens.pages.overview import OverviewScreen
from screens.pages.settings import SettingsScreen
from tests.screens.support import commit_preset, page, press, reopened, wizard
from tests.support.screens import settled


async def test_f2_draws_the_installation_and_escape_leads_back(tmp_path: Path) -> None:
    app = reopened(commit_preset(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "f2")
        assert isinstance(page(pilot), OverviewScreen)
        for text in ("worker x2", "--6543--> pgbouncer: database", "--8200--> Vault"):
            assert text in shown
        assert "*" not in shown, "nothing is changed"
        await press(pilot, "f2")
        assert isinstance(page(pilot), OverviewScreen)
        await press(pilot, "escape")
        assert isinstance(page(pilot), SettingsScreen)


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "f2")
        assert isinstance(page(pilot), OverviewScreen)
        assert "The overview needs complete answers" in shown

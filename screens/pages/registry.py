"""Creates the page of each step; its module is imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.steps import DEPLOY_KEY, HOST_KEYS, OVERVIEW, PREFLIGHT, REVIEW, SETTINGS, START

if TYPE_CHECKING:
    from screens.pages.base import Page
    from wizard.workspace.proposal import CommitResult


def load_first_pages() -> None:
    """Import the pages that can be shown first; blocking."""
    from screens.pages import preset, start

    del preset, start


def create_preset_page() -> Page:
    """Return the page that picks a preset."""
    from screens.pages.preset import PresetScreen

    return PresetScreen()


def create_apply_page(installation: str, result: CommitResult | None = None) -> Page:
    """Return the page that applies an installation; `result` is the commit just made."""
    from screens.pages.apply.page import ApplyScreen

    return ApplyScreen(installation, result)


def create_result_page(result: CommitResult) -> Page:
    """Return the page that shows a commit."""
    from screens.pages.result import ResultScreen

    return ResultScreen(result)


def create_page(name: str, key: str = "") -> Page:
    """Return the page of a step; it opens at the question `key`."""
    if name == START:
        from screens.pages.start import StartScreen

        return StartScreen(key)
    if name == SETTINGS:
        from screens.pages.settings import SettingsScreen

        return SettingsScreen(key)
    if name == OVERVIEW:
        from screens.pages.overview import OverviewScreen

        return OverviewScreen()
    if name == REVIEW:
        from screens.pages.review import ReviewScreen

        return ReviewScreen()
    if name == PREFLIGHT:
        from screens.pages.preflight import PreflightScreen

        return PreflightScreen()
    if name == HOST_KEYS:
        from screens.pages.host_keys.page import HostKeyScreen

        return HostKeyScreen(key)
    if name == DEPLOY_KEY:
        from screens.pages.deploy_key.page import DeployKeyScreen

        return DeployKeyScreen()
    from screens.pages.form import FormScreen

    return FormScreen(name, key)

"""Fixtures of all tests of the screens."""

from __future__ import annotations

import pytest

from screens.background import reachability
from screens.pages import form


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show the preview and check addresses without a pause after the last key."""
    monkeypatch.setattr(form, "PREVIEW_SECONDS", 0.001)
    monkeypatch.setattr(reachability, "PAUSE_SECONDS", 0.001)

"""What every test of the screens gets."""

from __future__ import annotations

import pytest

from screens.background import reachability
from screens.pages import form


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a person to rest comes at once: the preview, the look at an address."""
    monkeypatch.setattr(form, "PREVIEW_SECONDS", 0.001)
    monkeypatch.setattr(reachability, "PAUSE_SECONDS", 0.001)

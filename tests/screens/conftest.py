"""What every test of the screens gets."""

from __future__ import annotations

import pytest

from screens import form


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview follows the focus at once; people get a moment's rest before it does."""
    monkeypatch.setattr(form, "IDLE", 0.001)

"""A secret in a wrong field stands in that field alone: in no other line of any frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.widgets.fields import TextField
from screens.widgets.rows import Row
from tests.screens.support import COMPLETE, app_of, press, wizard
from tests.support.canary import MARKER
from tests.support.screens import frame, settled

# Shaped like a token of GitHub; any part of it that a narrow field shows has the marker.
TOKEN = "gh" + "p_" + MARKER * 3


def text_fields(pilot: Pilot[Any]) -> list[TextField]:
    """The fields of the page, also of the one below a dialog."""
    rows = [row for one in pilot.app.screen_stack for row in one.query(Row) if row.display]
    return [field for row in rows for field in row.fields if isinstance(field, TextField)]


def repeated(pilot: Pilot[Any]) -> list[str]:
    """The lines of the frame with the secret, without the fields in which it was typed."""
    lines = frame(app_of(pilot)).splitlines()
    for field in text_fields(pilot):
        x, y, width, _ = field.region
        if not field.password and TOKEN in field.value and y < len(lines):
            lines[y] = lines[y][:x] + lines[y][x + width :]
    return [line for line in lines if MARKER in line]


async def test_a_secret_in_a_field_is_repeated_on_no_screen(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.go_to_question("repository.path")
        await settled(pilot)
        await press(pilot, "end", "ctrl+u", "paste:apps/airflow-x")
        assert frame(app).count("apps/airflow-x") > 1
        await press(pilot, "end", "ctrl+u", f"paste:{TOKEN}", "tab")
        assert MARKER in frame(app)
        assert not repeated(pilot)
        await press(pilot, "ctrl+s")
        assert not repeated(pilot)

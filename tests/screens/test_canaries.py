"""A secret in a wrong field stands in that field alone: in no other line of any frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.widgets.fields import TextField
from screens.widgets.rows import Row
from tests.screens.support import COMPLETE, app_of, press, wizard
from tests.support.canary import MARKER, Canary
from tests.support.screens import frame, send, settled

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


async def test_a_secret_in_any_field_is_repeated_on_no_screen(
    tmp_path: Path, canary: Canary
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    filled = 0
    async with app.run_test(size=(80, 50), notifications=True) as pilot:
        await settled(pilot)
        clean = app.draft
        for step in app.draft.pages:
            # Many wrong answers at once take long to explain.
            app.draft = clean
            app.go(step.name)
            await settled(pilot)
            for field in text_fields(pilot):
                if field.is_attached and field.screen is pilot.app.screen:
                    field.focus()
                    await send(pilot, f"paste:{TOKEN}")
                    filled += 1
            await settled(pilot)
            assert not repeated(pilot), step.name
        app.go_to_question("repository.path")
        await press(pilot, "end", "ctrl+u", f"paste:{TOKEN}")
        for keys in ("f1", "escape ctrl+s", "escape ctrl+p d b", "escape ctrl+q", "escape"):
            await press(pilot, *keys.split())
            assert not repeated(pilot), keys
    assert filled > 25
    canary.assert_absent(tmp_path)


async def test_a_secret_in_one_field_is_not_in_the_preview(tmp_path: Path) -> None:
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

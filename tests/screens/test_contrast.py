"""Text can be read in every theme that is offered: WCAG 2.2, 4.5:1 for text, 3:1 for lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rich.color_triplet import ColorTriplet
from textual.app import App
from textual.screen import ModalScreen

from screens.widgets.appearance import THEMES
from tests.screens.scenes import SCENES
from tests.support.screens import settled

TEXT, LINES = 4.5, 3.0
# Between them, they show every colour of the style sheet: rows, errors, marks, diffs, lists.
SHOWN = [
    "complaint", "settings-changed", "review", "host-keys", "preflight-done", "choice", "quit",
    "find", "result-checked", "apply-waiting",
]  # fmt: skip
Colour = ColorTriplet


def luminance(colour: Colour) -> float:
    """Relative luminance, as WCAG defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (one / 255 for one in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def drawn(app: App[Any]) -> Iterator[tuple[Colour, Colour, str]]:
    """Every text on the screen with its colour and background; of a dialog, only its own."""
    strips = app.screen._compositor.render_strips()
    if isinstance(app.screen, ModalScreen):
        x, y, width, height = app.screen.query_one(".dialog").region
        strips = [strip.crop(x, x + width) for strip in strips[y : y + height]]
    for strip in strips:
        for segment in strip:
            style = segment.style
            if style is None or not segment.text.strip():
                continue
            assert style.color is not None, segment
            assert style.bgcolor is not None, segment
            colours = style.color.get_truecolor(), style.bgcolor.get_truecolor()
            front, back = reversed(colours) if style.reverse else colours
            yield front, back, segment.text.strip()


def is_line(text: str) -> bool:
    """Whether this is a border, a scroll bar or a frame, not text."""
    return not any(letter.isalnum() or letter in "!?*~>+-[](){}:./" for letter in text)


def test_the_measure_is_that_of_wcag() -> None:
    assert contrast(Colour(0, 0, 0), Colour(255, 255, 255)) == pytest.approx(21)
    assert contrast(Colour(119, 119, 119), Colour(255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scene", SHOWN)
async def test_everything_can_be_read_in_every_theme(scene: str) -> None:
    app, steps = SCENES[scene]()
    faint = []
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await settled(pilot)
        await steps(pilot)
        await settled(pilot)
        for name in THEMES:
            app.theme = name
            await settled(pilot)
            if app.native_ansi_color:
                continue  # the terminal's own colours
            pairs = {(front, back): text for front, back, text in drawn(app)}
            faint += [
                (name, round(contrast(*pair), 2), text, pair)
                for pair, text in pairs.items()
                if contrast(*pair) < (LINES if is_line(text) else TEXT)
            ]
    assert faint == []

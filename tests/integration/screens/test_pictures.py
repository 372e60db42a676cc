"""Pictures show what the terminal shows: box lines meet, colours are there."""

from __future__ import annotations

import ctypes.util
import re
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Label

from tests.testbed import programs
from tests.tools.pictures import WIDTH, picture, screenshot
from tests.tools.tmux_picture import ansi_picture

pytestmark = pytest.mark.integration
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def cairo() -> None:
    if ctypes.util.find_library("cairo") is None:
        if programs.required():
            pytest.fail("WIZARD_REQUIRE_ALL=1: libcairo2 is not installed", pytrace=False)
        pytest.skip("libcairo2 is not installed")


class Boxed(App[None]):
    CSS = "Label { border: heavy red; width: 30; }"

    def compose(self) -> ComposeResult:
        yield Label("boxed & <plain>", markup=False)


async def test_every_letter_has_its_cell(tmp_path: Path) -> None:
    svg = await screenshot(Boxed(), (40, 6))
    png = picture(svg, tmp_path / "deep" / "boxed")
    assert png.read_bytes().startswith(PNG)
    text = png.with_suffix(".svg").read_text()
    assert "textLength" not in text
    assert "http" not in text.replace("http://www.w3.org", "").replace("https://www.textualize", "")
    top = re.search(r'x="([\d. ]+)"[^>]*>━+</text><text [^>]*x="([\d.]+)"[^>]*>┓<', text)
    assert top is not None
    places = [float(place) for place in top[1].split()]
    assert places == [pytest.approx(WIDTH * cell, abs=0.1) for cell in range(1, 29)]
    assert float(top[2]) == pytest.approx(WIDTH * 29, abs=0.1)


def test_terminal_output_keeps_its_colours(tmp_path: Path) -> None:
    png = ansi_picture("plain \x1b[38;2;250;10;20mred\x1b[0m\n\nnext [not markup]", tmp_path / "a")
    assert png.read_bytes().startswith(PNG)
    text = png.with_suffix(".svg").read_text()
    assert "#fa0a14" in text
    assert "markup]" in text

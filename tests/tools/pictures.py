"""Screens as pictures: `make pictures` writes one SVG and PNG a screen, and those of README."""

from __future__ import annotations

import asyncio
import html
import importlib
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot

# Textual's SVG names a font from the web, with cells of 12.2 pixels at 20 pixels' size. Debian's
# DejaVu Sans Mono is 1233/2048 em wide, so this size fills the same cells.
FONT = "DejaVu Sans Mono"
WIDTH = 12.2
FONT_SIZE = f"{WIDTH * 2048 / 1233:.4f}px"
FACES = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
FAMILY = re.compile(r"font-family:\s*[^;\"]+")
RUN = re.compile(r'(<text [^>]*?)x="([\d.]+)"([^>]*?) textLength="[^"]*"([^>]*)>([^<]*)<')

README_SIZE = (128, 34)
COLOURS = 64
Steps = Callable[[Pilot[Any]], Awaitable[None]]


def local_fonts(svg_text: str) -> str:
    """The same picture in a font that is installed here instead of one fetched from the web."""
    text = FAMILY.sub(f"font-family: {FONT}, monospace", FACES.sub("", svg_text))
    return RUN.sub(placed, text.replace("font-size: 20px", f"font-size: {FONT_SIZE}"))


def placed(run: re.Match[str]) -> str:
    """A run of text with a place for every letter: cairo rounds widths, and boxes would gape."""
    before, start, between, after, text = run.groups()
    places, x = [], float(start)
    for letter in html.unescape(text).rstrip("\n"):
        places.append(f"{x:.1f}")
        x += WIDTH * cell_len(letter)
    return f'{before}x="{" ".join(places) or start}"{between}{after}>{text}<'


def picture(svg_text: str, path: Path, scale: float = 1.0) -> Path:
    """Write Textual's or Rich's SVG as PNG (and the SVG beside it); returns the PNG's path.

    Needs cairo (Debian: libcairo2) and the font (fonts-dejavu-core).
    """
    import cairosvg  # type: ignore[import-untyped]

    local = local_fonts(svg_text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".svg").write_text(local, encoding="utf-8")
    png = path.with_suffix(".png")
    cairosvg.svg2png(bytestring=local.encode(), write_to=str(png), scale=scale)
    return png


async def screenshot(app: App[Any], size: tuple[int, int], steps: Steps | None = None) -> str:
    """Textual's SVG of an app at this size, after `steps(pilot)` brought it where it should be."""
    from tests.support.screens import settled

    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        if steps is not None:
            await steps(pilot)
        await settled(pilot)
        return app.export_screenshot()


def pictured(name: str, size: tuple[int, int], path: Path) -> Path:
    """Write the scene of this name as PNG and SVG; ModuleNotFoundError without scenes."""
    scenes = importlib.import_module("tests.screens.scenes")
    app, steps = scenes.SCENES[name]()
    return picture(asyncio.run(screenshot(app, size, steps)), path)


def for_readme(folder: Path) -> list[Path]:
    """Write the pictures that README shows, small, and nothing beside them."""
    from PIL import Image

    scenes = importlib.import_module("tests.screens.scenes")
    written = []
    for name in scenes.IN_README:
        png = pictured(name, README_SIZE, folder / name)
        png.with_suffix(".svg").unlink()
        with Image.open(png) as drawn:
            drawn.convert("RGB").quantize(COLOURS).save(png, optimize=True)
        written.append(png)
    return written


def main() -> int:
    """Picture every screen that tests/screens/scenes.py names, at 80x24 and wide.

    `--readme FOLDER` writes the two that README shows instead.
    """
    words = sys.argv[1:]
    # The colours of a modern terminal, whatever this one can show.
    os.environ["COLORTERM"] = "truecolor"
    if words[:1] == ["--readme"]:
        print(*for_readme(Path(words[1])), sep="\n")
        return 0
    folder = Path(words[0] if words else ".cache/pictures")
    scenes = importlib.import_module("tests.screens.scenes")
    for name in scenes.SCENES:
        for size in ((80, 24), (140, 45)):
            print(pictured(name, size, folder / f"{name}-{size[0]}x{size[1]}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

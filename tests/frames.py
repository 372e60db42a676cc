"""Screens as plain text: what a person without colours sees, comparable and readable in a diff.

`app.screen._compositor` is private to Textual; the frames have been the same bytes from Textual
6.12 to 8.2, and a test that compares one fails loudly should that change.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.pilot import Pilot

MOST_PAUSES = 50


def frame(app: App[Any]) -> str:
    """The screen on top as lines of text without trailing spaces."""
    strips = app.screen._compositor.render_strips()
    return "".join(strip.text.rstrip() + "\n" for strip in strips)


async def settled(pilot: Pilot[Any]) -> str:
    """The frame once workers are done and two in a row agree; AssertionError if they never do."""
    await pilot.app.workers.wait_for_complete()
    before = ""
    for _ in range(MOST_PAUSES):
        await pilot.pause()
        now = frame(pilot.app)
        if now == before:
            return now
        before = now
    raise AssertionError(f"the screen did not come to rest:\n{before}")

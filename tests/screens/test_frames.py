"""Frames of all screens without colours; `pytest --update`, then read the git diff."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.screens.scenes import SCENES
from tests.support.screens import settled


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
async def test_a_screen_looks_as_stored(
    name: str, size: tuple[int, int], screen_frame: Callable[[str, str], None]
) -> None:
    app, steps = SCENES[name]()
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        await steps(pilot)
        shown = await settled(pilot)
    lines = shown.split("\n")
    assert max(map(len, lines)) <= size[0]
    stable = re.sub(r"Committed [0-9a-f]{12}", "Committed 0123456789ab", shown)
    stable = re.sub(r"cd /\S+/k8s-infra &&", "cd k8s-infra &&", stable)
    screen_frame(f"{name}-{size[0]}x{size[1]}", stable)


# One scene per kind of screen.
KINDS = (
    "start",
    "form",
    "choice",
    "host-keys-scanned",
    "host-keys-ask",
    "preflight-ask",
    "preflight-done",
    "review",
    "review-missing",
    "result",
    "find",
    "help",
)


@pytest.mark.parametrize("name", KINDS)
async def test_any_size_will_do(name: str) -> None:
    app, steps = SCENES[name]()
    async with app.run_test(size=(5, 2), notifications=True) as pilot:
        await settled(pilot)
        await steps(pilot)
        assert len((await settled(pilot)).splitlines()) == 2
        for width, height in ((20, 5), (40, 10), (200, 60), (80, 24)):
            await pilot.resize_terminal(width, height)
            shown = await settled(pilot)
            assert len(shown.splitlines()) == height
            assert max(map(len, shown.splitlines())) <= width
            assert shown.strip()

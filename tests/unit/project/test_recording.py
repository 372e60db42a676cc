"""The recording of a first set-up can be played, and names no machine."""

from __future__ import annotations

import json
import re

import pyte

from tests.support.paths import TOP

CAST = TOP / "docs" / "recording" / "first-set-up.cast"


def test_the_recording_leads_to_a_commit() -> None:
    header, *events = map(json.loads, CAST.read_text(encoding="utf-8").splitlines())
    assert header["version"] == 2
    screen = pyte.Screen(header["width"], header["height"])
    stream = pyte.Stream(screen)
    shown: set[str] = set()
    for at, kind, text in events:
        assert kind == "o"
        assert 0 <= at < 180, "three minutes"
        stream.feed(text)
        shown.update(line.strip() for line in screen.display)
    assert any(line.startswith("Committed") for line in shown)
    assert not any(re.search(r"/(tmp|home|root|work)/", line) for line in shown)

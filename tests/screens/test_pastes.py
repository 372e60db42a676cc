"""A paste is one paste, however the terminal writes the line ends in it."""

from __future__ import annotations

import pytest
from textual import events

from screens.background.pastes import PasteParser

# Enter, ctrl+j and a plain line end, as tmux and xterm write them.
LINE_ENDS = ["\n", "\x1b[13u", "\x1b[13;1u", "\x1b[106;5u", "\x1b[10u", "\x1b[27;5;106~"]


def feed(*pieces: str) -> list[events.Event]:
    parser = PasteParser()
    return [event for piece in pieces for event in parser.feed(piece)]  # type: ignore[misc]


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("size", [1, 3, 4096])
def test_encoded_line_ends_are_part_of_the_paste(end: str, size: int) -> None:
    text = f"\x1b[200~one{end}two\x1b[201~x"
    # The mark of a paste arrives in one piece; what follows may be cut anywhere.
    found = feed(text[:6], *(text[n : n + size] for n in range(6, len(text), size)))
    assert [event.text for event in found if isinstance(event, events.Paste)] == ["one\ntwo"]
    assert [event.key for event in found if isinstance(event, events.Key)] == ["x"]


def test_keys_outside_of_a_paste_are_keys() -> None:
    found = feed("a\x1b[13u\x1b[A", "b")
    assert [event.key for event in found if isinstance(event, events.Key)] == [
        "a",
        "enter",
        "up",
        "b",
    ]

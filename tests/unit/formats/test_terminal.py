"""Lists in messages: the first items, and how many there are besides."""

from __future__ import annotations

import pytest

from wizard.formats.terminal import format_first


@pytest.mark.parametrize(
    ("items", "most", "shown"),
    [
        ([], 3, ""),
        (["a", "b", "c"], 3, "a, b, c"),
        (["a", "b", "c", "d"], 3, "a, b, c and 1 more"),
        (["a", 2], 1, "a and 1 more"),
        (["a\x1b[2J"], 3, r"a\e[2J"),
    ],
)
def test_the_first_items_and_the_number_of_the_others(
    items: list[object], most: int, shown: str
) -> None:
    assert format_first(items, most) == shown

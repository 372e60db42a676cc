"""A large text is compared in linear time, and a small one as difflib does it."""

from __future__ import annotations

from difflib import SequenceMatcher
from random import Random

import pytest

from wizard.formats import line_diff
from wizard.formats.line_diff import compare_lines, group_lines


def apply(old: list[str], new: list[str]) -> list[str]:
    """The new text, put together from the opcodes; every line of both is in one of them."""
    made: list[str] = []
    at = (0, 0)
    before = ""
    for tag, i1, i2, j1, j2 in compare_lines(old, new):
        assert (i1, j1) == at
        assert tag != before
        assert {"equal": i2 - i1 == j2 - j1 > 0, "replace": i2 > i1 and j2 > j1,
                "delete": i2 > i1 and j1 == j2, "insert": i1 == i2 and j2 > j1}[tag]  # fmt: skip
        made += old[i1:i2] if tag == "equal" else new[j1:j2]
        at, before = (i2, j2), tag
    assert at == (len(old), len(new))
    return made


@pytest.mark.parametrize("limit", [-1, 20])
def test_the_opcodes_lead_from_one_text_to_the_other(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(line_diff, "MAX_PAIRS", limit)
    chance = Random(7)
    for _ in range(2000):
        words = [chance.choice("abcdefghijklmnop") for _ in range(chance.randrange(30))]
        other = [one for one in words if chance.random() < 0.8]
        for _ in range(chance.randrange(4)):
            other.insert(chance.randrange(len(other) + 1), chance.choice("axyz"))
        assert apply(words, other) == other


def test_a_small_text_is_compared_as_before() -> None:
    old, new = list("abcabba"), list("cbabac")
    assert compare_lines(old, new) == SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def make_list(count: int, changed: int) -> list[str]:
    lines = [part for n in range(count) for part in (f"- key: k{n}", "  operator: Exists")]
    for number in range(0, changed * 20, 20):
        lines[number] = f"- key: changed{number}"
    return lines


def test_a_long_list_shows_exactly_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted: difflib looks at no more pairs of lines if the list is twice as long."""
    pairs: list[int] = []

    class Counted(SequenceMatcher):  # type: ignore[type-arg]
        def __init__(self, junk: None, a: list[str], b: list[str], **options: bool) -> None:
            pairs[-1] += len(a) * len(b)
            super().__init__(junk, a, b, **options)

    monkeypatch.setattr(line_diff, "SequenceMatcher", Counted)
    for count in (10_000, 20_000):
        pairs.append(0)
        old, new = make_list(count, 0), make_list(count, 100)
        new.insert(5, "- key: more")
        groups = list(group_lines(old, new, 0))
        assert len(groups) == 101
        assert sum(j2 - j1 for group in groups for _, _, _, j1, j2 in group) == 101
    assert pairs[0] == pairs[1] < 100_000
    same = ["x"] * 40_000
    assert apply(same, same[:-7]) == same[:-7]
    assert apply(["a", *same], [*same, "b"]) == [*same, "b"]

"""Diffs on the screen: changed words, matches of a search, and the panes of the review."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.pages.diff_view import find_changed_words, find_lines, render_diff
from screens.pages.review import ReviewScreen
from screens.pages.settings import SettingsScreen
from tests.screens.support import commit_preset, page, press, reopened
from tests.support.screens import settled
from wizard.plan.diff import DiffLine, diff_bytes


def words(old: str, new: str) -> list[str]:
    """The parts that are marked, of the old text and then of the new one."""
    lines = diff_bytes("f", old.encode(), new.encode())
    return [
        lines[number].text[start:end]
        for number, spans in sorted(find_changed_words(lines).items())
        for start, end in spans
    ]


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("replicas: 2\n", "replicas: 4\n", ["2", "4"]),
        ("a: one two\n", "a: one\n", [" two"]),
        ("host: pg.example.com\n", "host: db.example.com\n", ["pg", "db"]),
        ("one: 1\n", "quite: different [text]\n", []),
        ("a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n", []),
        ("a: 1\nb: 2\n", "a: 7\nb: 8\n", ["1", "2", "7", "8"]),
        ("é: ja\n", "é: nein\n", ["ja", "nein"]),
    ],
)
def test_the_words_that_differ_are_marked(old: str, new: str, marked: list[str]) -> None:
    assert words(old, new) == marked


def test_a_long_line_is_not_compared_by_word() -> None:
    assert words("a" * 500 + " 1\n", "a" * 500 + " 2\n") == []


def test_a_search_finds_text_whatever_its_case_and_no_pattern() -> None:
    lines = [DiffLine("context", " Replicas: 2"), DiffLine("add", "+a.b"), DiffLine("del", "-axb")]
    assert find_lines(lines, "replicas") == [0]
    assert find_lines(lines, "a.b") == [1]
    assert find_lines(lines, "") == []
    content = render_diff(lines, search="a.b")
    assert content.plain == " Replicas: 2\n+a.b\n-axb"
    assert [span.style for span in content.spans if span.start == 14] == ["reverse"]


async def test_each_pane_can_be_shown_alone_and_read_in_full(tmp_path: Path) -> None:
    app = reopened(commit_preset(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "slash", *"worker rep", "enter", "4", "enter")
        shown = await press(pilot, "ctrl+s")
        assert isinstance(page(pilot), ReviewScreen)
        assert "Steps after the commit" in shown
        shown = await press(pilot, "tab", "z")
        assert "Steps after the commit" not in shown
        assert "> ~ changed" not in shown
        assert "+    replicas: 4" in shown
        shown = await press(pilot, "slash", *"REPLICAS", "enter")
        assert "REPLICAS: 1 of 2; / enter finds the next" in shown
        assert "REPLICAS: 2 of 2" in await press(pilot, "slash", "enter")
        assert "REPLICAS: 1 of 2" in await press(pilot, "slash", "enter")
        assert "! nowhere is not in this diff" in await press(pilot, "slash", *"nowhere", "enter")
        shown = await press(pilot, "escape")
        assert isinstance(page(pilot), ReviewScreen), "escape shows all panes first"
        assert "> ~ changed" in shown
        shown = await press(pilot, "tab", "z")
        assert "Steps after the commit" in shown
        assert "replicas" not in shown
        await press(pilot, "left")
        assert "> ~ changed" in await settled(pilot)
        await press(pilot, "escape")
        assert isinstance(page(pilot), SettingsScreen)


async def test_consequences_are_on_top(tmp_path: Path) -> None:
    app = reopened(commit_preset(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "slash", *"database.host", "enter", *"other.example.com", "enter")
        shown = await press(pilot, "ctrl+s")
        assert isinstance(page(pilot), ReviewScreen)
        lines = shown.splitlines()
        first = next(n for n, line in enumerate(lines) if "! data:" in line)
        assert first < next(n for n, line in enumerate(lines) if "changed airflow-metadata" in line)
        assert shown.count("! data:") == 1

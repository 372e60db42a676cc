"""Diffs as data: right for every pair of texts, and harmless to print."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.formats.terminal import escape_unprintable
from wizard.git.changes import Conflict, FileChange
from wizard.plan.diff import (
    NO_NEWLINE,
    DiffLine,
    count_lines,
    diff_bytes,
    diff_change,
    render_plain,
    summarize_change,
)
from wizard.plan.plan import Plan

HOSTILE = [
    "\x1b[31m",
    "\u202e",
    "\u2066",
    "\u200b",
    "\x07",
    "\r",
    "\x9b",
    "\ufeff",
    "\u2028",
    "\x00",
]


def texts(lines: list[DiffLine]) -> list[str]:
    return [line.text for line in lines]


def test_one_changed_line_with_its_surroundings() -> None:
    old = b"".join(b"%d\n" % number for number in range(1, 11))
    lines = diff_bytes("a/b", old, old.replace(b"5\n", b"five\n"), context=1)
    assert [(line.kind, line.text) for line in lines] == [
        ("header", "--- a/a/b"),
        ("header", "+++ b/a/b"),
        ("hunk", "@@ -4,3 +4,3 @@"),
        ("context", " 4"),
        ("del", "-5"),
        ("add", "+five"),
        ("context", " 6"),
    ]


def test_new_and_deleted_files() -> None:
    assert texts(diff_bytes("f", None, b"x\n")) == [
        "--- /dev/null",
        "+++ b/f",
        "@@ -0,0 +1 @@",
        "+x",
    ]
    assert texts(diff_bytes("f", b"x\n", None)) == [
        "--- a/f",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
    ]
    assert texts(diff_bytes("f", None, b"")) == ["--- /dev/null", "+++ b/f"]
    assert diff_bytes("f", b"x", b"x") == []


def test_a_missing_last_newline_is_a_difference() -> None:
    assert texts(diff_bytes("f", b"x\n", b"x"))[3:] == ["-x", "+x", NO_NEWLINE]
    change = FileChange("f", "l", "modify", b"x\n", b"x")
    assert count_lines(change) == (1, 1)


def test_a_carriage_return_is_seen() -> None:
    assert texts(diff_bytes("f", b"x\n", b"x\r\n"))[3:] == ["-x", "+x\\r"]


def test_contents_with_nul_are_not_shown() -> None:
    assert texts(diff_bytes("f", b"\0", b"x"))[2:] == ["binary contents differ"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("\x1b[2J", "\\e[2J"),
        ("a\tb", "a\\tb"),
        ("\u202eevil", "\\u202eevil"),
        ("\U000e0041", "\\U000e0041"),
        ("\x85", "\\x85"),
        ("\xa0", "\\xa0"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\xff\\xfe"),
    ],
)
def test_what_does_not_print_as_itself_is_escaped(raw: str, shown: str) -> None:
    assert escape_unprintable(raw) == shown


@given(st.binary(), st.binary())
def test_no_line_of_a_diff_can_drive_a_terminal(old: bytes, new: bytes) -> None:
    for line in diff_bytes("f", old, new):
        assert line.text.isprintable()


@given(st.text(), st.text())
def test_no_hostile_text_in_a_rendered_plan(path: str, text: str) -> None:
    plan = Plan(
        "airflow",
        changes=[FileChange(path, "l", "add", None, text.encode("utf-8", "replace"))],
        conflicts=[Conflict(path, text, text)],
        warnings=[text],
        missing_evidence=[text],
    )
    for line in render_plain(plan).split("\n"):
        assert line.isprintable()


words = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12)


@given(old=words, new=words, end=st.tuples(st.booleans(), st.booleans()))
def test_the_diff_holds_both_texts(old: list[str], new: list[str], end: tuple[bool, bool]) -> None:
    before = "\n".join(old) + ("\n" if end[0] else "")
    after = "\n".join(new) + ("\n" if end[1] else "")
    lines = diff_bytes("f", before.encode(), after.encode(), context=1000)[2:]
    if before == after:
        assert not lines
        return
    assert rebuilt(lines, {"context", "del"}) == before
    assert rebuilt(lines, {"context", "add"}) == after


def rebuilt(lines: list[DiffLine], kinds: set[str]) -> str:
    text, last = "", False
    for line in lines:
        if line.text == NO_NEWLINE and last:
            text = text.removesuffix("\n")
        elif line.kind in kinds:
            text += line.text[1:] + "\n"
        last = line.kind in kinds
    return text


@pytest.mark.integration
def test_git_applies_what_is_shown(tmp_path: Path) -> None:
    old = "".join(f"line {number}\n" for number in range(60))
    new = old.replace("line 7\n", "").replace("line 40\n", "line forty\nand more\n") + "end"
    (tmp_path / "f").write_text(old)
    patch = "\n".join(texts(diff_bytes("f", old.encode(), new.encode()))) + "\n"
    git = shutil.which("git")
    assert git
    subprocess.run([git, "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert (tmp_path / "f").read_text() == new


def test_summary_lines() -> None:
    lines = b"x\n" * 120
    assert summarize_change(FileChange("v", "l", "add", None, lines)) == "+ v (new, 120 lines)"
    assert summarize_change(FileChange("v", "l", "delete", b"x", None)) == "- v (deleted, 1 line)"
    assert (
        summarize_change(FileChange("v", "l", "modify", b"a\nb\n", b"a\nc\nd\n")) == "~ v (+2 -1)"
    )
    kept = FileChange("v", "l", "same", b"a", b"a", note="hand edit kept")
    assert summarize_change(kept) == "= v (unchanged; hand edit kept)"


def test_plain_text_has_everything_and_no_escape_without_colour() -> None:
    plan = Plan(
        "airflow",
        changes=[
            FileChange("a.yaml", "a", "add", None, b"k: v\n"),
            FileChange("same.yaml", "b", "same", b"", b""),
            FileChange(".airflow-wizard/airflow/base/a.base", "base/a", "add", None, b"hidden\n"),
        ],
        conflicts=[Conflict("c.yaml", "was edited", "undo it")],
        warnings=["careful"],
    )
    assert render_plain(plan) == (
        "+ a.yaml (new, 1 line)\n"
        "  and 1 file of the merge base in .airflow-wizard/\n\n"
        "Needs an answer:\n  c.yaml: was edited\n    -> undo it\n\n"
        "Warnings:\n  careful\n\n"
        "--- /dev/null\n+++ b/a.yaml\n@@ -0,0 +1 @@\n+k: v\n"
    )
    assert "\x1b[32m+k: v\x1b[0m" in render_plain(plan, colour=True)
    assert "k: v" not in render_plain(plan, show_diff=False)


def test_an_empty_plan_says_so() -> None:
    assert render_plain(Plan("airflow")) == "No file changes.\n"


def test_hostile_characters_are_a_fixed_list() -> None:
    for text in HOSTILE:
        change = FileChange("f", "l", "add", None, f"x{text}y\n".encode())
        assert all(line.text.isprintable() for line in diff_change(change))

"""Text files are merged by lines: nothing is lost, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.plan.merge.files import merge_file
from wizard.plan.merge.lines import merge_lines
from wizard.plan.merge.sides import MergeError

BASE = "FROM a\nRUN one\nRUN two\nUSER x\n"


def merge(base: str, mine: str, new: str) -> str | list[tuple[str, str | None, str | None]]:
    found = merge_file("image/Dockerfile", base.encode(), mine.encode(), new.encode())
    if found.data is None:
        return [(one.key, one.mine, one.new) for one in found.disagreements]
    return found.data.decode()


@pytest.mark.parametrize(
    ("mine", "new", "wanted"),
    [
        (f"{BASE}RUN mine\n", BASE.replace("FROM a", "FROM b"),
         f"{BASE}RUN mine\n".replace("FROM a", "FROM b")),
        (BASE.replace("RUN one\n", ""), BASE.replace("USER x", "USER y"),
         "FROM a\nRUN two\nUSER y\n"),
        (BASE.replace("RUN one", "RUN 1"), BASE.replace("RUN one", "RUN 1"),
         BASE.replace("RUN one", "RUN 1")),
        (f"# mine\n{BASE}"[:-1], BASE.replace("two", "2"),
         f"# mine\n{BASE}"[:-1].replace("two", "2")),
        (BASE.replace("\n", "\r\n"), BASE.replace("two", "2"),
         BASE.replace("two", "2").replace("\n", "\r\n")),
        (f"{BASE}RUN mine", f"NEW\n{BASE}", f"NEW\n{BASE}RUN mine"),
        (BASE.replace("one", "1"), BASE.replace("one", "uno"),
         [("line 2", "RUN 1\n", "RUN uno\n")]),
        (BASE.replace("RUN one\n", ""), BASE.replace("one", "uno"),
         [("line 2", "", "RUN uno\n")]),
        (f"{BASE}RUN mine\n", f"{BASE}RUN new\n", [("line 5", "RUN mine\n", "RUN new\n")]),
    ],
)  # fmt: skip
def test_lines_of_both_sides(mine: str, new: str, wanted: object) -> None:
    assert merge(BASE, mine, new) == wanted


def test_a_decision_takes_the_lines_of_one_side() -> None:
    mine, new = BASE.replace("one", "1").encode(), BASE.replace("one", "uno").encode()
    assert merge_lines(BASE.encode(), mine, new, lambda _key: "mine").data == mine
    assert merge_lines(BASE.encode(), mine, new, lambda _key: "new").data == new


@pytest.mark.parametrize("mine", [b"\xff\n", b"a\0b\n"])
def test_bytes_that_are_not_text_are_refused(mine: bytes) -> None:
    with pytest.raises(MergeError):
        merge_file("Dockerfile", b"a\n", mine, b"b\n")


BASE_LINES = [f"{number}\n" for number in range(8)]
# For every line of the base: whether it is deleted, and how many lines are inserted before it.
EDITS = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=8, max_size=8)


def edited(edits: list[tuple[bool, int]], mark: str) -> list[str]:
    found = []
    for number, (deleted, inserted) in enumerate(edits):
        found += [f"{mark}{number}-{one}\n" for one in range(inserted)]
        found += [] if deleted else [BASE_LINES[number]]
    return found


@given(EDITS, EDITS)
def test_no_line_and_no_deletion_is_dropped(
    theirs: list[tuple[bool, int]], ours: list[tuple[bool, int]]
) -> None:
    own, wanted = edited(theirs, "mine"), edited(ours, "new")
    base, mine, new = ("".join(lines) for lines in (BASE_LINES, own, wanted))
    found = merge(base, mine, new)
    assert merge(base, mine, base) == mine
    assert merge(base, base, new) == new
    assert merge(base, mine, mine) == mine
    if not isinstance(found, str):
        assert found
        return
    lines = {*own, *wanted}
    for deleted, line in zip(
        [a[0] or b[0] for a, b in zip(theirs, ours, strict=True)], BASE_LINES, strict=True
    ):
        assert (line in lines and not deleted) == (f"\n{line}" in f"\n{found}")
    assert {line for line in lines if "-" in line} <= {*found.splitlines(keepends=True)}
    assert merge(new, found, new) == found

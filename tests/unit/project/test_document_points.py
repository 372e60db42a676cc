"""docs/documents.md: each heading of the documents is a question, a tried example or a reason."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import TOP
from tests.support.rendered import filled, findings, rendering
from tests.tools.document_table import (
    TARGET,
    Point,
    list_points,
    load_documents,
    matching_keys,
    render,
)
from wizard.answers import presets
from wizard.answers.files import validate_answers

SOURCES = TOP.parent / "shared" / "sources"
POINTS = list_points()
EXAMPLES = [one for one in POINTS if one.values]
# A heading is a short line without the marks of code and sentences.
HEADING = re.compile(r"[A-Z0-9][^:{}\"'=$<>|\\`;#/]{1,68}(?<![.,])")
# Lines of code and of other text that look like one.
OTHER_LINES = {
    "EOF", "Note", "Warning", "USER root", "USER airflow", "YAML", "REDIS_PASSWORD",
    "RUN uv sync --frozen --no-dev --no-cache", "Was this entry helpful?",
    "The Application values can inject environment variables from",
}  # fmt: skip


@cache
def lines(document: str) -> frozenset[str]:
    (found,) = SOURCES.glob(f"{document}_*.txt")
    # Document 003 is Markdown.
    return frozenset(re.sub("^##+ ", "", one) for one in found.read_text("utf-8").splitlines())


def test_the_table_is_that_of_the_data() -> None:
    assert TARGET.read_text(encoding="utf-8") == render()


@pytest.mark.skipif(not SOURCES.is_dir(), reason="the documents are not beside the project")
@pytest.mark.parametrize("document", load_documents())
def test_every_heading_has_a_row_and_every_row_a_heading(document: str) -> None:
    rows = {one.heading for one in POINTS if one.document == document}
    assert [one for one in rows if one not in lines(document)] == []
    variables = re.compile(r"AIRFLOW_[A-Z_]+")
    shown = {
        line
        for line in lines(document)
        if HEADING.fullmatch(line) and len(line.split()) <= 11 and not variables.fullmatch(line)
    }
    assert shown - OTHER_LINES - rows == set()
    assert len(shown & rows) > 5


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_every_row_says_how(point: Point) -> None:
    assert point.questions or point.values or len(point.reason) > 8
    assert point.preset in presets.list_presets()
    assert [one for one in point.questions if not matching_keys(one)] == []


@pytest.mark.parametrize("point", EXAMPLES, ids=str)
def test_every_example_is_accepted_and_passes_all_checks(point: Point) -> None:
    found = validate_answers(filled(point.preset, point.changes))
    assert (found.problems, found.warnings) == ((), ())
    made = rendering(point.preset, point.changes)
    assert [str(item) for item in findings(made) if item.is_error] == []


def test_documents_are_those_that_are_shared() -> None:
    if not SOURCES.is_dir():
        pytest.skip("the documents are not beside the project")
    shared = {Path(path).name[:3] for path in SOURCES.glob("*.txt")}
    assert set(load_documents()) <= shared
    assert shared == set(load_documents())

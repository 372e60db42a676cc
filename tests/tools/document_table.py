"""Writes docs/documents.md from docs/documents.yaml and the questions.

`make generated` runs it; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.support.paths import TOP
from wizard.answers.questions import field_specs
from wizard.formats.nested import put_value
from wizard.formats.yaml_writer import dump_yaml

SOURCE = TOP / "docs" / "documents.yaml"
TARGET = TOP / "docs" / "documents.md"
HEADER = """\
# The documents, point by point

Airflow Wizard reproduces what these documents describe. Each row is a heading of a document with
the questions that cover it, or an example for `values:` of the answers, which a test renders, or
the reason for neither. Generated from `docs/documents.yaml` by `make generated`.
"""


@dataclass(frozen=True)
class Point:
    """One row: a heading of a document, and how it is reached."""

    document: str
    preset: str
    heading: str
    point: str = ""
    questions: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.document} {self.heading} {self.point}".strip()

    @property
    def changes(self) -> dict[str, Any]:
        """The answers of the example, by key."""
        return {**self.needs, "values": dict(self.values)}


def matching_keys(pattern: str) -> list[str]:
    """The keys of the questions that a key, or a pattern with `*` at its end, names."""
    keys = [item.key for item in field_specs()]
    if pattern.endswith(".*"):
        return [key for key in keys if key.startswith(pattern.removesuffix("*"))]
    return [key for key in keys if key == pattern]


def load_documents() -> dict[str, Any]:
    """The data file as it is."""
    found: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return found


def list_points() -> list[Point]:
    """Every row of every document."""
    known = {"heading", "point", "questions", "values", "with", "reason"}
    found = []
    for document, about in load_documents().items():
        for row in about["points"]:
            assert set(row) <= known, row
            found.append(
                Point(
                    document,
                    about["preset"],
                    row["heading"],
                    row.get("point", ""),
                    tuple(row.get("questions", ())),
                    row.get("values", {}),
                    row.get("with", {}),
                    row.get("reason", ""),
                )
            )
    return found


def render() -> str:
    """The text of docs/documents.md."""
    parts = [HEADER]
    points = list_points()
    for document, about in load_documents().items():
        rows = [one for one in points if one.document == document]
        parts += [f"## {document}: {about['about']}\n", f"Preset: `{about['preset']}`.\n"]
        parts.append("| heading | questions or values | remark |\n|---|---|---|")
        parts.append("\n".join(_row(one) for one in rows) + "\n")
        examples = [one for one in rows if one.values]
        for one in examples:
            parts.append(f"### `values:` for {_name(one)} ({document})\n")
            parts.append(f"```yaml\n{dump_yaml(_answers(one))}```\n")
    return "\n".join(parts)


def _name(one: Point) -> str:
    return f"{one.heading}: {one.point}" if one.point else one.heading


def _row(one: Point) -> str:
    reached = [f"`{key}`" for key in one.questions]
    reached += ["`values:`, example below"] if one.values else []
    cells = (_name(one), ", ".join(reached), one.reason)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _answers(one: Point) -> dict[str, Any]:
    """The answers of the example, nested as in the answers file."""
    found: dict[str, Any] = {}
    for key, value in one.needs.items():
        found = put_value(found, tuple(key.split(".")), value)
    return {**found, "values": dict(one.values)}


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")

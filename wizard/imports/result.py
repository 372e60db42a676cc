"""What an import comes to: the answers, and the fate of every value of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.answers.files import dump_value
from wizard.answers.questions import field_specs
from wizard.errors import Problem
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_writer import dump_yaml
from wizard.imports.removals import Removal

_HEADER = (
    "Answers of Airflow Wizard, imported from {source}.\n"
    "Show what they give: airflow-wizard plan --answers FILE. Answers that are left out have "
    "their defaults."
)
_NOTHING = object()
# More are in the JSON.
_MAX_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Imported:
    """The raw answers, and what became of the values.

    `taken` maps each imported answer to the values that it gives. `kept` are the values in
    `values:`. `added` are values that the answers give, and that nobody set before. `needed` are
    the answers that somebody must still give. `notes` are sentences on the versions. `trials` is
    the number of renderings that it took.
    """

    source: str
    data: Mapping[str, Any]
    taken: Mapping[str, Sequence[str]]
    kept: Sequence[str]
    dropped: Sequence[Removal]
    secrets: Sequence[Removal]
    evidence: Sequence[Removal]
    added: Sequence[str]
    needed: Sequence[Problem]
    notes: Sequence[str] = ()
    trials: int = 0

    def to_text(self) -> str:
        """Return the answers file: what was imported, with a comment for what is needed."""
        ordered: dict[str, Any] = {"schema": 1}
        for item in field_specs():
            value = get_value(self.data, item.path, _NOTHING)
            if value is not _NOTHING:
                ordered = put_value(ordered, item.path, dump_value(value))
        if self.data.get("values"):
            ordered["values"] = self.data["values"]
        comments: dict[tuple[str | int, ...], str] = {}
        for problem in self.needed:
            path = tuple(problem.key.split("."))
            at = next(
                (path[:end] for end in range(len(path), 0, -1)
                 if get_value(ordered, path[:end], _NOTHING) is not _NOTHING),
                (),
            )  # fmt: skip
            line = f"NEEDED {problem.key}: {problem.message}"
            comments[at] = "\n".join(filter(None, [comments.get(at, ""), line]))
        return dump_yaml(ordered, comments, _HEADER.format(source=self.source))

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data, for `--json`."""
        return {
            "schema": 1,
            "source": self.source,
            "answers": dict(self.data),
            "imported": [{"answer": key, "from": [*keys]} for key, keys in self.taken.items()],
            "values": [*self.kept],
            "dropped": [one.to_json() for one in self.dropped],
            "secrets": [one.to_json() for one in self.secrets],
            "evidence": [one.to_json() for one in self.evidence],
            "added": [*self.added],
            "needed": [{"key": one.key, "message": one.message} for one in self.needed],
            "notes": [*self.notes],
        }

    def to_lines(self) -> list[str]:
        """Return the report for a person, a heading before each group."""
        lines = [f"imported from {self.source}", *(f"note: {one}" for one in self.notes)]
        groups: list[tuple[str, list[str]]] = [
            ("answers", [_show_taken(key, keys) for key, keys in self.taken.items()]),
            ("in values:, because no question covers them", [*self.kept]),
            ("not imported", [f"{one.key}: {one.reason}" for one in self.dropped]),
            ("secrets, not imported", [f"{one.key}: {one.reason}" for one in self.secrets]),
            ("evidence, not imported", [f"{one.key}: {one.reason}" for one in self.evidence]),
            ("set by the wizard, and not before", [*self.added]),
            ("needed", [str(one) for one in self.needed]),
        ]
        for title, entries in groups:
            if entries:
                lines.append(f"{title} ({len(entries)}):")
                lines += [f"  {entry}" for entry in entries]
        return lines


def _show_taken(key: str, keys: Sequence[str]) -> str:
    shown = [
        *keys[:_MAX_SHOWN],
        *([f"{len(keys) - _MAX_SHOWN} more"] if len(keys) > _MAX_SHOWN else []),
    ]
    return f"{key}  from {', '.join(shown)}" if keys else key

"""What a question means, from the same specs that every front end asks.

The command reads them from questions.json, which is generated: building the models takes longer
than everything else that it does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem

if TYPE_CHECKING:
    from wizard.answers.questions import FieldSpec

QUESTIONS_FILE = Path(__file__).with_name("questions.json")

_KINDS = {
    "text": "text",
    "int": "whole number",
    "bool": "true or false",
    "secret": "reference: {env: NAME}, {file: PATH}, {prompt: true}, {generate: true} or "
    "{store: true}",
    "mapping": "mapping NAME: VALUE",
    "list": "list",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One question in words."""

    key: str
    title: str
    help: str
    takes: str
    default: Any
    when: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """For `explain --json`."""
        return asdict(self)

    def to_text(self) -> str:
        """For people: label and value a line."""
        rows = [
            ("key", self.key),
            ("asks for", self.title),
            ("takes", self.takes),
            ("default", json.dumps(self.default, ensure_ascii=False)),
            ("asked with", self.when),
            ("source", self.source),
        ]
        lines = [f"{label + ':':<12}{text}" for label, text in rows if text]
        return "\n".join([*lines, "", self.help])


def _describe_input(item: FieldSpec) -> str:
    if item.kind == "choice":
        return ", ".join(
            choice if item.label(choice) == choice else f"{choice} ({item.label(choice)})"
            for choice in item.choices
        )
    return item.ask.takes or _KINDS[item.kind]


def explain_question(item: FieldSpec) -> Explanation:
    """One question in words."""
    from wizard.answers.files import dump_value

    return Explanation(
        item.key,
        f"{item.group}: {item.title}" if item.group else item.title,
        item.help,
        _describe_input(item),
        dump_value(item.default),
        item.when.text,
        item.ask.source,
    )


def _explain_values() -> Explanation:
    """What no question covers."""
    from wizard.answers.model import Answers

    info = Answers.model_fields["values"]
    return Explanation(
        "values",
        info.title or "",
        info.description or "",
        "mapping of Helm values",
        {},
        "every installation",
        "the chart's values.yaml",
    )


def build_explanations() -> list[Explanation]:
    """Every question, in the order it is asked, and what passes through at the end."""
    from wizard.answers.questions import field_specs

    return [*(explain_question(item) for item in field_specs()), _explain_values()]


def load_explanations() -> list[Explanation]:
    """What `build_explanations` returned when this version of the wizard was made."""
    return [Explanation(**row) for row in json.loads(QUESTIONS_FILE.read_text(encoding="utf-8"))]


def find_explanations(key: str) -> list[Explanation]:
    """The question with this key, or all below it; AnswersError naming the nearest key."""
    rows = load_explanations()
    if key.startswith("values."):
        return [row for row in rows if row.key == "values"]
    below = [row for row in rows if row.key == key or row.key.startswith(f"{key}.")]
    if not below:
        from wizard.formats.messages import describe_unknown_question

        problem = Problem(key, describe_unknown_question(key, [row.key for row in rows]))
        raise AnswersError("no such key", [problem])
    return below

"""Explain questions: the command `explain`, and the help of the screens.

The command reads the generated file questions.json, because building the models would take longer
than the rest of the command.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem

if TYPE_CHECKING:
    from wizard.answers.questions import FieldSpec

QUESTIONS_FILE = Path(__file__).with_name("questions.json")

_REFERENCES = {
    "env": "{env: NAME}",
    "file": "{file: PATH}",
    "prompt": "{prompt: true}",
    "generate": "{generate: true}",
    "store": "{store: true}",
}
# How a help says what an empty answer means: `Empty: the root namespace.`
_EMPTY = re.compile(r"\bEmpty: (.{1,80}?)(?:[.;](?:\s|$)|, (?:which|and)\b)")
_KINDS = {
    "text": "text",
    "int": "whole number",
    "bool": "true or false",
    "mapping": "mapping NAME: VALUE",
    "list": "list",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `explain` shows about one question."""

    key: str
    title: str
    help: str
    takes: str
    example: str
    default: Any
    when: str
    source: str
    find: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the object that `explain --json` prints."""
        return asdict(self)

    def to_text(self) -> str:
        """Return lines of label and value, and the help."""
        rows = [
            ("key", self.key),
            ("asks for", self.title),
            ("takes", self.takes),
            ("example", self.example),
            ("default", json.dumps(self.default, ensure_ascii=False)),
            ("asked with", self.when),
            ("find it", self.find),
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
    if item.kind == "secret":
        from wizard.answers.secret_kinds import reference_kinds

        *first, last = (_REFERENCES[kind] for kind in reference_kinds(item.key))
        return f"reference: {', '.join(first)} or {last}"
    return item.ask.takes or _KINDS[item.kind]


def describe_empty(item: FieldSpec) -> str:
    """Return what an empty answer means, as the help says it, else the default; may be empty."""
    from wizard.answers.files import dump_value

    if match := _EMPTY.search(item.help):
        return match[1]
    default = dump_value(item.default)
    return str(default) if isinstance(default, (str, int)) and item.kind != "bool" else ""


def describe_problem(problem: Problem, item: FieldSpec) -> str:
    """Return the message of a problem of this question, to be shown beside the question.

    Names the item of a list, counted from 1, and its field. Shows an example if the answer has
    another form altogether.
    """
    if item.kind != "list":
        return problem.message
    number, _, field = problem.key.removeprefix(item.key).strip(".").partition(".")
    place = f"item {int(number) + 1}{f', {field}' if field else ''}: " if number.isdigit() else ""
    example = f", such as {item.ask.example}" if item.ask.example and not field else ""
    return f"{place}{problem.message}{example}"


def explain_question(item: FieldSpec) -> Explanation:
    """Return the explanation of one question."""
    from wizard.answers.files import dump_value

    return Explanation(
        item.key,
        f"{item.group}: {item.title}" if item.group else item.title,
        item.help,
        _describe_input(item),
        item.ask.example,
        dump_value(item.default),
        item.when.text,
        item.ask.source,
        item.ask.find,
    )


def _explain_values() -> Explanation:
    """Return the explanation of `values`, the Helm values that no question covers."""
    from wizard.answers.model import Answers

    info = Answers.model_fields["values"]
    return Explanation(
        "values",
        info.title or "",
        info.description or "",
        "mapping of Helm values",
        "",
        {},
        "every installation",
        "the chart's values.yaml",
    )


def build_explanations() -> list[Explanation]:
    """Return the explanation of every question in the order in which it is asked, then `values`."""
    from wizard.answers.questions import field_specs

    return [*(explain_question(item) for item in field_specs()), _explain_values()]


def load_explanations() -> list[Explanation]:
    """Return the explanations from questions.json, the saved result of `build_explanations`."""
    return [Explanation(**row) for row in json.loads(QUESTIONS_FILE.read_text(encoding="utf-8"))]


def find_explanations(key: str) -> list[Explanation]:
    """Return the explanations of this key and of all keys below it.

    Raises AnswersError, which suggests the nearest key, if there are none.
    """
    from wizard.answers.moved import follow_moved_key

    rows, key = load_explanations(), follow_moved_key(key)
    if key.startswith("values."):
        return [row for row in rows if row.key == "values"]
    below = [row for row in rows if row.key == key or row.key.startswith(f"{key}.")]
    if not below:
        from wizard.formats.messages import UNKNOWN_KEY, describe_unknown_question, show_name

        known = [row.key for row in rows]
        shown = show_name(key, known) or UNKNOWN_KEY
        problem = Problem(shown, describe_unknown_question(key, known))
        raise AnswersError("no such key", [problem])
    return below

"""What a question means, from the same specs that every front end asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wizard.answers import dumped
from wizard.errors import AnswersError, Problem
from wizard.fields import FieldSpec, specs

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
        return {
            "key": self.key,
            "title": self.title,
            "help": self.help,
            "takes": self.takes,
            "default": self.default,
            "when": self.when,
            "source": self.source,
        }

    def to_text(self) -> str:
        """For people: label and value a line."""
        import json

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


def _takes(item: FieldSpec) -> str:
    if item.kind == "choice":
        return ", ".join(
            choice if item.label(choice) == choice else f"{choice} ({item.label(choice)})"
            for choice in item.choices
        )
    return _KINDS[item.kind]


def explanation(item: FieldSpec) -> Explanation:
    """One question in words."""
    return Explanation(
        item.key,
        f"{item.group}: {item.title}" if item.group else item.title,
        item.help,
        _takes(item),
        dumped(item.default),
        item.when.text,
        item.ask.source,
    )


def _values() -> Explanation:
    """What no question covers."""
    from wizard.sections import Answers

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


def overview() -> list[Explanation]:
    """Every question, in the order it is asked, and what passes through at the end."""
    return [*(explanation(item) for item in specs()), _values()]


def describe(key: str) -> list[Explanation]:
    """The question with this key, or all below it; AnswersError naming the nearest key."""
    if key == "values" or key.startswith("values."):
        return [_values()]
    below = [item for item in specs() if item.key == key or item.key.startswith(f"{key}.")]
    if not below:
        from wizard.wording import no_question

        problem = Problem(key, no_question(key, [row.key for row in overview()]))
        raise AnswersError("no such key", [problem])
    return [explanation(item) for item in below]

"""The questions that only a person can answer: required ones that nothing answers so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.answers.files import dump_value, validate_answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.answers.rules import is_empty
from wizard.formats.nested import get_value


def find_unanswered(data: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of the questions to which raw answers and defaults give no usable answer.

    Questions that do not apply now are among them: they count once another answer asks for them.
    """
    required = {
        item.key
        for item in field_specs()
        if item.ask.required and is_empty(get_value(data, item.path, dump_value(item.default)))
    }
    invalid = {question_of(problem.key) for problem in validate_answers(data).problems}
    return frozenset(required | {key for key in invalid if key is not None})


def question_of(key: str) -> str | None:
    """Return the key of the question to which a dotted key belongs; None if there is none."""
    keys = {item.key for item in field_specs()}
    parts = key.split(".")
    longest = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((one for one in longest if one in keys), None)


def describe_place(item: FieldSpec) -> str:
    """Return where a person finds the answer, in one line; else the first sentence of the help."""
    return item.ask.find or item.help.partition(". ")[0].rstrip(".") + "."

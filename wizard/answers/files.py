"""Answers as files: merge layers, validate, reset inapplicable answers, and write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from wizard.answers.model import Answers
from wizard.answers.moved import find_moved_key, move_answers
from wizard.answers.questions import (
    FieldSpec,
    convert_validation_error,
    field_spec,
    field_specs,
    show_key,
)
from wizard.answers.rules import find_rule_problems as rule_problems
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value, name_attribute, put_value
from wizard.formats.yaml_reader import MAX_DEPTH, read_mapping, read_yaml
from wizard.formats.yaml_writer import dump_yaml
from wizard.questions.section import Section

_HEADER = (
    "Answers of Airflow Wizard: they reproduce this installation. They hold no secret, only\n"
    "references to secrets. Change a value with `airflow-wizard set KEY=VALUE`."
)


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Validated answers with their problems; `answers` is None if a value has the wrong type."""

    answers: Answers | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()


def validate_answers(data: Mapping[str, Any], model: type[Answers] = Answers) -> ValidationResult:
    """Validate raw nested answers: types first, then the rules. Never raises."""
    try:
        data = move_answers(data)
    except AnswersError as error:
        return ValidationResult(None, error.problems)
    found = _validate_once(data, model)
    if found.answers is None:
        from wizard.answers.partial import find_further_problems

        more = find_further_problems(
            data, found.problems, lambda some: _answers_and_problems(_validate_once(some, model))
        )
        shown = (Problem(show_key(one.key, model), one.message) for one in (*found.problems, *more))
        return ValidationResult(None, tuple(shown))
    return found


def _answers_and_problems(found: ValidationResult) -> tuple[Answers | None, Sequence[Problem]]:
    return found.answers, found.problems


def _validate_once(data: Mapping[str, Any], model: type[Answers]) -> ValidationResult:
    wrong = [
        Problem(item.key, "give a whole number")
        for item in field_specs(model)
        # pydantic would accept true as 1.
        if item.kind == "int" and isinstance(get_value(data, item.path), bool)
    ]
    if wrong:
        return ValidationResult(None, tuple(wrong))
    try:
        answers = model.model_validate(dict(data))
    except ValidationError as error:
        return ValidationResult(None, tuple(convert_validation_error(error, model)))
    reduced, warnings = reset_inapplicable(answers)
    return ValidationResult(reduced, tuple(rule_problems(reduced)), tuple(warnings))


def require_valid_answers(data: Mapping[str, Any]) -> tuple[Answers, tuple[str, ...]]:
    """Return complete answers and warnings; AnswersError lists every problem."""
    found = validate_answers(data)
    if found.problems or found.answers is None:
        raise AnswersError("the answers are not valid", found.problems)
    return found.answers, found.warnings


def reset_inapplicable(answers: Answers) -> tuple[Answers, list[str]]:
    """Return the answers, with inapplicable answers reset to their defaults, and warnings.

    The result keeps their values for the answers file (`Answers.kept`). A reset may make another
    question inapplicable, so this repeats until nothing changes.
    """
    ignored: list[str] = []
    kept: dict[str, Any] = {}
    while True:
        changed = answers
        for item in field_specs(type(answers)):
            value = get_value(changed, item.path)
            if value != item.default and not item.applies(changed):
                changed = with_value(changed, item.path, item.default)
                ignored.append(item.key)
                kept[item.key] = dump_value(value)
        if changed == answers:
            break
        answers = changed
    by_key = {item.key: item for item in field_specs(type(answers))}
    return answers.with_kept(kept), [
        f"{key} is ignored: it is used with {by_key[key].when.text}"
        if by_key[key].when.text != "every installation"
        else f"{key} is ignored: its section does not apply"
        for key in ignored
    ]


def with_value(answers: Answers, path: tuple[str, ...], value: object) -> Answers:
    """Return a copy with one value replaced; the value is not validated again."""
    head, *rest = path
    below = getattr(answers, head)
    return answers.model_copy(update={head: _replace_value(below, tuple(rest), value)})


def _replace_value(model: BaseModel, path: tuple[str, ...], value: object) -> object:
    if not path:
        return value
    head, *rest = path
    name = name_attribute(head)
    return model.model_copy(update={name: _replace_value(getattr(model, name), tuple(rest), value)})


def merge_layers(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge later layers over earlier ones; a question's value is replaced as a whole."""
    result: dict[str, Any] = {}
    whole = {item.path for item in field_specs() if item.kind in {"secret", "mapping", "list"}}
    for layer in layers:
        result = _merge_layer(result, layer, (), whole)
    return result


def _merge_layer(
    under: Mapping[str, Any],
    over: Mapping[str, Any],
    at: tuple[str, ...],
    whole: set[tuple[str, ...]],
) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        path = (*at, key)
        below = result.get(key)
        nested = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = (
            _merge_layer(below, value, path, whole) if nested and path not in whole else value  # type: ignore[arg-type]
        )
    return result


def apply_assignments(data: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Return raw answers with each KEY=VALUE applied; VALUE is read as YAML.

    Raises an AnswersError that lists missing `=`, unknown keys and values that are not YAML.
    """
    result = dict(data)
    problems: list[Problem] = []
    for number, assignment in enumerate(assignments, 1):
        key, equals, text = assignment.partition("=")
        if not equals:
            # The text is not shown, because it may belong to the value of the previous argument.
            problems.append(Problem("", f"KEY=VALUE number {number} has no ="))
            continue
        try:
            result = _apply_assignment(result, key, text)
        except AnswersError as error:
            text = error.message.removeprefix(key).lstrip(",: ")
            problems += error.problems or [Problem(_shown_assignment_key(key, number), text)]
    if problems:
        raise AnswersError("some values cannot be set", problems)
    return result


def _shown_assignment_key(key: str, number: int) -> str:
    """Return the key of an assignment; a key below `values` may be anything and is not repeated."""
    return f"values (KEY=VALUE number {number})" if key.startswith("values.") else key


def _apply_assignment(data: dict[str, Any], key: str, text: str) -> dict[str, Any]:
    if key == "values" or key.startswith("values."):
        path = tuple(key.split("."))
        if "" in path:
            raise AnswersError("no such key", [Problem("values", "a part of the key is empty")])
        if len(path) > MAX_DEPTH:
            message = f"the key has more than {MAX_DEPTH} parts"
            raise AnswersError("no such key", [Problem("values", message)])
        return put_value(data, path, read_yaml(text, key))
    moved = find_moved_key(key)
    item = field_spec(moved.new if moved else key)
    value = moved.read(text) if moved and moved.values else parse_value(item, text)
    if item.kind == "secret" and isinstance(value, Mapping):
        value = {**deploy_key_fields(get_value(data, item.path)), **value}
    return put_value(data, item.path, value)


def deploy_key_fields(value: object) -> dict[str, Any]:
    """Return the public fields of a deploy key, which are kept when its reference changes."""
    if not isinstance(value, Mapping):
        return {}
    return {name: value[name] for name in ("public", "writable") if name in value}


def parse_value(item: FieldSpec, text: str) -> object:
    """Parse one answer from the text that `--set`, `ask` or a screen gives.

    Raises AnswersError if the text is not YAML. It does not validate the answer.
    """
    if item.kind in {"text", "choice"}:
        value = text
        if text[:1] in {'"', "'"}:
            quoted = read_yaml(text, item.key)
            value = quoted if isinstance(quoted, str) else text
        return value
    if item.kind == "secret" and not text.lstrip().startswith("{"):
        from wizard.secrets.references import SecretRef

        try:
            return dump_value(SecretRef.parse(text))
        except ValueError as error:
            raise AnswersError("not a reference", [Problem(item.key, str(error))]) from None
    if item.kind == "mapping" and text.strip() and not text.lstrip().startswith("{"):
        return _parse_pairs(item.key, text)
    if not text.strip():
        return item.default
    try:
        return read_yaml(text, item.key)
    except AnswersError as error:
        message = error.message.removeprefix(item.key).lstrip(",: ")
        raise AnswersError(error.message, error.problems or [Problem(item.key, message)]) from None


PAIRS = 'give NAME=VALUE, NAME=VALUE; or {NAME: VALUE}, with "" around a value that has a comma'


def _parse_pairs(key: str, text: str) -> dict[str, str]:
    """Parse a line such as `A=1, B=2`."""
    found = {}
    for pair in text.split(","):
        name, equals, value = pair.strip().partition("=")
        if not equals:
            raise AnswersError("not NAME=VALUE", [Problem(key, PAIRS)])
        found[name.strip()] = value.strip()
    return found


def dump_value(value: object) -> Any:
    """Return an answer as plain data, as saved in the answers file."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, exclude_defaults=False)
    if isinstance(value, list):
        return [dump_value(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def answers_data(answers: Answers) -> dict[str, Any]:
    """Return every applicable value as plain nested data, in the order of the questions."""
    return _plain_data(answers, {})


def _plain_data(answers: Answers, more: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"schema": answers.schema_}
    for item in field_specs(type(answers)):
        if item.applies(answers):
            data = put_value(data, item.path, dump_value(get_value(answers, item.path)))
        elif item.key in more:
            data = put_value(data, item.path, more[item.key])
    data["values"] = answers.values
    return data


def changed_keys(before: Mapping[str, Any], answers: Answers) -> list[str]:
    """Return the keys of applicable questions whose value differs from `before`, in order."""
    now = answers_data(answers)
    found = [
        item.key
        for item in field_specs(type(answers))
        if item.applies(answers)
        and get_value(before, item.path, dump_value(item.default)) != get_value(now, item.path)
    ]
    return found + (["values"] if before.get("values", {}) != now["values"] else [])


def answers_text(answers: Answers) -> str:
    """Return the text of the commented answers file, which renders the same tree again.

    Answers that do not apply stay in it.
    """
    comments: dict[tuple[str | int, ...], str] = {
        item.path: item.help for item in field_specs(type(answers))
    }
    for name in type(answers).model_fields:
        section = getattr(answers, name)
        if isinstance(section, Section):
            comments[(name,)] = section.intro
    return dump_yaml(_plain_data(answers, answers.kept), comments, _HEADER)


def parse_answers(text: str, name: str) -> dict[str, Any]:
    """Return raw answers from a file's text.

    Keys that moved have their new place. Raises AnswersError for invalid YAML and for a schema
    version that this wizard does not know.
    """
    data = read_mapping(text, name)
    schema = data.get("schema", 1)
    if schema != 1 or type(schema) is not int:
        problem = Problem("schema", "this wizard reads schema 1; a newer wizard wrote this file")
        raise AnswersError(f"{name}: unknown schema", [problem])
    return move_answers(data)

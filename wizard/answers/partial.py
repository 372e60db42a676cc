"""Check partly invalid answers against the rules, so that all problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import FieldSpec, field_specs
from wizard.errors import Problem
from wizard.formats.nested import put_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_ROUNDS = 20
_CASES = 32

Validate = Callable[[Mapping[str, Any]], "tuple[Answers | None, Sequence[Problem]]"]


def find_further_problems(
    data: Mapping[str, Any], found: Sequence[Problem], validate: Validate
) -> tuple[Problem, ...]:
    """Return problems of further invalid answers, and rule problems that no valid choice fixes.

    `validate` returns the answers (None if their types are wrong) and their problems. A choice
    decides which questions apply, so a rule problem is returned only if it occurs with every value
    of each invalid choice.
    """
    paths = {item.path for item in field_specs()}
    broken = {_question_path(problem.key, paths) for problem in found}
    more: list[Problem] = []
    for _ in range(_ROUNDS):
        data = _drop_paths(data, broken)
        answers, problems = validate(data)
        if answers is not None:
            break
        more += problems
        broken |= {_question_path(problem.key, paths) for problem in problems}
    else:
        return tuple(more)
    common: list[Problem] | None = None
    for case in islice(_cases(data, broken), _CASES):
        problems = validate(case)[1]
        common = [one for one in (problems if common is None else common) if one in problems]
    return (*more, *(one for one in common or () if not _is_below(one.key, broken)))


def _cases(data: Mapping[str, Any], broken: set[tuple[str, ...]]) -> Iterator[Mapping[str, Any]]:
    gates = [
        item for item in field_specs() if item.path in broken and item.kind in {"choice", "bool"}
    ]
    for values in product(*(_values(item) for item in gates)):
        case = data
        for item, value in zip(gates, values, strict=True):
            case = put_value(case, item.path, value)
        yield case


def _values(item: FieldSpec) -> Sequence[object]:
    return (True, False) if item.kind == "bool" else item.choices


def _question_path(key: str, paths: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return which of the questions' paths the key belongs to, or the key's own path."""
    parts = tuple(key.split("."))
    return next(
        (parts[:length] for length in range(len(parts), 0, -1) if parts[:length] in paths), parts
    )


def _is_below(key: str, broken: set[tuple[str, ...]]) -> bool:
    parts = tuple(key.split("."))
    return any(parts[: len(path)] == path for path in broken)


def _drop_paths(data: Mapping[str, Any], paths: set[tuple[str, ...]]) -> Mapping[str, Any]:
    for path in paths:
        data = _drop_path(data, path)
    return data


def _drop_path(data: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    head, *rest = path
    below = data.get(head)
    if rest and isinstance(below, Mapping):
        return {**data, head: _drop_path(below, tuple(rest))}
    # A value in place of a mapping is itself invalid, so the whole key is dropped.
    return {key: value for key, value in data.items() if key != head}

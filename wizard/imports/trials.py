"""Tries answers: which Helm values they give, and which values a question gives at all.

No table says which question a value belongs to. A question's answer is replaced by a marker, and
where the marker is in the rendered values, that is what the question gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from wizard.answers.files import with_value
from wizard.answers.model import Answers
from wizard.answers.questions import FieldSpec, field_spec
from wizard.errors import WizardError
from wizard.formats.nested import name_attribute
from wizard.imports.leaves import Leaves, Path, add_defaults, is_equal, list_leaves
from wizard.plan.render import contribute

# No answer contains this by chance.
_MARK = "zq7v"
# What different types of questions accept; each type is tried with the first few it takes.
_TEXTS = (
    _MARK,
    "7919Gi",
    "7919s",
    f"ssh://git@{_MARK}.example/{_MARK}.git",
    f"https://{_MARK}.example/{_MARK}",
    f"s3://{_MARK}/{_MARK}",
    f"{_MARK}.example",
    f"{_MARK}.example:7919",
    f"http://{_MARK}.example:7919",
    f"{_MARK}@{_MARK}.example",
    f"{_MARK}.example/{_MARK}:7919",
    "10.79.19.1",
    "10.79.19.0/24",
    "Pacific/Chatham",
    "7 9 1 9 *",
)
_NUMBERS = (7919, 61, 7)
_MAX_FORMS = 3
# Text around a marker that finds its place in a longer text.
_BEFORE, _AFTER = 40, 12


@dataclass(frozen=True, slots=True)
class Trace:
    """One leaf that a question gives.

    `before` and `after` are the text around the answer in the leaf. With `keys`, the leaves below
    `path` are the items of the answer, whose names are the parts of their path there.
    """

    path: Path
    before: str = ""
    after: str = ""
    keys: bool = False


class Trials:
    """Renders answers for one chart version; `count` is the number of renderings so far."""

    def __init__(self, assets: Mapping[str, str] | None = None) -> None:
        self.assets = assets
        self.count = 0

    def render(self, answers: Answers) -> Leaves | None:
        """Return the leaves in effect of unchecked answers; None if they cannot be rendered."""
        values = self.render_values(answers)
        if values is None:
            return None
        return add_defaults(list_leaves(values), answers.installation.chart)

    def render_values(self, answers: Answers) -> Mapping[str, Any] | None:
        """Return the Helm values of unchecked answers; None if they cannot be rendered."""
        self.count += 1
        try:
            return contribute(answers, self.assets)[1].values
        except (WizardError, ValueError, TypeError, KeyError, AttributeError, IndexError):
            # The answers were not validated, and anything may be in them.
            return None

    def trace(self, answers: Answers, leaves: Leaves, item: FieldSpec) -> list[Trace]:
        """Return the leaves that a question gives with these answers, whose leaves are given."""
        for marker in list_markers(item.key):
            found = self.render(with_value(answers, item.path, marker))
            if found is None:
                continue
            changed = {
                path: value
                for path, value in found.items()
                if path not in leaves or not is_equal(leaves[path], value)
            }
            traces = list(_find_traces(changed, _list_texts(marker)))
            if traces:
                return traces
        return []


def _list_texts(marker: Any) -> tuple[str, ...]:
    """Return the texts by which a marker is found: as a whole, and its own part."""
    first = next(iter(marker)) if isinstance(marker, (list, dict)) else marker
    text = first if isinstance(first, str) else str(first)
    return (text, _MARK) if _MARK in text and text != _MARK else (text,)


@cache
def list_markers(key: str) -> tuple[Any, ...]:
    """Return values that a question's type accepts, and that are found again when rendered."""
    item = field_spec(key)
    candidates: list[Any] = list(_NUMBERS if item.kind == "int" else _TEXTS)
    if item.kind == "mapping":
        candidates = [{name: name} for name in (_MARK, _MARK.upper())]
    elif item.kind == "list":
        candidates = [[text] for text in _TEXTS]
    type_ = TypeAdapter(_find_type(item.path))
    found: list[Any] = []
    for value in candidates:
        with suppress(ValidationError):
            found.append(type_.validate_python(value))
    return tuple(found[:_MAX_FORMS])


def _find_type(path: tuple[str, ...]) -> Any:
    """Return the type of a question with its constraints."""
    model: Any = Answers
    for part in path[:-1]:
        kind = model.model_fields[name_attribute(part)].annotation
        model = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    info = model.model_fields[name_attribute(path[-1])]
    return Annotated[info.annotation, "question", *info.metadata]


def _find_traces(changed: Leaves, texts: Sequence[str]) -> Iterator[Trace]:
    for path, value in changed.items():
        for text in texts:
            trace = _find_trace(path, value, text)
            if trace is not None:
                yield trace
                break


def _find_trace(path: Path, value: Any, text: str) -> Trace | None:
    named = next((at for at, part in enumerate(path) if part in (text, f"[{text}]")), None)
    if named is not None:
        return Trace(path[:named], keys=True)
    if isinstance(value, list):
        return Trace(path, keys=True) if text in value else None
    if isinstance(value, dict) or text not in str(value):
        return None
    before, _, after = str(value).partition(text)
    return Trace(path, before, after)


def read_answers(trace: Trace, item: FieldSpec, wanted: Leaves) -> Iterator[Any]:
    """Yield answers to a question that could give what is wanted at a leaf."""
    if trace.keys:
        yield from _read_items(trace.path, item, wanted)
        return
    value = wanted.get(trace.path)
    if value is None:
        if item.kind == "text" and not trace.before and not trace.after:
            yield ""
        return
    if isinstance(value, (list, dict)):
        return
    for text in _cut_out(str(value), trace.before, trace.after):
        if item.kind == "int":
            if re.fullmatch(r"[0-9]{1,9}", text):
                yield int(text)
        elif text.isprintable():
            yield text


def _cut_out(text: str, before: str, after: str) -> Iterator[str]:
    """Yield what is between two texts; in a longer text, what is near them decides."""
    if text.startswith(before) and text.endswith(after) and len(text) >= len(before + after):
        yield text[len(before) : len(text) - len(after)]
        return
    if len(before) + len(after) < 8:
        return
    head, tail = before[-_BEFORE:], after[:_AFTER]
    _, found, rest = text.partition(head) if head else ("", "start", text)
    line = rest.partition("\n")[0]
    between, ended, _ = line.partition(tail) if tail else (line, "end", "")
    if found and ended:
        yield between


def _read_items(path: Path, item: FieldSpec, wanted: Leaves) -> Iterator[Any]:
    whole = wanted.get(path)
    if item.kind == "list" and isinstance(whole, list):
        yield whole
        return
    found: dict[str, Any] = {}
    for at, value in wanted.items():
        if at[: len(path)] == path and len(at) > len(path):
            name = at[len(path)].removeprefix("[").removesuffix("]")
            rest = at[len(path) + 1 :]
            if not rest or rest == ("value",) or (rest == ("name",) and name not in found):
                found[name] = value
    if item.kind == "list" and found:
        yield list(found)
    elif item.kind == "mapping" and found:
        texts = {name: value for name, value in found.items() if isinstance(value, str)}
        if texts:
            yield texts

"""List the questions of the answers model, and convert its validation errors to problems.

Screens, prompts and files all use these.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from wizard.answers.model import Answers
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value, name_key, split_key
from wizard.questions.conditions import ALWAYS, Condition
from wizard.questions.section import Model, QuestionInfo, Section
from wizard.secrets.references import SecretRef
from wizard.stores.conditions import TAKES_VALUES

if TYPE_CHECKING:
    from wizard.answers.model import Answers

# Words of capital letters: no token has this form.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]{0,14}(?:_{1,2}[A-Z0-9]{1,15}){0,9}")
Kind = Literal["text", "int", "bool", "choice", "secret", "mapping", "list"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One question, in the form that every front end uses.

    `key` is the dotted answer key (`database.pgbouncer.mode`), and `section` is its first part.
    `group` is the heading of related questions; it is empty for a question directly in a section.
    """

    key: str
    group: str
    kind: Kind
    title: str
    help: str
    default: object
    choices: tuple[str, ...]
    ask: QuestionInfo
    model: type[Section]

    @property
    def section(self) -> str:
        """Return the name of the section's field in the answers."""
        return self.key.split(".", 1)[0]

    @property
    def path(self) -> tuple[str, ...]:
        """Return the key as a path through nested mappings."""
        return split_key(self.key)

    @property
    def full_title(self) -> str:
        """Return the titles of section, group and question: `DAGs > git-sync > Failures`."""
        return " > ".join(filter(None, (self.model.title, self.group, self.title)))

    @property
    def when(self) -> Condition:
        """Return the condition under which the question applies."""
        return self.ask.when

    def label(self, choice: str) -> str:
        """Return the label of a choice, or the choice itself if it has none."""
        return self.ask.labels.get(choice, choice)

    def applies(self, answers: Answers) -> bool:
        """Return whether the question applies to these answers."""
        return self.model.when.holds(answers) and self.ask.when.holds(answers)


def _secret_ref() -> type[BaseModel]:
    return SecretRef


def _kind(annotation: Any, key: str) -> tuple[Kind, tuple[str, ...]]:
    origin = get_origin(annotation)
    if origin is Literal:
        return "choice", tuple(str(choice) for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, _secret_ref()):
        return "secret", ()
    if annotation is bool:
        return "bool", ()
    if annotation is int:
        return "int", ()
    if annotation is str:
        return "text", ()
    if origin is dict:
        return "mapping", ()
    if origin in {list, tuple}:
        return "list", ()
    raise TypeError(f"{key}: no question kind for {annotation!r}")


def _ask(info: FieldInfo) -> QuestionInfo:
    return next((item for item in info.metadata if isinstance(item, QuestionInfo)), QuestionInfo())


def _strip_annotation(annotation: Any) -> Any:
    """Return the annotation without Annotated[...] and `| None`."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in {types.UnionType}:
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _strip_annotation(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _walk(
    model: type[BaseModel], prefix: str, section: type[Section], when: Condition, group: str = ""
) -> Iterator[FieldSpec]:
    for name, info in model.model_fields.items():
        key = f"{prefix}.{name_key(name)}"
        annotation = _strip_annotation(info.annotation)
        ask = _ask(info)
        condition = when if ask.when is ALWAYS else ask.when if when is ALWAYS else when & ask.when
        nested = isinstance(annotation, type) and issubclass(annotation, Model)
        if nested and not issubclass(annotation, _secret_ref()):
            yield from _walk(annotation, key, section, condition, info.title or group)
            continue
        kind, choices = _kind(annotation, key)
        if not info.title or not info.description:
            raise TypeError(f"{key}: a question needs a title and a description")
        if kind == "secret":
            condition = TAKES_VALUES if condition is ALWAYS else condition & TAKES_VALUES
        merged = QuestionInfo(
            when=condition,
            required=ask.required,
            labels=ask.labels,
            asset=ask.asset,
            preview=ask.preview or section.preview,
            source=ask.source,
            takes=ask.takes,
            example=ask.example,
            effects=ask.effects,
            synonyms=ask.synonyms,
            find=ask.find,
            machine=ask.machine,
        )
        # `get_default` would inspect the signature of each factory; ours take no argument.
        factory = cast("Callable[[], object] | None", info.default_factory)
        default = factory() if factory else info.default
        yield FieldSpec(
            key, group, kind, info.title, info.description, default, choices, merged, section
        )


@cache
def field_specs(answers: type[Answers] | None = None) -> tuple[FieldSpec, ...]:
    """Return every question of the wizard in the order in which it is asked.

    Raises TypeError when a field has no title or description, or a type that no form supports.
    """
    found: list[FieldSpec] = []
    for name, info in (answers or Answers).model_fields.items():
        section = _strip_annotation(info.annotation)
        if isinstance(section, type) and issubclass(section, Section):
            found.extend(_walk(section, name, section, ALWAYS))
    return tuple(found)


def field_spec(key: str, answers: type[Answers] | None = None) -> FieldSpec:
    """Return the question with this dotted key.

    Raises AnswersError, which suggests the nearest key, if there is no such question.
    """
    by_key = _specs_by_key(answers)
    if key in by_key:
        return by_key[key]
    from wizard.formats.messages import UNKNOWN_KEY, describe_unknown_question, show_name

    shown = show_name(key, by_key) or UNKNOWN_KEY
    raise AnswersError(
        "no such key", [Problem(shown, describe_unknown_question(key, list(by_key)))]
    )


@cache
def _specs_by_key(answers: type[Answers] | None) -> dict[str, FieldSpec]:
    return {item.key: item for item in field_specs(answers)}


def list_references(answers: Answers) -> Iterator[tuple[str, SecretRef]]:
    """Yield every secret reference with its dotted key.

    A reference in a list of named items has the key `<question>.<name>.<key of the reference>`.
    """
    for item in field_specs(type(answers)):
        value = get_value(answers, item.path)
        if isinstance(value, SecretRef):
            yield item.key, value
        elif item.kind == "list":
            for one in value:
                for name, reference in getattr(one, "references", {}).items():
                    yield f"{item.key}.{one.name}.{name}", reference


def find_reference(answers: Answers, key: str) -> SecretRef:
    """Return the secret reference with this dotted key; KeyError if there is none."""
    return dict(list_references(answers))[key]


def list_secret_variables(answers: Answers) -> list[str]:
    """Return the names of the variables that these answers read secrets from."""
    return [one.env for _, one in list_references(answers) if one.env]


def _dotted_key(location: tuple[int | str, ...]) -> str:
    # pydantic adds `[key]` to the location of a mapping's key; our keys do not contain it.
    return ".".join(str(part) for part in location if str(part) != "[key]")


def show_key(key: str, model: type[BaseModel]) -> str:
    """Return a dotted key; parts that a user made up only if they are harmless."""
    from wizard.formats.messages import UNKNOWN_KEY, show_name

    known = _all_names(model)
    parts = key.split(".") if key else []
    return ".".join(
        part if _is_harmless(part) else show_name(part, known) or UNKNOWN_KEY for part in parts
    )


def _is_harmless(part: str) -> bool:
    """Return whether a part of a key is a number or the name of a variable, not a value."""
    return (part.isdecimal() and len(part) < 5) or _VARIABLE.fullmatch(part) is not None


@cache
def _all_names(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of all fields of a model and of the models below it."""
    found: set[str] = set()
    todo: list[Any] = [model]
    while todo:
        kind = _strip_annotation(todo.pop())
        todo += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and get_origin(kind) is None:
            for name, info in kind.model_fields.items():
                if name not in found or info.alias:
                    found |= {info.alias or name}
                todo.append(info.annotation)
    return frozenset(found)


def _message(kind: str, text: str, key: str, answers: type[BaseModel]) -> str:
    from wizard.formats.messages import describe_unknown_key, describe_validation_error

    if kind == "extra_forbidden":
        parent, _, name = key.rpartition(".")
        return describe_unknown_key(name, _names_below(answers, parent))
    return describe_validation_error(kind, text)


def _names_below(model: type[BaseModel], parent: str) -> list[str]:
    for part in parent.split(".") if parent else []:
        if part.isdecimal():
            continue
        info = model.model_fields.get(part)
        below = _strip_annotation(info.annotation) if info else None
        if get_origin(below) is list:
            below = _strip_annotation(get_args(below)[0])
        if not (isinstance(below, type) and issubclass(below, BaseModel)):
            return []
        model = below
    return [info.alias or name for name, info in model.model_fields.items()]


def convert_validation_error(error: ValidationError, answers: type[BaseModel]) -> list[Problem]:
    """Convert a pydantic error to problems with dotted keys, without the rejected values."""
    found = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        key = _dotted_key(item["loc"])
        message = _message(item["type"], item["msg"], key, answers)
        found.append(Problem(key, message))
    return found

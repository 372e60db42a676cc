"""Sections that choose a kind: the questions of each kind become a model below its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import Field, create_model

from wizard.questions.conditions import ALWAYS, Condition
from wizard.questions.section import Model, QuestionInfo

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class KindQuestions:
    """The questions of one kind: their parent key, their model, and their heading."""

    name: str
    questions: type[Model] | None
    title: str
    when: Condition = ALWAYS


def add_kind_questions(kinds: Iterable[KindQuestions]) -> Callable[[type[M]], type[M]]:
    """Return a class decorator that adds the questions of each kind to a model, in this order.

    The result is a subclass with one more field per kind. Adding a kind does not change a section.
    """

    def extend(model: type[M]) -> type[M]:
        fields: dict[str, Any] = {
            one.name: (
                Annotated[one.questions, QuestionInfo(when=one.when)],
                Field(default_factory=one.questions, title=one.title),
            )
            for one in kinds
            if one.questions is not None
        }
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__,
            **fields,
        )  # fmt: skip

    return extend

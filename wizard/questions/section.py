"""Sections: pages of questions, and what their answers contribute.

A question is a field. `title` is its label and `description` its help; its type and constraints
validate it, and `QuestionInfo` says when it applies. A section's `contribute` turns answers into
settings, secrets, flows and files. `render` combines the contributions of all sections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from wizard.formats.nested import name_key
from wizard.manifests.contribution import Contribution
from wizard.questions.assets import Asset
from wizard.questions.conditions import ALWAYS, Condition
from wizard.questions.effects import Effect

if TYPE_CHECKING:
    from wizard.manifests.release import Release


@dataclass(frozen=True, slots=True)
class QuestionInfo:
    """Metadata of a question that pydantic has no field for, given in `Annotated`.

    `required`: an empty answer is a problem while the question applies. `labels`: labels of the
    choices, by value. `asset`: the answer names a public text file of this kind, which is saved
    with the answers. `preview`: logical id of the file that the answer changes. `source`: the
    source of a fact in the help. `takes`: the accepted forms of the answer, if its type does not
    show them all. `example`: one full answer, as it is typed. `effects`: what a change of the
    answer does to the running system, beyond restarts. `synonyms`: words that people search for and
    that neither key nor title has. `find`: where a person finds the answer; every required question
    without a default says it. `machine`: where this machine may have the answer, as
    `wizard.workspace.suggestions` reads it: `$NAME` for a variable, or a place in the Git remotes.
    """

    when: Condition = ALWAYS
    required: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    asset: Asset | None = None
    preview: str = ""
    source: str = ""
    takes: str = ""
    example: str = ""
    effects: tuple[Effect, ...] = ()
    synonyms: tuple[str, ...] = ()
    find: str = ""
    machine: str = ""


def split_words(value: object) -> object:
    """Return the words of a line such as `a, b` as a list; other values as they are."""
    if not isinstance(value, str):
        return value
    return [one.strip() for one in value.split(",")] if value.strip() else []


class Model(BaseModel):
    """Base of all models in the answers; refuses unknown keys and hides values in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        # A key that is a keyword of Python has a field with an underscore: `class_`.
        alias_generator=name_key,
        validate_by_name=True,
        serialize_by_alias=True,
        # pydantic builds a model at its first validation, so other commands start faster.
        defer_build=True,
    )


class Section(Model):
    """One page of questions. Subclasses set `title` and `intro` and declare fields."""

    title: ClassVar[str]
    intro: ClassVar[str]
    preview: ClassVar[str] = "values"
    asked: ClassVar[bool] = True
    # The condition under which the page is shown and its answers apply.
    when: ClassVar[Condition] = ALWAYS

    def contribute(self, release: Release) -> Contribution:
        """Return what this section's answers add to the installation; pure."""
        del release
        return Contribution()

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Return the files and steps that depend on the contributions of all sections; pure.

        Called in the order of the sections; `total` includes the result of earlier sections.
        """
        del release, total
        return Contribution()


M = TypeVar("M", bound=Model)


class KindSection(Section):
    """A section whose main question chooses a kind; each kind adds its own questions."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the questions of the kind `name`.

        Raises TypeError if the kind does not ask them.
        """
        found = getattr(self, name, None)
        if not isinstance(found, questions):
            raise TypeError(f"{type(self).__name__} has no {questions.__name__} at {name}")
        return found

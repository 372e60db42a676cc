"""What a section is: a page of questions, and what follows from its answers.

A question is a field: `title` is its label, `description` its help, its type and constraints its
validation, and `QuestionInfo` says when it applies. A section's `contribute` turns answers into
settings, secrets, flows and files; `render` puts the contributions of all sections together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from wizard.manifests.contribution import Contribution
from wizard.questions.conditions import ALWAYS, Condition

if TYPE_CHECKING:
    from wizard.manifests.release import Release


@dataclass(frozen=True, slots=True)
class QuestionInfo:
    """Annotated metadata of a question that pydantic has no word for.

    `required`: an empty answer is a problem while the question applies. `labels`: what a choice
    means, by value. `asset`: the answer names a public text file that is copied along. `preview`:
    logical id of the file the answer shows in. `source`: where a fact in the help comes from.
    `takes`: the forms of the answer, where its type does not say all of them.
    """

    when: Condition = ALWAYS
    required: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    asset: bool = False
    preview: str = ""
    source: str = ""
    takes: str = ""


class Model(BaseModel):
    """Base of everything in the answers: unknown keys refused, rejected values never echoed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        # Only the model that is validated is built, once, and only by commands that validate.
        defer_build=True,
    )


class Section(Model):
    """One page of questions. Subclasses set `title` and `intro` and declare fields."""

    title: ClassVar[str]
    intro: ClassVar[str]
    preview: ClassVar[str] = "values"
    asked: ClassVar[bool] = True
    # When the page is shown and its answers count.
    when: ClassVar[Condition] = ALWAYS

    def contribute(self, release: Release) -> Contribution:
        """What follows from this section's answers; pure."""
        del release
        return Contribution()

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """What follows from everybody's contributions: files made of them all; pure.

        Called in the order of the sections; `total` includes what earlier sections composed.
        """
        del release, total
        return Contribution()


M = TypeVar("M", bound=Model)


class KindSection(Section):
    """A section whose main question chooses a kind, and where each kind asks its own below."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the own questions of the kind `name`.

        Raises TypeError where that kind asks no such questions.
        """
        found = getattr(self, name, None)
        if not isinstance(found, questions):
            raise TypeError(f"{type(self).__name__} has no {questions.__name__} at {name}")
        return found

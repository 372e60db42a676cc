"""What a section is: a page of questions, and what follows from its answers.

A question is a field: `title` is its label, `description` its help, its type and constraints its
validation, and `QuestionInfo` says when it applies. A section's `contribute` turns answers into
settings, secrets, flows and files; `render` puts the contributions of all sections together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from wizard.manifests.contribution import Contribution

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release


@dataclass(frozen=True, slots=True)
class Condition:
    """When a question applies: `text` finishes the sentence "asked with ...", `test` decides."""

    text: str
    test: Callable[[Answers], bool]

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.text} and {other.text}", lambda a: self.test(a) and other.test(a))


ALWAYS = Condition("every installation", lambda _answers: True)


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

    @classmethod
    def applies(cls, answers: Answers) -> bool:
        """Whether the page is shown and its answers count; by default always."""
        del answers
        return True

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

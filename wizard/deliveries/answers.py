"""The answers that a delivery may read."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wizard.questions.section import Model

M = TypeVar("M", bound=Model)


class DeliveryAnswers(Protocol):
    """The answers of the section `delivery`."""

    @property
    def kind(self) -> str:
        """Return the name of the kind."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the questions of the kind `name`."""

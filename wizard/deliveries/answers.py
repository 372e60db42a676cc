"""What a delivery may know of the answers about it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wizard.questions.section import Model

M = TypeVar("M", bound=Model)


class DeliveryAnswers(Protocol):
    """The answers of the section `delivery`."""

    @property
    def kind(self) -> str:
        """The kind's name."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the own questions of the kind `name`."""

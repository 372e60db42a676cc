"""What a store may know of the answers about it: the section is built of all kinds' questions."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wizard.questions.section import Model

M = TypeVar("M", bound=Model)


class SecretsAnswers(Protocol):
    """The answers of the section `secrets`."""

    @property
    def store(self) -> str:
        """The kind's name."""

    @property
    def scope(self) -> str:
        """`namespace` or `cluster`: how far External Secrets' store reaches."""

    @property
    def payload(self) -> str:
        """`keys` or `document`: how the values lie in the store."""

    @property
    def refresh_interval(self) -> str:
        """How often External Secrets reads the store."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the own questions of the kind `name`."""

"""The answers that a store may read; the section itself depends on the questions of all stores."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wizard.questions.section import Model

M = TypeVar("M", bound=Model)


class SecretsAnswers(Protocol):
    """The answers of the section `secrets`."""

    @property
    def store(self) -> str:
        """Return the name of the kind."""

    @property
    def scope(self) -> str:
        """Return `namespace` or `cluster`: the scope of External Secrets' store."""

    @property
    def payload(self) -> str:
        """Return `keys` or `document`: the format of the payload."""

    @property
    def refresh_interval(self) -> str:
        """Return how often External Secrets reads the store, as a duration."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the questions of the kind `name`."""

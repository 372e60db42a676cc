"""The answers that a store may read; the section itself depends on the questions of all stores."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wizard.questions.ca_file import CaFile
from wizard.questions.section import Model

M = TypeVar("M", bound=Model)


class BackendAnswers(Protocol):
    """The answers about Airflow's secrets backend; the server's are empty if the store has them."""

    @property
    def kind(self) -> str:
        """Return `none`, `vault` or `azure`."""

    @property
    def server(self) -> str:
        """Return the address of a Vault that is not the store."""

    @property
    def ca(self) -> CaFile:
        """Return the file of its CA."""

    @property
    def auth_mount(self) -> str:
        """Return its auth mount."""

    @property
    def audience(self) -> str:
        """Return the audience of its role, or `none`."""

    @property
    def namespace(self) -> str:
        """Return its namespace."""

    @property
    def mount(self) -> str:
        """Return the mount of connections and variables; empty for the default."""

    @property
    def connections_path(self) -> str:
        """Return the folder of the connections; empty for the default."""

    @property
    def variables_path(self) -> str:
        """Return the folder of the variables; empty for the default."""

    @property
    def role(self) -> str:
        """Return the role; empty for the default."""

    @property
    def token_ttl(self) -> str:
        """Return how long a token of the role is valid, as a duration."""

    @property
    def vault_url(self) -> str:
        """Return the address of the Azure Key Vault."""

    @property
    def connections_prefix(self) -> str:
        """Return the first part of the names of connections there."""

    @property
    def variables_prefix(self) -> str:
        """Return the first part of the names of variables there."""


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

    @property
    def backend(self) -> BackendAnswers:
        """Return the answers about Airflow's secrets backend."""

    def answers_of(self, name: str, questions: type[M]) -> M:
        """Return the answers to the questions of the kind `name`."""

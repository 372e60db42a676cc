"""Signs that an installation has lived before: then a value that lacks was lost, not never made.

A new Fernet key would make every stored connection unreadable. So where the cluster has the
Secrets or the database is migrated, what lacks in the store is brought back, never made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.postgres.client import PostgresError
from wizard.errors import RefusedError
from wizard.systems.situation import NotCheckedError

if TYPE_CHECKING:
    from wizard.clients.postgres.client import PostgresClient
    from wizard.secrets.facts import Fact, SecretSpec

# Gets the namespace and names of Secrets; which of them exist. Raises NotAskedError.
SecretLookup = Callable[[str, Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class PriorUse:
    """`found` are signs of an earlier life, `unknown` the places that could not be looked at."""

    found: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: PriorUse) -> PriorUse:
        return PriorUse(self.found + other.found, self.unknown + other.unknown)

    def require_none(self, facts: Iterable[Fact], place: str) -> None:
        """Raise RefusedError where these facts would be made although they were made before."""
        if not self.found:
            return
        names = ", ".join(fact.key for fact in facts)
        raise RefusedError(
            f"this installation has lived before: {'; '.join(self.found)}. So nothing is "
            f"generated for it, and {place} lacks {names}",
            "put the values that are in use into the store, each under the key named here (they "
            "are in the cluster's Secrets, as RUNBOOK.md lists), then run this again",
        )


def find_database_use(client: PostgresClient, endpoint: str) -> PriorUse:
    """Whether Airflow's migrations ran in the database."""
    try:
        seen = client.look()
    except PostgresError as error:
        return PriorUse(unknown=(f"the database {endpoint}: {error.message}",))
    return PriorUse((f"the database {endpoint} is migrated",) if seen.migrated else ())


def find_cluster_use(
    cluster: SecretLookup | None, namespace: str, secrets: Sequence[SecretSpec]
) -> PriorUse:
    """Which of these Secrets exist in the cluster; without a way to ask it, unknown."""
    names = [secret.name for secret in secrets]
    try:
        if cluster is None:
            raise NotCheckedError("there is no kubeconfig to ask it with")
        found = cluster(namespace, names)
    except NotCheckedError as error:
        return PriorUse(unknown=(f"the cluster: {error}",))
    shown = ", ".join(found)
    return PriorUse((f"namespace {namespace} has the Secrets {shown}",) if found else ())

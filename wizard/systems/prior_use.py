"""Evidence that the installation ran before, so that missing values are not generated again.

A new Fernet key would make every stored connection unreadable. When the cluster has the Secrets or
the database is migrated, missing values were lost and must be restored into the store.
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

# Takes a namespace and names of Secrets, returns the existing ones. Raises NotCheckedError.
SecretLookup = Callable[[str, Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class PriorUse:
    """`found` is evidence of prior use, `unknown` the places that could not be checked.

    `doubts` are the unknown places that exist and refused the look: nothing may be generated then
    without a yes. A place that this machine does not know is no doubt.
    """

    found: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def __add__(self, other: PriorUse) -> PriorUse:
        return PriorUse(
            self.found + other.found, self.unknown + other.unknown, self.doubts + other.doubts
        )

    def require_none(self, facts: Iterable[Fact], place: str) -> None:
        """Raise RefusedError if prior use was found: `facts` must not be generated then."""
        if not self.found:
            return
        names = ", ".join(fact.key for fact in facts)
        raise RefusedError(
            f"this installation already ran ({'; '.join(self.found)}), so no new value is "
            f"generated; missing in {place}: {names}",
            "put the values in use into the store under these keys (they are in the cluster's "
            "Secrets listed in RUNBOOK.md), then run this again",
        )


def find_database_use(client: PostgresClient, endpoint: str) -> PriorUse:
    """Return whether Airflow's migrations ran in the database."""
    try:
        seen = client.look()
    except PostgresError as error:
        return PriorUse(unknown=(f"the database {endpoint}: {error.message}",))
    return PriorUse((f"the database {endpoint} is migrated",) if seen.migrated else ())


def find_cluster_use(
    cluster: SecretLookup | None, namespace: str, secrets: Sequence[SecretSpec]
) -> PriorUse:
    """Return which of these Secrets exist; unknown when the cluster cannot be queried."""
    names = [secret.name for secret in secrets]
    if cluster is None:
        return PriorUse(unknown=("the cluster: there is no kubeconfig",))
    try:
        found = cluster(namespace, names)
    except NotCheckedError as error:
        unseen = (f"the cluster: {error}",)
        return PriorUse(unknown=unseen, doubts=unseen)
    shown = ", ".join(found)
    return PriorUse((f"namespace {namespace} has the Secrets {shown}",) if found else ())

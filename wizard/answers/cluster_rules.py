"""Rules about PostgreSQL by CloudNativePG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.chart.names import Names
from wizard.deliveries.registry import delivery_kind
from wizard.errors import Problem
from wizard.questions.cases import CLUSTER_DATABASE
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers

# Limit of the operator's webhook: its Services and pods have the name in front.
_LONGEST = 50


def check_cluster_database(answers: Answers) -> Iterator[Problem]:
    """Report what PostgreSQL by CloudNativePG cannot be combined with."""
    if not CLUSTER_DATABASE.holds(answers):
        return
    key = "database.kind"
    if delivery_kind(answers.delivery.kind).local:
        yield Problem(key, "use bundled in a local cluster: CloudNativePG needs several nodes")
    elif store_kind(answers.secrets.store).made_by_others:
        yield Problem(
            key,
            "use external with this store: the wizard makes the login of the database's owner",
        )
    if answers.database.pgbouncer.mode == "external":
        yield Problem("database.pgbouncer.mode", f"use chart or off with {key}: cloudnativepg")
    installation = answers.installation
    name = Names(installation.release, installation.namespace).database_cluster
    if len(name) > _LONGEST:
        yield Problem(
            "installation.release",
            f"use a shorter name: {name} has more than {_LONGEST} characters",
        )


CLUSTER_RULES = (check_cluster_database,)

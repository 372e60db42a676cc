"""What an installation must come to, waited for: each wait has a limit and says what is missing.

A wait never ends early on a fault: operators try again by themselves, and whoever mends the fault
meanwhile sees it go on. What may not be read is unknown and stops nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.actions import Action, Look
from wizard.systems.argocd import application as application_state
from wizard.systems.cluster import external_secrets, health, pods
from wizard.systems.cluster.waits import SECRETS_SECONDS, wait

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.cluster.diagnosis import Diagnosis
    from wizard.systems.target import Target

# External Secrets looks at a store that failed every five minutes; Argo CD at Git every three.
STORE_SECONDS = 600.0
# Five retries of the sync take 12.5 minutes; images of a gigabyte and migrations come before.
APPLICATION_SECONDS = 1800.0
# Migrations of a large database, on the way to a new minor version.
MIGRATIONS_SECONDS = 900.0
# Nodes pull the image once more, and a repository with a long history is cloned.
GIT_SYNC_SECONDS = 600.0
# API server and scheduler get a minute to start, and are restarted some times on small nodes.
AIRFLOW_SECONDS = 600.0


def before_chart(target: Target) -> tuple[Action, ...]:
    """The waits for what the chart's pods read."""
    found = [store(target)] if target.answers.secrets.store == "vault" else []
    return (*found, secrets(target))


def after_chart(target: Target) -> tuple[Action, ...]:
    """The waits for what the chart brings, in the order in which it comes true."""
    found = [migrations(target)]
    if target.release.dag_source == "git-sync":
        found.append(git_sync(target))
    return (*found, airflow(target))


def store(target: Target) -> Action:
    """The SecretStore or ClusterSecretStore is valid."""

    def look(kube: Kube) -> Look:
        return external_secrets.store(kube, target, lambda: _application_trouble(target))

    return wait(target.kube, "verify.store", "Wait until the store is valid", STORE_SECONDS, look)


def secrets(target: Target) -> Action:
    """The ExternalSecrets are synced, and the Secrets have the keys that are read."""

    def look(kube: Kube) -> Look:
        return external_secrets.secrets(
            kube, target, lambda: external_secrets.store_trouble(kube, target) or
            _application_trouble(target),
        )  # fmt: skip

    title = "Wait until the Secrets are there"
    return wait(target.kube, "verify.secrets", title, SECRETS_SECONDS, look)


def application(target: Target) -> Action:
    """The Applications are synced and healthy."""

    def why() -> Diagnosis | None:
        if target.kube is None:
            return None
        store = external_secrets.store_trouble(target.kube, target)
        return store or pods.trouble(target.kube, target.release)

    def look(kube: Kube) -> Look:
        return application_state.applications(kube, target, why)

    title = "Wait until Argo CD has synced it and it is healthy"
    return wait(target.argocd, "verify.application", title, APPLICATION_SECONDS, look)


def migrations(target: Target) -> Action:
    """The migration Job is complete."""
    return wait(
        target.kube,
        "verify.migrations",
        "Wait until the database is migrated",
        MIGRATIONS_SECONDS,
        lambda kube: pods.migrations(kube, target.release),
    )


def git_sync(target: Target) -> Action:
    """Every pod that reads DAGs has made its first clone."""
    return wait(
        target.kube,
        "verify.git-sync",
        "Wait until the DAGs are cloned",
        GIT_SYNC_SECONDS,
        lambda kube: pods.git_sync(kube, target.release),
    )


def airflow(target: Target) -> Action:
    """Everything is rolled out, and the API server says that all parts of Airflow are healthy."""
    return wait(
        target.kube,
        "verify.airflow",
        "Wait until Airflow is healthy",
        AIRFLOW_SECONDS,
        lambda kube: health.airflow(kube, target.release),
    )


def _application_trouble(target: Target) -> Diagnosis | None:
    return application_state.trouble(target.argocd, target)

"""What an installation must come to, waited for: each wait has a limit and says what is missing.

A wait never ends early on a fault: operators try again by themselves, and whoever mends the fault
meanwhile sees it go on. What may not be read is unknown and stops nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.steps import Step, StepStatus
from wizard.manifests.steps import (
    AIRFLOW_WAIT,
    GIT_SYNC_WAIT,
    MIGRATIONS_WAIT,
    SECRETS_WAIT,
    STORE_WAIT,
)
from wizard.systems.cluster import external_secrets, health, pods
from wizard.systems.cluster.waits import WAIT_FOR_SECRETS, build_wait

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.cluster.external_secrets import FallbackDiagnosis
    from wizard.systems.target import Target

# External Secrets looks at a store that failed every five minutes; Argo CD at Git every three.
STORE_SECONDS = 600.0
# Migrations of a large database, on the way to a new minor version.
MIGRATIONS_SECONDS = 900.0
# Nodes pull the image once more, and a repository with a long history is cloned.
GIT_SYNC_SECONDS = 600.0
# API server and scheduler get a minute to start, and are restarted some times on small nodes.
AIRFLOW_SECONDS = 600.0


def build_store_waits(target: Target, otherwise: FallbackDiagnosis) -> tuple[Step, ...]:
    """The waits for what the chart's pods read; `otherwise` says why nothing may have arrived."""
    store = build_store_wait(target, otherwise)
    found = [store] if target.release.external_secrets else []
    return (*found, build_secrets_wait(target, otherwise))


def build_chart_waits(target: Target) -> tuple[Step, ...]:
    """The waits for what the chart brings, in the order in which it comes true."""
    found = [build_migrations_wait(target)]
    if target.release.dag_source == "git-sync":
        found.append(build_git_sync_wait(target))
    return (*found, build_airflow_wait(target))


def build_store_wait(target: Target, otherwise: FallbackDiagnosis) -> Step:
    """The SecretStore or ClusterSecretStore is valid."""

    def look(kube: Kube) -> StepStatus:
        return external_secrets.check_store(kube, target, otherwise)

    return build_wait(target.kube, STORE_WAIT, STORE_SECONDS, look)


def build_secrets_wait(target: Target, otherwise: FallbackDiagnosis) -> Step:
    """The ExternalSecrets are synced, and the Secrets have the keys that are read."""

    def look(kube: Kube) -> StepStatus:
        return external_secrets.check_secrets(
            kube, target, lambda: external_secrets.diagnose_store(kube, target) or otherwise()
        )

    return build_wait(target.kube, SECRETS_WAIT, WAIT_FOR_SECRETS, look)


def build_migrations_wait(target: Target) -> Step:
    """The migration Job is complete."""
    return build_wait(
        target.kube,
        MIGRATIONS_WAIT,
        MIGRATIONS_SECONDS,
        lambda kube: pods.check_migrations(kube, target.release),
    )


def build_git_sync_wait(target: Target) -> Step:
    """Every pod that reads DAGs has made its first clone."""
    return build_wait(
        target.kube,
        GIT_SYNC_WAIT,
        GIT_SYNC_SECONDS,
        lambda kube: pods.check_git_sync(kube, target.release),
    )


def build_airflow_wait(target: Target) -> Step:
    """Everything is rolled out, and the API server says that all parts of Airflow are healthy."""
    return build_wait(
        target.kube,
        AIRFLOW_WAIT,
        AIRFLOW_SECONDS,
        lambda kube: health.check_airflow(kube, target.release),
    )

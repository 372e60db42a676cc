"""Wait until the installation works: each wait has a time limit and reports missing objects.

A fault does not end a wait early where operators retry automatically: the run continues once
somebody fixes it. What nothing retries (`StepStatus.is_stuck`) does. State that cannot be read is
unknown and does not stop the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.manifests.steps import (
    AIRFLOW_WAIT,
    DATABASE_WAIT,
    GIT_SYNC_WAIT,
    MIGRATIONS_WAIT,
    SECRETS_WAIT,
    STORE_WAIT,
    admin_wait,
)
from wizard.systems.cluster import cloudnativepg, external_secrets, health, jobs, pods
from wizard.systems.cluster.waits import WAIT_FOR_SECRETS, build_wait

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.contribution import StepSpec
    from wizard.systems.cluster.external_secrets import FallbackDiagnosis
    from wizard.systems.cluster.jobs import JobEvidence
    from wizard.systems.target import Target

# External Secrets checks a failed store every five minutes, Argo CD checks Git every three.
STORE_SECONDS = 600.0
# Instances are made one after the other: image, volume, and a copy of the primary.
DATABASE_SECONDS = 900.0
# A large database takes long to migrate to a new minor version.
MIGRATIONS_SECONDS = 900.0
# The Job waits up to five minutes for the migrations, and is tried again with growing delays.
ADMIN_SECONDS = 600.0
# Nodes may pull the image again, and a repository with a long history takes long to clone.
GIT_SYNC_SECONDS = 600.0
# API server and scheduler take a minute to start, and restart a few times on small nodes.
AIRFLOW_SECONDS = 600.0


def build_store_waits(target: Target, otherwise: FallbackDiagnosis) -> tuple[Step, ...]:
    """Return the waits for store and Secrets; `otherwise` explains missing objects."""
    store = build_store_wait(target, otherwise)
    found = [store] if target.release.external_secrets else []
    found.append(build_secrets_wait(target, otherwise))
    if target.release.database_cluster:
        found.append(build_database_wait(target))
    return tuple(found)


def build_chart_waits(target: Target, evidence: JobEvidence) -> tuple[Step, ...]:
    """Return the waits for the chart's Jobs and workloads, in order.

    `evidence` says what shows that the Jobs of the last delivery succeeded.
    """
    found = [build_migrations_wait(target)]
    if target.release.admin:
        found.append(build_admin_wait(target, evidence))
    if target.release.dag_source == "git-sync":
        found.append(build_git_sync_wait(target))
    return (*found, build_airflow_wait(target))


def build_store_wait(target: Target, otherwise: FallbackDiagnosis) -> Step:
    """Return the step that waits until the SecretStore or ClusterSecretStore is valid."""

    def look(kube: Kube) -> StepStatus:
        return external_secrets.check_store(kube, target, otherwise)

    return build_wait(target.kube, STORE_WAIT, STORE_SECONDS, look)


def build_secrets_wait(target: Target, otherwise: FallbackDiagnosis) -> Step:
    """Return the step that waits for synced ExternalSecrets and Secrets with all their keys."""

    def look(kube: Kube) -> StepStatus:
        return external_secrets.check_secrets(
            kube, target, lambda: external_secrets.diagnose_store(kube, target) or otherwise()
        )

    return build_wait(target.kube, SECRETS_WAIT, WAIT_FOR_SECRETS, look)


def build_database_wait(target: Target) -> Step:
    """Return the step that waits until the Cluster of CloudNativePG is ready."""
    return build_wait(
        target.kube,
        DATABASE_WAIT,
        DATABASE_SECONDS,
        lambda kube: cloudnativepg.check_cluster(kube, target.release),
    )


def build_migrations_wait(target: Target) -> Step:
    """Return the step that waits until the migration Job is complete."""
    return build_wait(
        target.kube,
        MIGRATIONS_WAIT,
        MIGRATIONS_SECONDS,
        lambda kube: jobs.check_migrations(kube, target.release),
    )


def build_admin_wait(target: Target, evidence: JobEvidence) -> Step:
    """Return the step that waits until the Job that creates the admin is complete."""
    return build_wait(
        target.kube,
        admin_wait(target.release),
        ADMIN_SECONDS,
        lambda kube: jobs.check_admin(kube, target.release, evidence),
    )


def build_git_sync_wait(target: Target) -> Step:
    """Return the step that waits until every pod that reads DAGs has finished its first clone."""
    return build_wait(
        target.kube,
        GIT_SYNC_WAIT,
        GIT_SYNC_SECONDS,
        lambda kube: pods.check_git_sync(kube, target.release),
    )


def build_install_look(target: Target, spec: StepSpec) -> Step:
    """Return the step that a person does by hand; it holds when Airflow is healthy."""
    step = build_airflow_wait(target)
    return declared_step(spec, step.endpoint, step.check)


def build_airflow_wait(target: Target) -> Step:
    """Return the step that waits until everything is rolled out and Airflow reports healthy."""
    return build_wait(
        target.kube,
        AIRFLOW_WAIT,
        AIRFLOW_SECONDS,
        lambda kube: health.check_airflow(kube, target.release),
    )

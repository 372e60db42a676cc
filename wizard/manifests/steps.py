"""Steps that several deliveries use: id, title and owner.

The plan lists these steps, and the modules of `wizard.systems` that build them refer to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import ONCE, StepSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release

BRANCH = StepSpec("git.branch", "Wait until the branch holds the planned files", "me", ("",))
CLUSTER_IDENTITY = StepSpec(
    "cluster.identity", "Compare the cluster with the recorded cluster", "me", ONCE
)
STORE_WAIT = StepSpec(
    "verify.store", "Wait until the store is valid", "me", ("secrets/store", "vault/")
)
SECRETS_WAIT = StepSpec("verify.secrets", "Wait until the Secrets exist", "me", ("secrets/",))
DATABASE_WAIT = StepSpec(
    "verify.database", "Wait until PostgreSQL runs", "me", ("secrets/database-cluster",)
)
MIGRATIONS_WAIT = StepSpec(
    "verify.migrations",
    "Wait until the database is migrated",
    "me",
    (
        "values#airflowVersion",
        "values#images.airflow",
        "values#defaultAirflowRepository",
        "consequence#migration",
        "consequence#downgrade",
        "consequence#another-database",
    ),
)
GIT_SYNC_WAIT = StepSpec(
    "verify.git-sync", "Wait until the DAGs are cloned", "me", ("values#dags.",)
)
AIRFLOW_WAIT = StepSpec("verify.airflow", "Wait until Airflow is healthy", "me", ("values",))


def admin_wait(release: Release) -> StepSpec:
    """Return the wait for the Job that creates the admin from its Secret."""
    return StepSpec(
        "verify.admin",
        "Wait until the admin user is created",
        "me",
        (
            "values#createUserJob.",
            "values#airflowVersion",
            "values#images.airflow",
            f"secrets/{release.secret('default-user')}",
            "fact#adminPassword",
            "consequence#another-database",
        ),
    )


def store_waits(release: Release) -> tuple[StepSpec, ...]:
    """Return the waits for the store, the Secrets that the chart's pods read, and a database."""
    store = (STORE_WAIT,) if release.external_secrets else ()
    database = (DATABASE_WAIT,) if release.database_cluster else ()
    return (*store, SECRETS_WAIT, *database)


def chart_waits(release: Release) -> tuple[StepSpec, ...]:
    """Return the waits for the chart's Jobs and workloads, in the order in which they finish."""
    admin = (admin_wait(release),) if release.admin else ()
    clone = (GIT_SYNC_WAIT,) if release.dag_source == "git-sync" else ()
    return (MIGRATIONS_WAIT, *admin, *clone, AIRFLOW_WAIT)

"""Steps that several deliveries use: id, title and owner.

The plan lists these steps, and the modules of `wizard.systems` that build them refer to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import ONCE, StepGroup, StepSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release

APPLY = "airflow-wizard apply"
SECRETS = "airflow-wizard secrets"
PUSH_COMMAND = "git push"
PUSH = StepGroup("git.push", "Push the commit, or have it merged", "me", "branch", PUSH_COMMAND)
_SECRETS = StepGroup("secrets.exist", "Wait until the Secrets exist", "me", "run", APPLY)
_AIRFLOW = StepGroup("airflow.healthy", "Wait until Airflow is healthy", "me", "run", APPLY)

BRANCH = StepSpec(
    "git.branch", "Wait until the branch holds the planned files", "me", ("",), group=PUSH
)
CLUSTER_IDENTITY = StepSpec(
    "cluster.identity", "Compare the cluster with the recorded cluster", "me", ONCE
)
STORE_WAIT = StepSpec(
    "verify.store",
    "Wait until the store is valid",
    "me",
    ("secrets/store", "vault/"),
    group=_SECRETS,
)
SECRETS_WAIT = StepSpec(
    "verify.secrets", "Wait until the Secrets exist", "me", ("secrets/",), group=_SECRETS
)
DATABASE_WAIT = StepSpec(
    "verify.database",
    "Wait until PostgreSQL runs",
    "me",
    ("secrets/database-cluster",),
    group=_SECRETS,
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
    group=_AIRFLOW,
)
GIT_SYNC_WAIT = StepSpec(
    "verify.git-sync", "Wait until the DAGs are cloned", "me", ("values#dags.",), group=_AIRFLOW
)
AIRFLOW_WAIT = StepSpec(
    "verify.airflow", "Wait until Airflow is healthy", "me", ("values",), group=_AIRFLOW
)


def key_step(name: str, place: str, whose: str = "the deploy key", proof: str = "") -> StepSpec:
    """Return the step that registers a key, read-only, at a repository: `place` is HOST/PATH.

    `proof` is the step that cannot hold without it.
    """
    title = f"Register {whose}, read-only, at {place}"
    group = StepGroup(name, title, "platform", "keys", SECRETS)
    return StepSpec(name, title, "platform", ONCE, group, proof)


def provider_step(name: str, title: str) -> StepSpec:
    """Return a step at an identity provider, which its owner does there."""
    group = StepGroup(name, title, "platform", "prepare")
    return StepSpec(name, title, "platform", ONCE, group)


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
        group=_AIRFLOW,
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

"""Steps that more than one delivery declares: each id, owner and title once.

The plan lists them, and the systems that carry them out look them up here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import StepSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release

BRANCH = StepSpec("git.branch", "Wait until the branch holds the planned files", "me")
CLUSTER_IDENTITY = StepSpec("cluster.identity", "Compare the cluster with the recorded one", "me")
STORE_WAIT = StepSpec("verify.store", "Wait until the store is valid", "me")
SECRETS_WAIT = StepSpec("verify.secrets", "Wait until the Secrets are there", "me")
MIGRATIONS_WAIT = StepSpec("verify.migrations", "Wait until the database is migrated", "me")
GIT_SYNC_WAIT = StepSpec("verify.git-sync", "Wait until the DAGs are cloned", "me")
AIRFLOW_WAIT = StepSpec("verify.airflow", "Wait until Airflow is healthy", "me")


def store_waits(release: Release) -> tuple[StepSpec, ...]:
    """Return the waits for what the chart's pods read."""
    return (STORE_WAIT, SECRETS_WAIT) if release.external_secrets else (SECRETS_WAIT,)


def chart_waits(release: Release) -> tuple[StepSpec, ...]:
    """Return the waits for what the chart brings, in the order in which it comes true."""
    clone = (GIT_SYNC_WAIT,) if release.dag_source == "git-sync" else ()
    return (MIGRATIONS_WAIT, *clone, AIRFLOW_WAIT)

"""When questions apply, each condition named once so that `explain` can say it in words."""

from __future__ import annotations

from wizard.answers.section import Condition

CELERY = Condition("a Celery executor", lambda a: "Celery" in a.executor.kind)
KUBERNETES = Condition(
    "an executor that starts task pods", lambda a: "Kubernetes" in a.executor.kind
)
LOCAL = Condition("LocalExecutor", lambda a: a.executor.kind.startswith("Local"))
AUTOSCALED_WORKERS = CELERY & Condition(
    "worker autoscaling", lambda a: a.executor.workers.autoscaling != "none"
)
FIXED_WORKERS = CELERY & Condition(
    "a fixed number of workers", lambda a: a.executor.workers.autoscaling == "none"
)
PERSISTENT_LOGS = Condition("persistent logs", lambda a: a.components.logs.persistence)

EXTERNAL_DATABASE = Condition("an external database", lambda a: a.database.kind == "external")
VERIFIED_TLS = EXTERNAL_DATABASE & Condition(
    "a TLS mode that verifies", lambda a: a.database.sslmode.startswith("verify")
)
PGBOUNCER = EXTERNAL_DATABASE & Condition(
    "the chart's PgBouncer", lambda a: a.database.pgbouncer.mode == "chart"
)
EXTERNAL_PGBOUNCER = EXTERNAL_DATABASE & Condition(
    "an external PgBouncer", lambda a: a.database.pgbouncer.mode == "external"
)
RESULT_BACKEND = EXTERNAL_DATABASE & CELERY
SEPARATE_RESULT_BACKEND = RESULT_BACKEND & Condition(
    "a result backend of its own", lambda a: a.database.result_backend.kind == "separate"
)
RESULT_POOL = PGBOUNCER & CELERY

CHART_REDIS = Condition("the chart's Redis", lambda a: a.broker.kind == "chart-redis")
EXTERNAL_BROKER = Condition("an external broker", lambda a: a.broker.kind == "external")

DAGS_FROM_GIT = Condition("DAGs from Git", lambda a: a.dags.source != "image")
GIT_SYNC = Condition("git-sync", lambda a: a.dags.source == "git-sync")
DAGS_OVER_SSH = DAGS_FROM_GIT & Condition("a repository over SSH", lambda a: a.dags.is_over_ssh)
DAGS_OVER_HTTPS = DAGS_FROM_GIT & Condition(
    "a repository over HTTPS", lambda a: not a.dags.is_over_ssh
)
PRIVATE_DAGS_OVER_HTTPS = DAGS_OVER_HTTPS & Condition(
    "a private repository", lambda a: a.dags.credentials.needed
)

VAULT = Condition("Vault", lambda a: a.secrets.store == "vault")
CLUSTER_STORE = VAULT & Condition("a cluster-wide store", lambda a: a.secrets.scope == "cluster")

ADMIN = Condition("an admin user", lambda a: a.admin.create)
ARGOCD = Condition("Argo CD", lambda a: a.delivery.kind == "argocd")
STORE_CREDENTIAL = (
    ARGOCD
    & VAULT
    & Condition("a credential from Vault", lambda a: a.delivery.argocd.credential == "store")
)
REPOSITORY_KEY = STORE_CREDENTIAL & Condition(
    "a config repository over SSH", lambda a: a.delivery.argocd.is_over_ssh
)
REPOSITORY_TOKEN = STORE_CREDENTIAL & Condition(
    "a config repository over HTTPS", lambda a: not a.delivery.argocd.is_over_ssh
)
HELM = Condition("Helm", lambda a: a.delivery.kind == "helm")
KIND = Condition("a local kind cluster", lambda a: a.delivery.kind == "kind")
CUSTOM_IMAGE = Condition("an image of your own", lambda a: a.installation.image.repository != "")

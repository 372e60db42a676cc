"""The conditions under which questions apply; `explain` prints their text."""

from __future__ import annotations

from typing import Any

from wizard.formats.addresses import is_ssh_url
from wizard.formats.nested import get_value
from wizard.questions.conditions import when, when_matching, when_not

AIRFLOW_2 = when_matching(
    "Airflow 2", "installation.airflow", lambda version: version.startswith("2.")
)
AIRFLOW_3 = when_matching(
    "Airflow 3", "installation.airflow", lambda version: not version.startswith("2.")
)

CELERY = when_matching("a Celery executor", "executor.kind", lambda kind: "Celery" in kind)
KUBERNETES = when_matching(
    "an executor that starts task pods", "executor.kind", lambda kind: "Kubernetes" in kind
)
CHART_TASK_POD = when("the chart's pod template", "executor.task_pods.template", "")
TASK_NAMESPACES = KUBERNETES & when_matching(
    "task pods in other namespaces", "executor.multi_namespace", bool
)
WORKERS = when_matching(
    "workers or task pods", "executor.kind", lambda kind: kind != "LocalExecutor"
)
LOCAL = when_matching("LocalExecutor", "executor.kind", lambda kind: kind.startswith("Local"))
AUTOSCALED_WORKERS = CELERY & when_not("worker autoscaling", "executor.workers.autoscaling", "none")
KEDA = CELERY & when("KEDA", "executor.workers.autoscaling", "keda")
HPA = CELERY & when("a HorizontalPodAutoscaler", "executor.workers.autoscaling", "hpa")
FIXED_WORKERS = CELERY & when("a fixed number of workers", "executor.workers.autoscaling", "none")

LOG_VOLUME = when("logs on a volume", "logs.kind", "volume")
OWN_LOG_VOLUME = LOG_VOLUME & when("a new volume", "logs.existing_claim", "")
BLOB_LOGS = OWN_LOG_VOLUME & when("a blob container", "logs.backing", "azure-blob")
REMOTE_LOGS = when("remote logs", "logs.kind", "remote")
LOG_BUCKET = REMOTE_LOGS & when("a bucket or container", "logs.destination", "s3", "gcs", "azure")
LOG_CONNECTION = LOG_BUCKET & when("a connection", "logs.auth", "connection")
LOG_SEARCH = REMOTE_LOGS & when(
    "Elasticsearch or OpenSearch", "logs.destination", "elasticsearch", "opensearch"
)
ELASTICSEARCH_LOGS = REMOTE_LOGS & when("Elasticsearch", "logs.destination", "elasticsearch")
OPENSEARCH_LOGS = REMOTE_LOGS & when("OpenSearch", "logs.destination", "opensearch")
# A private CA is for servers of one's own: that of a cloud's bucket is public.
LOG_CA = REMOTE_LOGS & when_matching(
    "Elasticsearch, OpenSearch, or an S3 endpoint",
    "logs",
    lambda logs: (
        get_value(logs, ("destination",)) in {"elasticsearch", "opensearch"}
        or (get_value(logs, ("destination",)) == "s3" and bool(get_value(logs, ("endpoint",))))
    ),
)
LOG_GROOMER = when("the log groomer", "logs.groomer.enabled", True)

EXTERNAL_DATABASE = when("an external database", "database.kind", "external")
VERIFIED_TLS = EXTERNAL_DATABASE & when_matching(
    "a TLS mode that verifies", "database.sslmode", lambda mode: mode.startswith("verify")
)
CLUSTER_DATABASE = when("PostgreSQL by CloudNativePG", "database.kind", "cloudnativepg")
CLUSTER_BACKUP = CLUSTER_DATABASE & when_not("backups", "database.cluster.backup.url", "")
S3_BACKUP = CLUSTER_DATABASE & when_matching(
    "backups to S3", "database.cluster.backup.url", lambda url: url.startswith("s3://")
)
_WITH_KEYS = when("a login with keys", "database.cluster.backup.auth", "keys")
BACKUP_KEYS = CLUSTER_BACKUP & _WITH_KEYS
BACKUP_ACCESS_KEY = S3_BACKUP & _WITH_KEYS
SERVED_DATABASE = when("a database with a pooler", "database.kind", "external", "cloudnativepg")
PGBOUNCER = SERVED_DATABASE & when("the chart's PgBouncer", "database.pgbouncer.mode", "chart")
EXTERNAL_PGBOUNCER = EXTERNAL_DATABASE & when(
    "an external PgBouncer", "database.pgbouncer.mode", "external"
)
ASYNC_URL = (
    EXTERNAL_DATABASE
    & when_matching(
        "Airflow 3.1 or newer",
        "installation.airflow",
        lambda version: not version.startswith(("2.", "3.0.")),
    )
    & when_not("no PgBouncer of the chart", "database.pgbouncer.mode", "chart")
)
RESULT_BACKEND = EXTERNAL_DATABASE & CELERY
SEPARATE_RESULT_BACKEND = RESULT_BACKEND & when(
    "a separate result backend", "database.result_backend.kind", "separate"
)
RESULT_POOL = PGBOUNCER & CELERY

NETWORK_POLICIES = when("network policies", "environment.network_policies", True)
PROXIED = when_matching(
    "a proxy",
    "environment.proxy",
    lambda proxy: any(get_value(proxy, (one,)) for one in ("http", "https")),
)
CPU_QUOTA = when_not("a CPU quota", "environment.quota.cpu", "")
MEMORY_QUOTA = when_not("a memory quota", "environment.quota.memory", "")
DISRUPTION_BUDGETS = when("disruption budgets", "environment.disruption_budgets", True)

CHART_REDIS = when("the chart's Redis", "broker.kind", "chart-redis")
EXTERNAL_BROKER = when("an external broker", "broker.kind", "external")

DAGS_FROM_GIT = when("DAGs from Git", "dags.source", "git-sync", "bundle")
DAGS_ON_VOLUME = when("DAGs on a volume", "dags.source", "volume")
DAGS_ON_NEW_VOLUME = DAGS_ON_VOLUME & when(
    "a volume of the chart", "dags.volume.existing_claim", ""
)
GIT_SYNC = when("git-sync", "dags.source", "git-sync")
DAG_BUNDLES = when("GitDagBundle", "dags.source", "bundle")
DAGS_OVER_SSH = DAGS_FROM_GIT & when_matching("a repository over SSH", "dags.repo", is_ssh_url)
DAGS_OVER_HTTPS = DAGS_FROM_GIT & when_matching(
    "a repository over HTTPS", "dags.repo", lambda url: not is_ssh_url(url)
)


def _has_https_repository(dags: Any) -> bool:
    if not is_ssh_url(get_value(dags, ("repo",), "")):
        return True
    bundles = get_value(dags, ("bundles",), [])
    is_bundle = get_value(dags, ("source",)) == "bundle"
    return is_bundle and any(get_value(one, ("ca",)) for one in bundles)


# The CA of dags.ca.file may be that of a bundle's host alone.
DAG_CA = DAGS_FROM_GIT & when_matching("a repository over HTTPS", "dags", _has_https_repository)
PRIVATE_DAGS_OVER_HTTPS = DAGS_OVER_HTTPS & when(
    "a private repository", "dags.credentials.needed", True
)

INGRESS = when("access by Ingress", "access.kind", "ingress")
HTTP_ROUTE = when("access by HTTPRoute", "access.kind", "httproute")
LOAD_BALANCER = when("access by load balancer", "access.kind", "loadbalancer")
ANNOTATED_ACCESS = when(
    "access by Ingress or load balancer", "access.kind", "ingress", "loadbalancer"
)

PASSWORD_LOGIN = when("a login with passwords", "access.login", "password")
SINGLE_SIGN_ON = when("single sign-on", "access.login", "oauth", "proxy")
PROXY_LOGIN = when("oauth2-proxy", "access.login", "proxy")
ENTRA = SINGLE_SIGN_ON & when("Entra ID", "access.oauth.provider", "entra")
ISSUER = SINGLE_SIGN_ON & when("Okta or OpenID Connect", "access.oauth.provider", "okta", "oidc")
GROUPS_CLAIM = SINGLE_SIGN_ON & when_not(
    "a provider that sends groups", "access.oauth.provider", "google"
)

DATABASE_CLEANUP = when("database cleanup", "environment.cleanup.database", True)
POD_CLEANUP = KUBERNETES & when("pod cleanup", "environment.cleanup.pods", True)

PROMETHEUS = when("metrics for Prometheus", "metrics.kind", "prometheus")
SCRAPED_THROUGH_POLICIES = NETWORK_POLICIES & PROMETHEUS
SERVICE_MONITOR = PROMETHEUS & when("a ServiceMonitor", "metrics.service_monitor", True)
METRICS_TARGET = when("a server for metrics", "metrics.kind", "statsd", "otel")
# Airflow 2 has no option for it (config.yml of Airflow 3.1.8).
STATSD_IPV6 = when("metrics by StatsD", "metrics.kind", "statsd", "datadog") & AIRFLOW_3

ADMIN = PASSWORD_LOGIN & when("an admin user", "admin.create", True)
CUSTOM_IMAGE = when_not("an image of your own", "installation.image.repository", "")
VAULT_FILES = when_matching(
    "Vault",
    "secrets",
    lambda secrets: (
        "vault" in (get_value(secrets, ("store",)), get_value(secrets, ("backend", "kind")))
    ),
)
BUNDLED_DATABASE = when("the bundled database", "database.kind", "bundled")
POOLED_DATABASE = EXTERNAL_DATABASE & when_not("a PgBouncer", "database.pgbouncer.mode", "off")

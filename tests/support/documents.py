"""The whole installation of each document, from a preset and its few answers.

`POINTS` are Helm values that the document names, by dotted key: what the wizard must come to.
Values that are corrected here (DESIGN's decisions) are the corrected ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VAULT = "https://vault.example.internal:8200"


@dataclass(frozen=True)
class Installation:
    """A preset, what a person answers, and what the document says that comes of it."""

    preset: str
    answers: Mapping[str, object]
    points: Mapping[str, Any]


INSTALLATIONS: Mapping[str, Installation] = {
    "000": Installation(
        "gitops-vault",
        {
            "installation.chart": "1.21.0",
            "installation.airflow": "3.2.0",
            "database.host": "postgres.example.internal",
            "dags.repo": "ssh://git@github.com/platform/airflow-dags.git",
            "secrets.vault.server": _VAULT,
            "secrets.vault.ca.file": "vault-ca.pem",
            "delivery.argocd.repo_url": "ssh://git@git.example.com/platform/k8s-infra.git",
        },
        {
            "executor": "CeleryExecutor",
            "data.metadataSecretName": "airflow-metadata",
            "data.brokerUrlSecretName": "airflow-broker-url",
            "fernetKeySecretName": "airflow-fernet-key",
            "apiSecretKeySecretName": "airflow-api-secret-key",
            "jwtSecretName": "airflow-jwt-secret",
            "redis.passwordSecretName": "airflow-redis-password",
            "dags.gitSync.enabled": True,
            "dags.gitSync.repo": "ssh://git@github.com/platform/airflow-dags.git",
            "dags.gitSync.branch": "main",
            "dags.gitSync.subPath": "",
            "triggerer.persistence.size": "5Gi",
            "workers.celery.persistence.size": "10Gi",
            "createUserJob.useHelmHooks": False,
            "createUserJob.applyCustomEnv": False,
            "migrateDatabaseJob.useHelmHooks": False,
            "postgresql.enabled": False,
        },
    ),
    "001": Installation(
        "kubernetes-executor",
        {
            "database.host": "pg-airflow-prod.postgres.database.azure.com",
            "dags.repo": "git@github.com:kloudvin/airflow-dags.git",
            "dags.subpath": "dags",
            "secrets.vault.server": _VAULT,
            "logs.url": "s3://kloudvin-airflow-logs/prod",
            "delivery.argocd.repo_url": "ssh://git@git.example.com/platform/k8s-infra.git",
            "delivery.argocd.project": "data-platform",
            "installation.image.repository": "acrkvairflow.azurecr.io/airflow",
            "installation.image.tag": "3.2.2-r3",
            "installation.image.base": "3.11",
            "installation.image.apt": ["build-essential", "libpq-dev"],
            "installation.image.ci": "github",
        },
        {
            "executor": "KubernetesExecutor",
            "images.airflow.repository": "acrkvairflow.azurecr.io/airflow",
            "images.airflow.tag": "3.2.2-r3",
            "images.airflow.pullPolicy": "IfNotPresent",
            "postgresql.enabled": False,
            # Airflow deletes pods on success and keeps them on failure by itself.
            "config.kubernetes_executor.worker_pods_creation_batch_size": 16,
            "config.secrets.backend": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            "dags.gitSync.branch": "main",
            "dags.gitSync.rev": "HEAD",
            "dags.gitSync.depth": 1,
            "dags.gitSync.subPath": "dags",
            "dags.gitSync.period": "30s",
            "scheduler.replicas": 2,
            "triggerer.replicas": 1,
            "apiServer.replicas": 2,
            "workers.kubernetes.resources.requests.cpu": "500m",
            "workers.kubernetes.resources.requests.memory": "1Gi",
            "workers.kubernetes.resources.limits.cpu": "2",
            "workers.kubernetes.resources.limits.memory": "4Gi",
            "redis.enabled": False,
        },
    ),
    "002": Installation(
        "production",
        {
            "database.host": "pg.example.internal",
            "dags.repo": "ssh://git@github.com/acme/airflow-dags.git",
            "secrets.vault.server": _VAULT,
            "delivery.argocd.repo_url": "ssh://git@git.example.com/platform/k8s-infra.git",
            "environment.cleanup": {"database": True, "retention_days": 90},
            "access.kind": "loadbalancer",
            "access.base_url": "https://airflow.example.com",
            "access.annotations": {
                "service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:1:2:3"
            },
            "access.sources": ["10.0.0.0/8"],
            "metrics.kind": "datadog",
            "installation.image.repository": "registry.example.com/airflow",
            "installation.image.tag": "3.2.2-r1",
        },
        {
            "postgresql.enabled": False,
            "data.metadataSecretName": "airflow-metadata",
            "databaseCleanup.enabled": True,
            "databaseCleanup.retentionDays": 90,
            "pgbouncer.enabled": True,
            "pgbouncer.configSecretName": "airflow-pgbouncer-config",
            "pgbouncer.metricsExporterSidecar.statsSecretName": "airflow-pgbouncer-stats",
            "apiSecretKeySecretName": "airflow-api-secret-key",
            "statsd.enabled": False,
            "config.metrics.statsd_on": "True",
            "config.metrics.statsd_port": 8125,
        },
    ),
    "004": Installation(
        "local",
        {},
        {
            "executor": "CeleryExecutor",
            "dags.gitSync.repo": "https://github.com/apache/airflow.git",
            "dags.gitSync.subPath": "airflow-core/src/airflow/example_dags",
            "dags.gitSync.period": "30s",
            "dags.gitSync.depth": 1,
            "postgresql.enabled": True,
            "migrateDatabaseJob.useHelmHooks": False,
        },
    ),
}

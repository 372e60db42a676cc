"""The whole installation of each document, from a preset and its few answers.

What the wizard must come to is named as the document has it: Helm values by dotted key, and the
other files by path and dotted key (a number is a place in a list), or by a part of their text.
Values that are corrected here (DESIGN's decisions) are the corrected ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_VAULT = "https://vault.example.internal:8200"
_TENANT, _CLIENT = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-2222-3333-4444-555555555555"
# The last part follows from the storage account and the container.
_CLAIM = "airflow-logs-5e5c0a02"


@dataclass(frozen=True)
class Installation:
    """A preset, what a person answers, and what the document says that comes of it.

    `objects` are points of files, by path; `texts` parts of files that are no data.
    """

    preset: str
    answers: Mapping[str, object]
    points: Mapping[str, Any]
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _application(name: str, *, wave: str) -> dict[str, Any]:
    """What both Applications of document 000 have."""
    return {
        "metadata.name": name,
        "metadata.namespace": "argocd",
        "metadata.annotations": {"argocd.argoproj.io/sync-wave": wave},
        "spec.destination": {
            "server": "https://kubernetes.default.svc", "namespace": "airflow",
        },
        "spec.syncPolicy.automated.prune": True,
        "spec.syncPolicy.automated.selfHeal": True,
    }  # fmt: skip


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
            "dags.gitSync.sshKeySecret": "airflow-ssh-secret",
            "config.core.load_examples": "False",
        },
        {
            "argocd/airflow/secrets-application.yaml": {
                **_application("airflow-secrets", wave="5"),
                "spec.source.path": "apps/airflow",
                "spec.source.targetRevision": "main",
            },
            "argocd/airflow/application.yaml": {
                **_application("airflow", wave="10"),
                "spec.sources.0.chart": "airflow",
                "spec.sources.0.targetRevision": "1.21.0",
                "spec.sources.0.helm.releaseName": "airflow",
                "spec.sources.0.helm.valueFiles": ["$values/apps/airflow/airflow-values.yaml"],
                "spec.sources.1.ref": "values",
                "spec.syncPolicy.retry.limit": 5,
                "spec.syncPolicy.retry.backoff": {
                    "duration": "30s",
                    "factor": 2,
                    "maxDuration": "5m",
                },
            },
            "apps/airflow/secrets/store.yaml": {
                "kind": "ClusterSecretStore",
                "metadata.name": "vault-airflow",
                "spec.provider.vault.server": _VAULT,
                "spec.provider.vault.path": "secret",
                "spec.provider.vault.version": "v2",
                "spec.provider.vault.auth.kubernetes.mountPath": "kubernetes",
                "spec.provider.vault.auth.kubernetes.role": "external-secrets-airflow",
                "spec.provider.vault.auth.kubernetes.serviceAccountRef.name": "external-secrets",
                "spec.provider.vault.auth.kubernetes.serviceAccountRef.namespace": (
                    "external-secrets"
                ),
            },
            "apps/airflow/secrets/airflow-fernet-key.yaml": {
                "spec.secretStoreRef": {"name": "vault-airflow", "kind": "ClusterSecretStore"},
                "spec.target.name": "airflow-fernet-key",
                "spec.target.creationPolicy": "Owner",
                "spec.target.template.engineVersion": "v2",
                "spec.target.template.data.fernet-key": "{{ (fromYaml .config).fernetKey }}",
                "spec.data.0.secretKey": "config",
                "spec.data.0.remoteRef.key": "airflow/config",
                "spec.data.0.remoteRef.property": "config",
            },
            **{
                f"apps/airflow/secrets/airflow-{name}.yaml": {"kind": "ExternalSecret"}
                for name in (
                    "api-secret-key",
                    "jwt-secret",
                    "metadata",
                    "broker-url",
                    "redis-password",
                    "default-user",
                    "ssh-secret",
                )
            },
            "vault/airflow/external-secrets-airflow.json": {
                "bound_service_account_names": ["external-secrets"],
                "bound_service_account_namespaces": ["external-secrets"],
                "token_max_ttl": "1h",
            },
        },
        {
            "vault/airflow/external-secrets-airflow-read.hcl": (
                'path "secret/data/airflow/config"',
                'capabilities = ["read"]',
            ),
            "docs/airflow/RUNBOOK.md": (
                "get clustersecretstore vault-airflow",
                "-n airflow get externalsecret",
                "logs job/airflow-create-user",
            ),
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
        {
            "argocd/airflow/application.yaml": {
                "spec.project": "data-platform",
                "spec.syncPolicy.automated.prune": True,
                "spec.syncPolicy.automated.selfHeal": True,
            },
            "vault/airflow/external-secrets-airflow-runtime.json": {
                "bound_service_account_namespaces": ["airflow"],
                # The document names three; the DAG processor and the API server read them too.
                "bound_service_account_names": [
                    "airflow-api-server",
                    "airflow-scheduler",
                    "airflow-dag-processor",
                    "airflow-triggerer",
                    "airflow-worker",
                ],
            },
        },
        {
            "image/airflow/Dockerfile": (
                "FROM apache/airflow:3.2.2-python3.11",
                "USER root\n",
                "    build-essential \\\n    libpq-dev \\\n",
                "USER airflow\n",
            ),
            "image/airflow/requirements.txt": ("apache-airflow-providers-hashicorp",),
            "image/airflow/ci/github.yml": ("build.sh build", "build.sh gate"),
            "image/airflow/build.sh": ("aquasec/trivy:", "--exit-code 1"),
            "docs/airflow/RUNBOOK.md": (
                "airflow config get-value core executor",
                "airflow db check\n",
                "airflow db check-migrations",
                "get pods --selector kubernetes_executor=True --watch",
                "connections get my_database",
                "pg_dump",
            ),
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
            "config.metrics.statsd_datadog_enabled": None,
        },
    ),
    "003": Installation(
        "aks",
        {
            "database.host": "pg-airflow.postgres.database.azure.com",
            "dags.repo": "https://github.com/donhighmsft/airflowexamples.git",
            "dags.subpath": "dags",
            "secrets.azure.vault_url": "https://kv-airflow.vault.azure.net",
            "secrets.azure.tenant_id": _TENANT,
            "secrets.azure.client_id": _CLIENT,
            "logs.blob": {
                "account": "airflowlogs",
                "container": "airflow-logs",
                "resource_group": "rg-aks",
            },
            "installation.image": {"repository": "acrairflow.azurecr.io/airflow", "tag": "3.2.2"},
            "environment.timezone": "America/New_York",
            "environment.variables": {"ENVIRONMENT": "dev"},
            "delivery.argocd.repo_url": "ssh://git@git.example.com/platform/k8s-infra.git",
        },
        {
            "images.airflow.repository": "acrairflow.azurecr.io/airflow",
            "images.airflow.tag": "3.2.2",
            "images.airflow.pullPolicy": "IfNotPresent",
            "executor": "KubernetesExecutor",
            # Not the document's bundled PostgreSQL, so PgBouncer's Secrets are our own.
            "postgresql.enabled": False,
            "pgbouncer.enabled": True,
            "dags.gitSync.enabled": True,
            "dags.gitSync.repo": "https://github.com/donhighmsft/airflowexamples.git",
            "dags.gitSync.branch": "main",
            "dags.gitSync.rev": "HEAD",
            "dags.gitSync.depth": 1,
            "dags.gitSync.subPath": "dags",
            "logs.persistence.enabled": True,
            "logs.persistence.existingClaim": _CLAIM,
            "triggerer.logGroomerSidecar.enabled": False,
            "scheduler.logGroomerSidecar.enabled": False,
        },
        {
            "apps/airflow/secrets/service-account.yaml": {
                "kind": "ServiceAccount",
                "metadata.namespace": "airflow",
                "metadata.annotations": {
                    "azure.workload.identity/client-id": _CLIENT,
                    "azure.workload.identity/tenant-id": _TENANT,
                    "argocd.argoproj.io/sync-wave": "-7",
                },
            },
            "apps/airflow/secrets/store.yaml": {
                "apiVersion": "external-secrets.io/v1",
                "kind": "SecretStore",
                "metadata.annotations": {"argocd.argoproj.io/sync-wave": "-6"},
                "spec.provider.azurekv": {
                    "authType": "WorkloadIdentity",
                    "environmentType": "PublicCloud",
                    "vaultUrl": "https://kv-airflow.vault.azure.net",
                    "tenantId": _TENANT,
                    "serviceAccountRef": {"name": "airflow-external-secrets"},
                },
            },
            "apps/airflow/secrets/airflow-logs-storage.yaml": {
                "metadata.annotations": {"argocd.argoproj.io/sync-wave": "-5"},
                "spec.refreshInterval": "1h0m0s",
                "spec.secretStoreRef": {"kind": "SecretStore", "name": "azure-airflow"},
                "spec.target.creationPolicy": "Owner",
                "spec.target.template.data": {
                    "azurestorageaccountname": "airflowlogs",
                    "azurestorageaccountkey": "{{ .logsStorageKey }}",
                },
                "spec.data.0.remoteRef.key": "airflow-airflow-logs-storage-key",
            },
            "apps/airflow/secrets/airflow-fernet-key.yaml": {
                "spec.data.0.secretKey": "fernetKey",
                "spec.data.0.remoteRef.key": "airflow-airflow-fernet-key",
                "spec.data.0.remoteRef.property": None,
            },
            "apps/airflow/secrets/logs-volume.yaml": {
                "kind": "PersistentVolume",
                "metadata.name": f"airflow-{_CLAIM}",
                "metadata.annotations": {"argocd.argoproj.io/sync-wave": "-4"},
                "spec.capacity.storage": "5Gi",
                "spec.accessModes": ["ReadWriteMany"],
                "spec.persistentVolumeReclaimPolicy": "Retain",
                "spec.storageClassName": "azureblob-fuse-premium",
                "spec.mountOptions": ["-o allow_other", "--file-cache-timeout-in-seconds=120"],
                "spec.csi.driver": "blob.csi.azure.com",
                "spec.csi.volumeHandle": f"airflow-{_CLAIM}",
                "spec.csi.volumeAttributes": {
                    "resourceGroup": "rg-aks",
                    "storageAccount": "airflowlogs",
                    "containerName": "airflow-logs",
                },
                "spec.csi.nodeStageSecretRef": {
                    "name": "airflow-logs-storage",
                    "namespace": "airflow",
                },
            },
            "apps/airflow/secrets/logs-claim.yaml": {
                "kind": "PersistentVolumeClaim",
                "metadata.name": _CLAIM,
                "metadata.namespace": "airflow",
                "spec.storageClassName": "azureblob-fuse-premium",
                "spec.accessModes": ["ReadWriteMany"],
                "spec.resources.requests.storage": "5Gi",
                "spec.volumeName": f"airflow-{_CLAIM}",
            },
            "argocd/airflow/project.yaml": {
                "spec.clusterResourceWhitelist": [
                    {"group": "", "kind": "Namespace"},
                    {"group": "", "kind": "PersistentVolume"},
                ],
            },
        },
        {
            "docs/airflow/RUNBOOK.md": (
                "get secretstore azure-airflow",
                "--enable-blob-driver",
                "no check-and-set",
            ),
        },
    ),
    "004": Installation(
        "helmsman",
        {
            "database.host": "pg.example.internal",
            "dags.repo": "git@github.com:your-org/airflow-dags.git",
            "dags.subpath": "dags",
            "secrets.vault.server": _VAULT,
            "installation.image.repository": "your-registry/airflow",
            "installation.image.tag": "a1b2c3d",
            "installation.image.base": "3.12",
            "installation.image.tool": "uv",
            "installation.image.ci": "github",
        },
        {
            "executor": "CeleryExecutor",
            "images.airflow.tag": None,
            "dags.gitSync.branch": "main",
            "dags.gitSync.subPath": "dags",
            "dags.gitSync.period": "30s",
            "dags.gitSync.depth": 1,
            "postgresql.enabled": False,
            "pgbouncer.enabled": True,
            "apiSecretKeySecretName": "airflow-api-secret-key",
            "jwtSecretName": "airflow-jwt-secret",
            "data.metadataSecretName": "airflow-metadata",
        },
        {
            "apps/airflow/helmsman.yaml": {
                "apps.airflow.namespace": "airflow",
                "apps.airflow.enabled": True,
                "apps.airflow.chart": "apache-airflow/airflow",
                "apps.airflow.version": "1.22.0",
                "apps.airflow.valuesFiles": ["airflow-values.yaml", "values.image.yaml"],
            },
            "apps/airflow/values.image.yaml": {
                "images.airflow.repository": "your-registry/airflow",
                "images.airflow.tag": "a1b2c3d",
            },
        },
        {
            "image/airflow/Dockerfile": ("FROM apache/airflow:3.2.2-python3.12", "--frozen"),
            "image/airflow/build.sh": ("apps/airflow/values.image.yaml",),
            "docs/airflow/RUNBOOK.md": (
                "helmsman --apply -f apps/airflow/helmsman.yaml",
                "helmsman --dry-run -f apps/airflow/helmsman.yaml",
                "helmsman --destroy -f apps/airflow/helmsman.yaml",
            ),
        },
    ),
    "004 on kind": Installation(
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
        {"apps/airflow/kind-cluster.yaml": {"kind": "Cluster"}},
        {
            "docs/airflow/RUNBOOK.md": ("bash apps/airflow/up.sh", "bash apps/airflow/down.sh"),
            "apps/airflow/up.sh": (
                "kind create cluster --config apps/airflow/kind-cluster.yaml",
                "--wait",
            ),
            "apps/airflow/down.sh": ("kind delete cluster --name airflow",),
        },
    ),
}

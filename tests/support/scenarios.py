"""Answers that differ from every default: what the front ends must turn into the same commit.

`SCENARIOS` names sets of valid answers by dotted key; together they answer every question with
something else than its default (tests/unit/test_scenarios.py holds them to that).
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.answers.files import validate_answers
from wizard.answers.presets import load_preset
from wizard.answers.questions import field_specs
from wizard.formats.nested import put_value
from wizard.hostkeys.keys import HostKey

PUBLISHED_REPO = "ssh://git@github.com/example/airflow-dags.git"
OWN_REPO = "ssh://git@git.example.com:2222/platform/airflow-dags.git"

NEEDED: Mapping[str, Any] = {
    "database.host": "pg.example.internal",
    "dags.repo": PUBLISHED_REPO,
    "secrets.vault.server": "https://vault.example.internal:8200",
    "delivery.argocd.repo_url": "ssh://git@git.example.com/platform/k8s-infra.git",
}


def host_key(seed: int) -> HostKey:
    """An ed25519 public key that belongs to nobody."""
    name, point = b"ssh-ed25519", bytes([seed]) * 32
    blob = struct.pack(">I", len(name)) + name + struct.pack(">I", 32) + point
    return HostKey("ssh-ed25519", base64.b64encode(blob).decode())


OWN_KEY, CONFIG_KEY = host_key(7), host_key(8)


@dataclass(frozen=True)
class Scenario:
    """Answers by key, and the fingerprints that go with their host keys."""

    answers: Mapping[str, Any]
    typed: tuple[str, ...] = field(default=())

    @property
    def data(self) -> dict[str, Any]:
        """The answers as an answers file holds them."""
        data: dict[str, Any] = {}
        for key, value in self.answers.items():
            data = put_value(data, tuple(key.split(".")), value)
        return data

    @property
    def sets(self) -> list[str]:
        """The answers as `--set` takes them."""
        return [part for k, v in self.answers.items() for part in ("--set", f"{k}={as_text(k, v)}")]

    @property
    def flags(self) -> list[str]:
        """The fingerprints as options."""
        return [part for value in self.typed for part in ("--host-key-fingerprint", value)]


def as_text(key: str, value: Any) -> str:
    """An answer as `--set` and `ask` take it."""
    kind = next(item.kind for item in field_specs() if item.key == key)
    if kind == "secret":
        name, argument = next(iter(value.items()))
        return name if argument is True else f"{name}:{argument}"
    if kind == "mapping":
        return ", ".join(f"{name}={text}" for name, text in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def newcomer(preset: str) -> Scenario:
    """Answers to the questions that a preset leaves open, and no others."""
    open_ = [one.key for one in validate_answers(load_preset(preset).answers).problems]
    given = {
        **NEEDED,
        "logs.url": "s3://example-logs/prod",
        "logs.blob.account": "airflowlogs",
        "secrets.azure.vault_url": "https://kv-airflow.vault.azure.net",
        "secrets.azure.tenant_id": "11111111-2222-3333-4444-555555555555",
        "secrets.azure.client_id": "aaaaaaaa-2222-3333-4444-555555555555",
    }
    return Scenario({key: given[key] for key in open_})


def _resources(prefix: str) -> dict[str, str]:
    return {f"{prefix}.cpu": "250m", f"{prefix}.memory": "512Mi", f"{prefix}.memory_limit": "1Gi"}


SCENARIOS: Mapping[str, Scenario] = {
    "celery": Scenario(
        {
            **NEEDED,
            "installation.name": "prod",
            "installation.namespace": "data",
            "installation.release": "flow",
            "installation.chart": "1.21.0",
            "installation.chart_repository": "oci://registry.example.com/charts",
            "installation.airflow": "3.2.1",
            "installation.image.registry": "registry.example.com/mirror",
            "installation.image.repository": "registry.example.com/data/airflow",
            "installation.image.tag": "3.2.1-r2",
            "installation.image.pull_secret": "pull",
            "installation.image.base": "3.11",
            "installation.image.tool": "uv",
            "installation.image.apt": ["git"],
            "installation.image.ci": "gitlab",
            "installation.image.pull_secrets": ["mirror"],
            "cluster.server": "https://api.prod.example:6443",
            "cluster.uid": "8c5e7e0e-3f2b-4f5e-9d55-0d8f4d9d5b11",
            "executor.workers.autoscaling": "keda",
            "executor.workers.min_replicas": 2,
            "executor.workers.max_replicas": 7,
            "executor.workers.concurrency": 8,
            "executor.workers.keda_namespace": "scaling",
            "executor.workers.persistence": "20Gi",
            **_resources("executor.workers.resources"),
            "executor.queue": "heavy",
            **_resources("components.api_server"),
            **_resources("components.scheduler"),
            **_resources("components.dag_processor"),
            **_resources("components.triggerer"),
            "components.api_server.replicas": 2,
            "components.scheduler.replicas": 3,
            "components.dag_processor.replicas": 2,
            "components.triggerer.replicas": 2,
            "components.triggerer.persistence": "6Gi",
            "logs.kind": "volume",
            "logs.size": "70Gi",
            "logs.storage_class": "nfs",
            "logs.groomer.days": 30,
            "database.port": 5433,
            "database.name": "meta",
            "database.user": "meta_user",
            "database.password": {"env": "META_PASSWORD"},
            "database.sslmode": "verify-full",
            "database.ca.file": "db-ca.pem",
            "database.pgbouncer.mode": "chart",
            "database.pgbouncer.max_client_conn": 200,
            "database.pgbouncer.metadata_pool": 12,
            "database.pgbouncer.result_pool": 6,
            "database.pgbouncer.replicas": 2,
            "database.result_backend.kind": "separate",
            "database.result_backend.host": "results.example.internal",
            "database.result_backend.port": 5434,
            "database.result_backend.name": "results",
            "database.result_backend.user": "results_user",
            "database.result_backend.password": {"file": "/run/secrets/results"},
            "broker.persistence": "2Gi",
            "dags.ref": "release",
            "dags.subpath": "flows/dags",
            "dags.depth": 5,
            "dags.period": "2m",
            "dags.key": {"store": True},
            "secrets.scope": "cluster",
            "secrets.payload": "document",
            "secrets.refresh_interval": "30m",
            # Short, because the screens are typed key by key.
            "secrets.extra": [{"name": "aws", "from": "store", "keys": ["K"], "env": "worker"}],
            "secrets.vault.ca.file": "vault-ca.pem",
            "secrets.vault.token_ttl": "30m",
            "secrets.vault.mount": "kv",
            "secrets.vault.path": "team/airflow",
            "secrets.vault.auth_mount": "k8s-prod",
            "secrets.vault.role": "airflow-reader",
            "secrets.vault.audience": "https://vault.example.internal",
            "secrets.vault.namespace": "team-a",
            "secrets.vault.service_account": "eso",
            "secrets.vault.operator_namespace": "eso-system",
            "secrets.backend.kind": "vault",
            "secrets.backend.mount": "kv-dags",
            "secrets.backend.connections_path": "dags/connections",
            "secrets.backend.variables_path": "dags/variables",
            "secrets.backend.role": "airflow-runtime",
            "secrets.backend.token_ttl": "1h",
            "admin.username": "ada",
            "admin.email": "ada@example.com",
            "admin.first_name": "Ada",
            "admin.last_name": "O'Example",
            "admin.password": {"store": True},
            "access.kind": "httproute",
            "access.base_url": "https://airflow.example.com/data",
            "access.gateway.name": "public",
            "access.gateway.namespace": "gateways",
            "access.gateway.listener": "web-tls",
            "metrics.scrape_namespace": "monitoring",
            "metrics.service_monitor": True,
            "metrics.monitor_labels": {"release": "prometheus"},
            "metrics.prefix": "data_airflow",
            "environment.timezone": "Asia/Taipei",
            "environment.load_examples": True,
            "environment.variables": {"TEAM": "data", "STAGE": "prod"},
            "environment.reloader": True,
            "environment.disruption_budgets": True,
            "environment.network_policies": True,
            "access.from_namespace": "ingress-nginx",
            "environment.egress": [
                {"port": 1433, "host": "mssql.example.internal"},
                {"port": 3306, "cidr": "10.20.0.0/16"},
            ],
            "environment.pod_security": "baseline",
            "delivery.argocd.namespace": "gitops",
            "delivery.argocd.project": "data",
            "delivery.argocd.applications": "two",
            "delivery.argocd.revision": "live",
            "delivery.argocd.credential": "store",
            "delivery.argocd.key": {"store": True},
            "delivery.argocd.vault.path": "team/argocd",
            "delivery.argocd.vault.role": "argocd-reader",
            "delivery.argocd.vault.auth_mount": "k8s-hub",
            "delivery.argocd.destination": "https://api.prod.example:6443",
            "repository.path": "platform",
            "repository.branch": "live",
            "repository.source": "git.example.com/old/place",
            "repository.push": True,
            "repository.check_ci": "gitlab",
            "repository.paths.apps": "a",
            "repository.paths.argocd": "b",
            "repository.paths.vault": "c",
            "repository.paths.docs": "d",
            "repository.paths.image": "e",
        }
    ),
    "kubernetes": Scenario(
        {
            **NEEDED,
            "executor.kind": "KubernetesExecutor",
            **_resources("executor.task_pods"),
            "executor.task_pods.cpu_limit": "2",
            "executor.task_pods.delete_on_success": False,
            "executor.task_pods.delete_on_failure": True,
            "executor.task_pods.batch_size": 16,
            "executor.multi_namespace": ["team-a"],
            "components.schedule.services.node_selector": {"pool": "airflow"},
            "components.schedule.services.tolerations": [{"key": "airflow"}],
            "components.schedule.services.spread": "zones",
            "components.schedule.services.priority_class": "high",
            "components.schedule.tasks.node_selector": {"pool": "spot"},
            "components.schedule.tasks.tolerations": [{"key": "spot"}],
            "components.schedule.tasks.spread": "nodes",
            "components.schedule.tasks.priority_class": "low",
            "components.service_account.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:x"},
            "components.service_account.by_component": [
                {"component": "worker", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:y"}}
            ],
            "components.pod_labels": {"azure.workload.identity/use": "true"},
            "components.pod_annotations": {"ad.datadoghq.com/tags": "data"},
            "environment.openshift": True,
            "environment.proxy.http": "http://proxy.example.internal:3128",
            "environment.proxy.https": "http://proxy.example.internal:3129",
            "environment.proxy.no_proxy": [".example.internal"],
            "environment.quota.cpu": "16",
            "environment.quota.memory": "64Gi",
            "environment.quota.pods": 100,
            "environment.quota.default_cpu": "50m",
            "environment.quota.default_memory": "128Mi",
            "environment.cleanup.database": True,
            "environment.cleanup.retention_days": 30,
            "environment.cleanup.pods": True,
            "database.pgbouncer.mode": "external",
            "database.pgbouncer.host": "pool.example.internal",
            "database.pgbouncer.port": 6433,
            "database.pgbouncer.database": "pooled",
            "dags.source": "bundle",
            "dags.repo": "https://git.example.com/platform/airflow-dags.git",
            "dags.credentials.needed": True,
            "dags.credentials.username": "reader",
            "dags.credentials.password": {"prompt": True},
            "dags.ca.file": "git-ca.pem",
            "dags.bundles": [{"name": "fin", "repo": "https://git.example.com/fin/dags.git"}],
            "delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git",
            "delivery.argocd.credential": "store",
            "delivery.argocd.username": "argocd",
            "delivery.argocd.token": {"prompt": True},
            "delivery.argocd.project_kind": "existing",
            "logs.kind": "remote",
            "logs.url": "s3://example-logs/prod",
            "logs.connection": {"store": True},
            "logs.endpoint": "minio.example.internal:9000",
            "environment.network_policies": True,
            "admin.create": False,
            "access.kind": "ingress",
            "access.base_url": "https://airflow.example.com",
            "access.class": "nginx",
            "access.tls.secret": "ui-certificate",
            "access.tls.issuer": "letsencrypt",
            "metrics.kind": "statsd",
            "metrics.target": "metrics.example.internal:9125",
            "metrics.ipv6": True,
        }
    ),
    "broker": Scenario(
        {
            **NEEDED,
            "executor.workers.replicas": 4,
            "broker.kind": "external",
            "broker.url": {"env": "OTHER_BROKER"},
            "broker.host": "redis.example.internal",
            "broker.port": 6380,
            "environment.network_policies": True,
            "environment.isolate_database": True,
            "logs.kind": "remote",
            "logs.destination": "elasticsearch",
            "logs.url": "https://search.example.internal:9243",
            "logs.user": "logs",
            "logs.password": {"file": "/run/secrets/logs"},
            "logs.writer": "airflow",
            "logs.ca.file": "logs-ca.pem",
            "access.kind": "loadbalancer",
            "access.base_url": "https://airflow.example.com",
            "access.annotations": {"example.com/certificate": "ui", "example.com/older": "ui"},
            "access.tls.annotation": "example.com/certificate",
            "access.sources": ["10.0.0.0/8", "fd00::/8"],
            "secrets.vault.ca.config_map": "team-cas",
            "secrets.vault.ca.key": "ca.pem",
            "dags.git_sync.max_failures": 3,
            **_resources("dags.git_sync.resources"),
            "dags.git_sync.variables": {"GITSYNC_SYNC_TIMEOUT": "5m"},
            "access.login": "oauth",
            "access.oauth.provider": "okta",
            "access.oauth.issuer": "https://example.okta.com",
            "access.oauth.ca.file": "sso-ca.pem",
            "access.oauth.client_id": "0oa1",
            "access.oauth.client_secret": {"store": True},
            "access.oauth.roles": {"airflow-admins": "Admin", "data": "User"},
            "access.oauth.claim": "teams",
            "access.oauth.scopes": "openid groups",
            "dags.repo": OWN_REPO,
            "dags.host_keys": [
                {"host": "git.example.com", "type": OWN_KEY.type, "key": OWN_KEY.key}
            ],
            "delivery.argocd.host_keys": [
                {"host": "git.example.com", "type": CONFIG_KEY.type, "key": CONFIG_KEY.key}
            ],
        },
        (OWN_KEY.fingerprint, CONFIG_KEY.fingerprint),
    ),
    "azure": Scenario(
        {
            "dags.repo": PUBLISHED_REPO,
            "delivery.argocd.repo_url": NEEDED["delivery.argocd.repo_url"],
            "secrets.store": "azure",
            "secrets.azure.vault_url": "https://kv-airflow.vault.azure.net",
            "secrets.azure.tenant_id": "11111111-2222-3333-4444-555555555555",
            "secrets.azure.client_id": "aaaaaaaa-2222-3333-4444-555555555555",
            "secrets.azure.prefix": "flow",
            "delivery.argocd.credential": "store",
            "delivery.argocd.azure.prefix": "flow-argocd",
            "delivery.argocd.azure.client_id": "bbbbbbbb-2222-3333-4444-555555555555",
            "logs.kind": "volume",
            "logs.backing": "azure-blob",
            "logs.blob.account": "airflowlogs",
            "logs.blob.container": "logs",
            "logs.blob.resource_group": "storage",
            "logs.blob.key": {"store": True},
            "database.kind": "cloudnativepg",
            "database.cluster.instances": 2,
            "database.cluster.image": "registry.example.com/postgresql:16.9",
            "database.cluster.size": "30Gi",
            "database.cluster.storage_class": "fast",
            "database.cluster.cpu": "1",
            "database.cluster.memory": "2Gi",
            "database.cluster.operator_namespace": "postgres",
            "database.cluster.annotations": {"example.com/team": "data"},
            "database.cluster.backup.url": "s3://example-backups/airflow",
            "database.cluster.backup.endpoint": "https://minio.example.internal:9000",
            "database.cluster.backup.auth": "keys",
            "database.cluster.backup.access_key": {"env": "BACKUP_ID"},
            "database.cluster.backup.secret_key": {"env": "BACKUP_KEY"},
            "database.cluster.backup.schedule": "0 30 3 * * *",
            "database.cluster.backup.retention": "4w",
        }
    ),
    "amazon": Scenario(
        {
            **{key: value for key, value in NEEDED.items() if not key.startswith("secrets.")},
            "secrets.store": "aws",
            "secrets.aws.region": "eu-central-1",
            "secrets.aws.role_arn": "arn:aws:iam::123456789012:role/data/airflow-secrets",
            "secrets.aws.prefix": "data/airflow",
            "secrets.aws.kms_key": "arn:aws:kms:eu-central-1:123456789012:alias/airflow",
            "secrets.aws.endpoint": "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com",
            "delivery.argocd.credential": "store",
            "delivery.argocd.aws.prefix": "data/argocd",
            "delivery.argocd.aws.role_arn": "arn:aws:iam::123456789012:role/data/argocd-secrets",
        }
    ),
    "laptop": Scenario(
        {
            "executor.kind": "LocalExecutor",
            "executor.local_persistence": "3Gi",
            "logs.kind": "volume",
            "logs.existing_claim": "shared-logs",
            "logs.groomer.enabled": False,
            "database.kind": "bundled",
            "dags.source": "volume",
            "dags.volume.access_mode": "ReadWriteOnce",
            "dags.volume.size": "2Gi",
            "dags.volume.storage_class": "standard",
            "secrets.store": "kubernetes",
            "delivery.kind": "kind",
        }
    ),
    "encrypted": Scenario(
        {
            **{key: value for key, value in NEEDED.items() if not key.startswith("secrets.")},
            "secrets.store": "sops",
            "secrets.sops.recipients": [
                {
                    "key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
                    "holder": "platform team",
                    "verified": "read out by Ada",
                }
            ],
            "secrets.sops.decryptor": "apply",
        }
    ),
    "others": Scenario(
        {
            **{key: value for key, value in NEEDED.items() if not key.startswith("secrets.")},
            "database.pgbouncer.mode": "chart",
            "secrets.store": "existing",
            "secrets.existing.secret": "all",
            "secrets.existing.metadata.name": "db",
            "secrets.existing.metadata.key": "url",
            "secrets.existing.metadata_direct.name": "db",
            "secrets.existing.metadata_direct.key": "own",
            "secrets.existing.result_backend.name": "db",
            "secrets.existing.result_backend.key": "results",
            "secrets.existing.broker.name": "queue",
            "secrets.existing.broker.key": "url",
            "secrets.existing.redis.name": "queue",
            "secrets.existing.fernet_key.name": "af",
            "secrets.existing.fernet_key.key": "FERNET",
            "secrets.existing.api_secret_key.name": "af",
            "secrets.existing.api_secret_key.key": "API",
            "secrets.existing.jwt_secret.name": "af",
            "secrets.existing.jwt_secret.key": "JWT",
            "secrets.existing.pgbouncer_config.name": "pool",
            "secrets.existing.pgbouncer_config.ini": "ini",
            "secrets.existing.pgbouncer_config.users": "users",
            "secrets.existing.pgbouncer_stats.name": "pool",
            "secrets.existing.pgbouncer_stats.key": "stats",
            "secrets.existing.git_ssh_key.name": "git",
            "secrets.existing.admin.name": "af",
            "secrets.existing.admin.key": "ADMIN",
            "logs.kind": "remote",
            "logs.destination": "gcs",
            "logs.url": "gs://example-logs",
            "secrets.existing.logs_connection.name": "logs",
            "secrets.existing.logs_connection.key": "uri",
        }
    ),
    "others with a bundle": Scenario(
        {
            "executor.kind": "LocalExecutor",
            "database.kind": "bundled",
            "dags.source": "bundle",
            "dags.repo": PUBLISHED_REPO,
            "secrets.store": "existing",
            "secrets.existing.git_connection.name": "git",
            "secrets.existing.git_connection.key": "airflow",
            "dags.bundles": [{"name": "fin", "repo": PUBLISHED_REPO, "login": {"store": True}}],
            "secrets.existing.bundle_connections": [{"bundle": "fin", "name": "git", "key": "fin"}],
            "secrets.existing.postgresql.name": "pg",
            "logs.kind": "remote",
            "logs.destination": "opensearch",
            "installation.image.repository": "registry.example.com/airflow",
            "installation.image.tag": "3.2.2-r1",
            "logs.url": "https://search.example.internal:9243",
            "logs.user": "logs",
            "secrets.existing.opensearch.name": "logs",
            "secrets.existing.opensearch.password": "pw",
            "secrets.backend.kind": "azure",
            "secrets.backend.vault_url": "https://example.vault.azure.net",
            "secrets.backend.connections_prefix": "connections",
            "secrets.backend.variables_prefix": "variables",
            "delivery.kind": "minikube",
        }
    ),
    "others without a pooler": Scenario(
        {
            "executor.kind": "CeleryExecutor,KubernetesExecutor",
            "executor.task_pods.template": "task.yaml",
            "database.host": "pg.example.internal",
            "dags.source": "volume",
            "dags.volume.existing_claim": "dags",
            "dags.volume.subpath": "live",
            "secrets.store": "existing",
            "secrets.existing.metadata.async_key": "async",
            "secrets.existing.oauth_client.name": "sso",
            "secrets.existing.oauth_client.key": "SECRET",
            "secrets.existing.oauth2_proxy.name": "sso",
            "secrets.existing.oauth2_proxy.key": "COOKIE",
            "access.base_url": "https://airflow.example.com",
            "access.login": "proxy",
            "access.oauth.tenant": "11111111-2222-3333-4444-555555555555",
            "access.oauth.client_id": "airflow",
            "access.oauth.roles": {"airflow-admins": "Admin"},
            "logs.kind": "remote",
            "logs.destination": "azure",
            "logs.url": "wasb://logs@example.blob.core.windows.net/wasb-prod",
            "logs.auth": "identity",
            "secrets.backend.kind": "vault",
            "secrets.backend.server": "https://vault.example.internal:8443",
            "secrets.backend.ca.file": "vault-ca.pem",
            "secrets.backend.auth_mount": "k8s-prod",
            "secrets.backend.audience": "airflow",
            "secrets.backend.namespace": "team-a",
            "access.proxy.image": "registry.example.com/oauth2-proxy:v7.15.6",
            "access.proxy.replicas": 3,
            "delivery.kind": "helm",
            # Without an answer it is the folder, which differs in each front end's test.
            "repository.source": "git.example.com/platform/config",
        }
    ),
    "others of Airflow 2": Scenario(
        {
            "installation.airflow": "2.11.0",
            # With Helmsman, it is in a file of its own.
            "installation.image.repository": "registry.example.com/airflow",
            "installation.image.tag": "2.11.0-r1",
            "database.host": "pg.example.internal",
            "dags.repo": "https://git.example.com/platform/airflow-dags.git",
            "dags.credentials.needed": True,
            "dags.credentials.username": "reader",
            "secrets.store": "existing",
            "secrets.existing.webserver_secret_key.name": "af",
            "secrets.existing.webserver_secret_key.key": "WEB",
            "logs.kind": "remote",
            "logs.destination": "elasticsearch",
            "logs.url": "https://search.example.internal",
            "logs.user": "logs",
            "secrets.existing.elasticsearch.name": "logs",
            "secrets.existing.git_credentials.name": "git",
            "delivery.kind": "helmsman",
            # Without an answer it is the folder, which differs in each front end's test.
            "repository.source": "git.example.com/platform/config",
        }
    ),
}

# A choice of one value has no other.
WITHOUT_OTHER = frozenset(item.key for item in field_specs() if len(item.choices) == 1)

"""Rules across sections: each refuses what it is for, naming key and remedy, and nothing else."""

from __future__ import annotations

import pytest

from tests.support.rendered import filled, objections
from wizard.answers import rules
from wizard.answers.files import validate_answers
from wizard.deliveries.registry import delivery_kinds
from wizard.stores.registry import store_kinds

CREDENTIAL: dict[str, object] = {"delivery.argocd.credential": "store"}
OVER_HTTPS: dict[str, object] = {
    **CREDENTIAL,
    "delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git",
    "delivery.argocd.username": "argocd",
}
IMAGE = {"repository": "registry.example.com/airflow", "tag": "r1"}
_OPENSEARCH: dict[str, object] = {
    "logs.kind": "remote",
    "logs.destination": "opensearch",
    "logs.url": "https://search.example.internal:9243",
    "logs.user": "logs",
}
_STORED = [{"name": "a", "from": "store", "keys": ["K"]}]
_EXISTING = [{"name": "a", "from": "existing"}]
_SYNC = "dags.git_sync.variables"
_KUBERNETES: dict[str, object] = {"executor.kind": "KubernetesExecutor"}
_ISOLATED: dict[str, object] = {
    "environment.network_policies": True,
    "environment.isolate_database": True,
}


def _bundle(repo: str) -> dict[str, object]:
    return {"name": "fin", "repo": repo, "login": {"env": "FIN_KEY"}}


_KEY_VAULT = {
    "secrets.store": "azure",
    "secrets.azure.vault_url": "https://airflow-keys.vault.azure.net",
    "secrets.azure.tenant_id": "11111111-2222-3333-4444-555555555555",
    "secrets.azure.client_id": "66666666-7777-8888-9999-000000000000",
    "secrets.backend.kind": "azure",
}
CASES: dict[str, tuple[dict[str, object], dict[str, object], str, str]] = {
    # rule: (changes it refuses, the nearest that it allows, key, part of the remedy)
    "check_hybrid_executors": (
        {"executor.kind": "CeleryKubernetesExecutor"},
        {"executor.kind": "CeleryKubernetesExecutor", "installation.airflow": "2.11.2"},
        "executor.kind",
        "use CeleryExecutor,KubernetesExecutor",
    ),
    "check_worker_replicas": (
        {"executor.workers": {"autoscaling": "keda", "min_replicas": 11}},
        {"executor.workers": {"autoscaling": "keda", "min_replicas": 10}},
        "executor.workers.min_replicas",
        "at most max_replicas (10)",
    ),
    "check_worker_replicas of an HPA": (
        {"executor.workers": {"autoscaling": "hpa", "min_replicas": 0}},
        {"executor.workers": {"autoscaling": "keda", "min_replicas": 0}},
        "executor.workers.min_replicas",
        "use 1 or more",
    ),
    "check_git_sync_variables, of which a question decides": (
        {_SYNC: {"GITSYNC_PERIOD": "5s"}},
        {_SYNC: {"GITSYNC_SYNC_TIMEOUT": "5m"}},
        f"{_SYNC}.GITSYNC_PERIOD",
        "dags.period sets it",
    ),
    "check_git_sync_variables, that turn the verification off": (
        {_SYNC: {"GITSYNC_SSH_KNOWN_HOSTS": "true"}},
        {_SYNC: {"GITSYNC_SSH_KNOWN_HOSTS": "true"}, "dags.source": "bundle"},
        f"{_SYNC}.GITSYNC_SSH_KNOWN_HOSTS",
        "dags.host_keys and dags.ca.file",
    ),
    "check_git_sync_variables, of the login": (
        {_SYNC: {"GITSYNC_PASSWORD_FILE": "/a"}},
        {_SYNC: {"GITSYNC_GROUP_WRITE": "true"}},
        f"{_SYNC}.GITSYNC_PASSWORD_FILE",
        "dags.key and dags.credentials",
    ),
    "check_git_sync_variables, that git reads": (
        {_SYNC: {"GIT_SSL_NO_VERIFY": "1"}},
        {_SYNC: {"HTTPS_PROXY": "http://proxy.example.internal:3128"}},
        f"{_SYNC}.GIT_SSL_NO_VERIFY",
        "begins with GITSYNC_",
    ),
    "check_git_sync_variables, that choose programs": (
        {_SYNC: {"LD_PRELOAD": "/a.so"}},
        {_SYNC: {"GOMAXPROCS": "2"}},
        f"{_SYNC}.LD_PRELOAD",
        "may change which programs",
    ),
    "check_git_sync_variables, that nobody knows": (
        {_SYNC: {"GITSYNC_NEW_SWITCH": "1"}},
        {_SYNC: {"GITSYNC_STALE_WORKTREE_TIMEOUT": "1h"}},
        f"{_SYNC}.GITSYNC_NEW_SWITCH",
        "may change which Git host",
    ),
    "check_bundle_certificates": (
        {"dags.source": "bundle",
         "dags.bundles": [{"name": "fin", "repo": "https://git.example.com/a/b.git", "ca": True}]},
        {"dags.source": "bundle", "dags.repo": "https://git.example.com/a/c.git",
         "dags.ca.file": "ca.pem",
         "dags.bundles": [{"name": "fin", "repo": "https://git.example.com/a/b.git", "ca": True}]},
        "dags.ca.file",
        "name the PEM file with the CA",
    ),
    "check_bundle_users": (
        {"dags.source": "bundle",
         "dags.bundles": [{**_bundle("https://github.com/a/b.git"), "username": "{{ x }}"}]},
        {"dags.source": "bundle",
         "dags.bundles": [{**_bundle("https://github.com/a/b.git"), "username": "{x}"}]},
        "dags.bundles.0.username",
        "without two braces",
    ),
    "check_bundle_users of dags.repo": (
        {"dags.source": "bundle", "dags.repo": "https://github.com/a/b.git",
         "dags.credentials": {"needed": True, "username": "{{ x }}"}},
        {"dags.source": "bundle", "dags.repo": "https://github.com/a/b.git",
         "dags.credentials": {"needed": True, "username": "$oauth"}},
        "dags.credentials.username",
        "without two braces",
    ),
    "check_bundle_connections": (
        {"secrets.store": "existing", "dags.source": "bundle",
         "dags.bundles": [_bundle("ssh://git@github.com/a/b.git")]},
        {"secrets.store": "existing", "dags.source": "bundle",
         "dags.bundles": [{**_bundle("ssh://git@github.com/a/b.git"), "login": {"store": True}}]},
        "dags.bundles.0.login",
        "use login: {store: true}",
    ),
    "check_values_secret": (
        {"secrets.store": "kubernetes",
         "secrets.extra": [{"name": "airflow-generated", "from": "existing"}]},
        {"secrets.store": "kubernetes", "secrets.extra": _EXISTING},
        "secrets.extra.0.name",
        "use another name",
    ),
    "check_project_kind": (
        {"delivery.argocd.project_kind": "existing", "delivery.argocd.applications": "two"},
        {"delivery.argocd.project_kind": "existing"},
        "delivery.argocd.applications",
        "use one Application",
    ),
    "check_chart_registry": (
        {"installation.chart_repository": "oci://10.0.0.5:5000/charts"},
        {"installation.chart_repository": "oci://registry.example.com:5000/charts"},
        "installation.chart_repository",
        "starts with a letter",
    ),
    "check_local_only_choices": (
        {"database.kind": "bundled"},
        {"database.kind": "bundled", "delivery.kind": "kind"},
        "database.kind",
        "use external",
    ),
    "check_local_only_choices, store": (
        {**_KEY_VAULT, "secrets.backend.kind": "none", "delivery.kind": "minikube"},
        {"delivery.kind": "minikube"},
        "secrets.store",
        "use kubernetes",
    ),
    "check_distinct_keys": (
        {"secrets.store": "existing", "secrets.existing": {
            "metadata_direct": {"name": "airflow-metadata"}}},
        {"secrets.store": "existing", "secrets.existing": {
            "metadata_direct": {"name": "airflow-metadata", "key": "direct"}}},
        "secrets.existing.metadata_direct.key",
        "secrets.existing.metadata.key names the same key of airflow-metadata",
    ),
    "check_bundle_version": (
        {"dags.source": "bundle", "installation.airflow": "2.11.0"},
        {"dags.source": "bundle", "installation.airflow": "3.0.0"},
        "dags.source",
        "use git-sync",
    ),
    "check_chart_features, labels": (
        {
            "installation.chart": "1.18.0",
            "installation.airflow": "2.11.0",
            "components.pod_labels": {"team": "data"},
        },
        {"components.pod_labels": {"team": "data"}},
        "components.pod_labels",
        "use chart 1.19.0",
    ),
    "check_chart_features": (
        {
            "installation.chart": "1.18.0",
            "installation.airflow": "2.10.5",
            "executor.queue": "heavy",
        },
        {"executor.queue": "heavy"},
        "executor.queue",
        "use default, or use chart 1.19.0 or later",
    ),
    "check_image, a Python without an image": (
        {"installation.image": {**IMAGE, "base": "3.9"}},
        {"installation.image": {**IMAGE, "base": "3.13"}},
        "installation.image.base",
        "use Python 3.10 to 3.14",
    ),
    "check_image": (
        {"dags.source": "image"},
        {"dags.source": "image", "installation.image": IMAGE},
        "installation.image.repository",
        "set the image that contains the DAGs",
    ),
    "check_image, logs by a package that the official one lacks": (
        _OPENSEARCH,
        {**_OPENSEARCH, "installation.image": IMAGE},
        "installation.image.repository",
        "the Python package apache-airflow-providers-opensearch,",
    ),
    "check_pgbouncer_users": (
        {"database.result_backend": {"kind": "separate", "host": "r.example", "user": "airflow"}},
        {"database.result_backend": {"kind": "separate", "host": "r.example", "user": "results"}},
        "database.result_backend.user",
        "use a different user than database.user",
    ),
    "check_pgbouncer_users of the console": (
        {"database.user": "airflow_stats"},
        {"database.user": "airflow_stats", "database.pgbouncer.mode": "off"},
        "database.user",
        "use a different user",
    ),
    "check_asset_names": (
        {"secrets.vault.ca.file": "a/ca.pem", "database.ca.file": "b/ca.pem",
         "database.sslmode": "verify-full"},
        {"secrets.vault.ca.file": "a/ca.pem", "database.ca.file": "b/pg.pem",
         "database.sslmode": "verify-full"},
        "database.ca.file",
        "use a different file name",
    ),
    "check_verified_tls": (
        {"database.sslmode": "verify-ca"},
        {"database.sslmode": "verify-ca", "database.ca.file": "pg-ca.pem"},
        "database.ca.file",
        "set the PEM file",
    ),
    "check_given_values": (
        {"broker": {"kind": "external", "url": {"generate": True}}},
        {"broker": {"kind": "external", "url": {"prompt": True}}},
        "broker.url",
        "use env, file, prompt or store",
    ),
    "check_reserved_namespaces": (
        {"installation.namespace": "argocd"},
        {"installation.namespace": "argocd-apps"},
        "installation.namespace",
        "a namespace for Airflow only",
    ),
    "check_store_choices": (
        {"secrets.store": "kubernetes", "secrets.scope": "cluster"},
        {"secrets.store": "kubernetes"},
        "secrets.scope",
        "use namespace",
    ),
    "check_store_choices, the payload": (
        {"secrets.store": "aws", "secrets.payload": "document"},
        {"secrets.store": "aws"},
        "secrets.payload",
        "use keys",
    ),
    "check_one_place": (
        {"secrets.store": "aws", "secrets.aws.region": "cn-north-1"},
        {"secrets.store": "aws"},
        "secrets.aws.role_arn",
        "use a role of aws-cn",
    ),
    "check_operator_namespace": (
        {"installation.namespace": "external-secrets", "secrets.scope": "cluster"},
        {"installation.namespace": "external-secrets"},
        "installation.namespace",
        "a namespace for Airflow only",
    ),
    "check_argocd_namespace": (
        {"delivery.argocd.project": "default"},
        {"delivery.argocd.project": "data"},
        "delivery.argocd.project",
        "a project for this installation",
    ),
    "check_payload_path": (
        {"secrets.vault.path": "secret/data/airflow/config"},
        {"secrets.vault.path": "secrets/airflow/config"},
        "secrets.vault.path",
        "leave out the mount and data/",
    ),
    "check_reserved_variables": (
        {"environment.variables": {"AIRFLOW__CORE__FERNET_KEY": "x"}},
        {"environment.variables": {"AIRFLOW__CORE__PARALLELISM": "64"}},
        "environment.variables.AIRFLOW__CORE__FERNET_KEY",
        "remove it",
    ),
    "check_secret_variables": (
        {"environment.variables": {"SMTP_PASSWORD": "Tr0ub4dor-and-3"}},
        {"environment.variables": {"SMTP_PASSWORD_FILE": "/run/secrets/smtp"}},
        "environment.variables.SMTP_PASSWORD",
        "secrets.extra (env: all)",
    ),
    "check_extra_secrets": (
        {"secrets.store": "existing", "secrets.extra": _STORED},
        {"secrets.store": "existing", "secrets.extra": _EXISTING},
        "secrets.extra.0.from",
        "use from: existing",
    ),
    "check_extra_variables": (
        {"secrets.extra": [{"name": "a", "from": "existing", "env": "all",
                            "keys": ["AIRFLOW__CELERY__BROKER_URL"]}]},
        {"secrets.extra": [{"name": "a", "from": "existing", "keys": [
            "AIRFLOW__CELERY__BROKER_URL"]}]},
        "secrets.extra.0.keys",
        "rename AIRFLOW__CELERY__BROKER_URL",
    ),
    "check_secret_answers": (
        {"dags.repo": f"https://git.example.com/gh{'p_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'}/b.git"},
        {"dags.repo": "https://github.com/a/b.git"},
        "dags.repo",
        "Rotate it",
    ),
    "check_git_variables": (
        {"environment.variables": {"GIT_SSH_COMMAND": "ssh -F /dags/config"}},
        {"environment.variables": {"GIT_SSH_COMMAND": "ssh -o ConnectTimeout=5"}},
        "environment.variables.GIT_SSH_COMMAND",
        "dags.host_keys",
    ),
    "check_git_variables of a connection": (
        {"environment.variables": {"AIRFLOW_CONN_X": "git://h/a?strict_host_key_checking=no"}},
        {"environment.variables": {"AIRFLOW_CONN_X": "http://api.example.com"}},
        "environment.variables.AIRFLOW_CONN_X",
        "dags.host_keys",
    ),
    "check_git_variables of an option": (
        {"environment.variables": {"SSH_OPTIONS": "-o StrictHostKeyChecking=no"}},
        {"environment.variables": {"SSH_OPTIONS": "-o StrictHostKeyChecking=yes"}},
        "environment.variables.SSH_OPTIONS",
        "dags.host_keys",
    ),
    "check_shared_worker_resources": (
        {"installation.chart": "1.19.0", "executor.kind": "CeleryExecutor,KubernetesExecutor"},
        {"installation.chart": "1.20.0", "executor.kind": "CeleryExecutor,KubernetesExecutor"},
        "executor.task_pods.cpu",
        "use chart 1.20.0 or later",
    ),
    "check_credential_path, with data/": (
        {**CREDENTIAL, "delivery.argocd.vault": {"path": "data/argocd"}},
        {**CREDENTIAL, "delivery.argocd.vault": {"path": "airflow/argocd"}},
        "delivery.argocd.vault.path",
        "leave out the mount",
    ),
    "check_credential_path by path": (
        {**CREDENTIAL, "delivery.argocd.vault": {"path": "airflow-install/airflow/config"}},
        {"delivery.argocd.vault": {"path": "airflow-install/airflow/config"}},
        "delivery.argocd.vault.path",
        "use a different path",
    ),
    "check_credential_path, the payload where the credential is": (
        {**CREDENTIAL, "secrets.vault.path": "airflow-install/airflow/argocd"},
        {**CREDENTIAL, "secrets.vault.path": "airflow-install/airflow/argocd/config"},
        "secrets.vault.path",
        "use a different path",
    ),
    "check_credential_path by role": (
        {**CREDENTIAL, "delivery.argocd.vault": {"role": "external-secrets-airflow"}},
        {**CREDENTIAL, "delivery.argocd.vault": {"role": "argocd-airflow"}},
        "delivery.argocd.vault.role",
        "use a different role",
    ),
    "check_credential_auth_mount": (
        {**CREDENTIAL, "delivery.argocd.destination": "https://api.prod.example:6443"},
        {**CREDENTIAL, "delivery.argocd.destination": "https://api.prod.example:6443",
         "delivery.argocd.vault": {"auth_mount": "kubernetes-hub"}},
        "delivery.argocd.vault.auth_mount",
        "the cluster that Argo CD runs in",
    ),
    "check_given_values of Argo CD": (
        {**OVER_HTTPS, "delivery.argocd.token": {"generate": True}},
        {**OVER_HTTPS, "delivery.argocd.token": {"store": True}},
        "delivery.argocd.token",
        "or a repository over SSH",
    ),
    "check_task_namespaces, that cannot mount the volume of DAGs": (
        {**_KUBERNETES, "executor.multi_namespace": ["team-a"], "dags.source": "volume"},
        {**_KUBERNETES, "dags.source": "volume"},
        "dags.source",
        "use git-sync, bundle or image",
    ),
    "check_limits": (
        {**_KUBERNETES, "executor.task_pods": {"memory": "2Gi", "memory_limit": "1500Mi"}},
        {**_KUBERNETES, "executor.task_pods": {"memory": "2Gi", "memory_limit": "2048Mi"}},
        "executor.task_pods.memory",
        "use at most 1500Mi, or raise executor.task_pods.memory_limit",
    ),
    "check_limits of CPU": (
        {**_KUBERNETES, "executor.task_pods": {"cpu": "1", "cpu_limit": "500m"}},
        {"executor.task_pods": {"cpu": "1", "cpu_limit": "500m"}},
        "executor.task_pods.cpu",
        "use at most 500m",
    ),
    "check_limits of a component": (
        {"components.scheduler.memory": "3Gi"},
        {"components.scheduler.memory": "3Gi", "components.scheduler.memory_limit": ""},
        "components.scheduler.memory",
        "use at most 2Gi",
    ),
    "check_metrics": (
        {"metrics.kind": "statsd", "metrics.target": "[fd00::9]:8125"},
        {"metrics.kind": "otel", "metrics.target": "[fd00::9]:4318"},
        "metrics.ipv6",
        "turn it on",
    ),
    "check_metrics with IPv4": (
        {"metrics.kind": "statsd", "metrics.target": "10.0.0.9:8125", "metrics.ipv6": True},
        {"metrics.kind": "statsd", "metrics.target": "a.example.com:8125", "metrics.ipv6": True},
        "metrics.ipv6",
        "turn it off",
    ),
    "check_task_namespaces": (
        {**_KUBERNETES, "executor.multi_namespace": ["team-a", "airflow"]},
        {**_KUBERNETES, "executor.multi_namespace": "team-a, team-b"},
        "executor.multi_namespace",
        "remove airflow",
    ),
    "check_task_namespaces, twice": (
        {**_KUBERNETES, "executor.multi_namespace": ["team-a", "team-a"]},
        {"executor.multi_namespace": ["team-a", "team-a"]},
        "executor.multi_namespace",
        "each namespace once",
    ),
    "check_task_namespaces of Kubernetes": (
        {**_KUBERNETES, "executor.multi_namespace": ["kube-system"]},
        {**_KUBERNETES, "executor.multi_namespace": ["kube"]},
        "executor.multi_namespace",
        "remove kube-system",
    ),
    "check_task_namespaces, one volume": (
        {**_KUBERNETES, "executor.multi_namespace": ["a"], "logs.kind": "volume"},
        {**_KUBERNETES, "logs.kind": "volume"},
        "logs.kind",
        "cannot mount",
    ),
    "check_task_namespaces, one volume of DAGs": (
        {**_KUBERNETES, "executor.multi_namespace": ["a"], "dags.source": "volume"},
        {**_KUBERNETES, "dags.source": "volume"},
        "dags.source",
        "cannot mount",
    ),
    "check_isolation of Airflow 2": (
        {**_ISOLATED, "installation.airflow": "2.11.0"},
        _ISOLATED,
        "environment.isolate_database",
        "tasks of Airflow 2",
    ),
    "check_isolation without policies": (
        {**_ISOLATED, "environment.network_policies": False},
        _ISOLATED,
        "environment.network_policies",
        "turn them on",
    ),
    "check_isolation of LocalExecutor": (
        {**_ISOLATED, "executor.kind": "LocalExecutor,KubernetesExecutor"},
        {**_ISOLATED, **_KUBERNETES},
        "executor.kind",
        "use CeleryExecutor or KubernetesExecutor",
    ),
    "check_isolation, namespaces": (
        {**_ISOLATED, **_KUBERNETES, "executor.multi_namespace": ["a"]},
        {**_ISOLATED, "executor.multi_namespace": ["a"]},
        "executor.multi_namespace",
        "leave it empty",
    ),
    "check_isolation of KEDA": (
        {**_ISOLATED, "executor.workers.autoscaling": "keda"},
        {**_ISOLATED, "executor.workers.autoscaling": "hpa"},
        "executor.workers.autoscaling",
        "none or hpa",
    ),
    "check_isolation of results": (
        {**_ISOLATED, "database.result_backend": {"kind": "separate", "host": "a.example"}},
        {**_ISOLATED, **_KUBERNETES, "database.result_backend": {"kind": "separate"}},
        "database.result_backend.kind",
        "use metadata",
    ),
    "check_isolation of RabbitMQ": (
        {**_ISOLATED, "broker": {"kind": "external", "host": "a.example", "port": 5672}},
        {**_ISOLATED, "broker": {"kind": "external", "host": "a.example", "port": 6379}},
        "broker.port",
        "use a Redis",
    ),
    "check_openshift": (
        {"environment.openshift": True, "environment.pod_security": "restricted"},
        {"environment.openshift": True, "environment.pod_security": "baseline"},
        "environment.pod_security",
        "seccomp",
    ),
    "check_proxy_variables": (
        {"environment.proxy.http": "http://p", "environment.variables": {"no_proxy": "a"}},
        {"environment.variables": {"no_proxy": "a"}},
        "environment.variables.no_proxy",
        "environment.proxy.no_proxy sets it",
    ),
    "check_marks on accounts": (
        {"components.service_account.annotations": {"argocd.argoproj.io/tracking-id": "a"}},
        {"components.service_account.annotations": {"eks.amazonaws.com/role-arn": "a"}},
        "components.service_account.annotations.argocd.argoproj.io/tracking-id",
        "remove it",
    ),
    "check_marks on pods": (
        {"components.pod_labels": {"component": "a"}},
        {"components.pod_labels": {"cost-center": "a"}},
        "components.pod_labels.component",
        "use another name",
    ),
    "check_marks on annotations": (
        {"components.pod_annotations": {"checksum/airflow-config": "a"}},
        {"components.pod_annotations": {"ad.datadoghq.com/tags": "a"}},
        "components.pod_annotations.checksum/airflow-config",
        "remove it: the chart sets it",
    ),
    "check_marks on owners of pods": (
        {"components.pod_annotations": {"argocd.argoproj.io/tracking-id": "a"}},
        {"components.pod_annotations": {"ad.datadoghq.com/tags": '{"team":{"a":{}}}'}},
        "components.pod_annotations.argocd.argoproj.io/tracking-id",
        "remove it: by this annotation",
    ),
    "check_cluster_database": (
        {
            "database.kind": "cloudnativepg",
            "database.pgbouncer.mode": "external",
            "database.pgbouncer.host": "pool.example.internal",
        },
        {"database.kind": "cloudnativepg", "database.pgbouncer.mode": "chart"},
        "database.pgbouncer.mode",
        "use chart or off",
    ),
    "check_argocd_values": (
        {
            "delivery.kind": "helmsman",
            "values.scheduler.annotations": {"argocd.argoproj.io/sync-wave": "1"},
        },
        {"delivery.kind": "helmsman", "values.scheduler.annotations": {"team": "a"}},
        'values.scheduler.annotations."argocd.argoproj.io/sync-wave"',
        "Helmsman installs with Helm",
    ),
    "check_apart": (
        {**_KEY_VAULT, "secrets.backend.vault_url": "https://airflow-keys.vault.azure.net"},
        {**_KEY_VAULT, "secrets.backend.vault_url": "https://others.vault.azure.net"},
        "secrets.backend.vault_url",
        "use another Key Vault",
    ),
    "a template in an annotation": (
        {"components.pod_annotations": {"team": "{{ .Values }}"}},
        {"components.pod_annotations": {"team": "a {b} }}"}},
        "components.pod_annotations.(an unknown key)",
        "without templates",
    ),
    "required": (
        {"database.host": ""},
        {"database.host": "", "database.kind": "bundled", "delivery.kind": "kind"},
        "database.host",
        "is required",
    ),
    "required, only spaces": (
        {"admin.username": "  "},
        {"admin.username": "  ", "admin.create": False},
        "admin.username",
        "is required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rule_is_red_on_what_it_is_for_and_green_beside_it(case: str) -> None:
    refused, allowed, key, remedy = CASES[case]
    [problem] = objections("production", refused)
    assert problem.startswith(f"{key}: ")
    assert remedy in problem
    assert objections("production", allowed) == []


def test_secrets_in_the_cluster_take_given_values_and_deploy_keys() -> None:
    given = {
        "broker": {"kind": "external", "url": {"env": "BROKER"}},
        "dags.repo": "ssh://git@github.com/a/b.git",
        "admin.password": {"env": "ADMIN_PASSWORD"},
        "secrets.extra": _STORED,
    }
    assert objections("local", given) == []
    for delivery in ("argocd", "helm"):
        assert (
            objections("production", {"secrets.store": "kubernetes", "delivery.kind": delivery})
            == []
        )


def test_every_rule_has_a_case() -> None:
    named = {case.split()[0].rstrip(",") for case in CASES}
    # These have tests of their own.
    elsewhere = {
        "check_airflow_version", "check_access", "check_login",
        "check_kinds", "check_logs", "check_backend", "check_runtime",
    }  # fmt: skip
    every = [*rules.RULES, *(rule for kind in store_kinds() for rule in kind.rules)]
    every += [rule for kind in delivery_kinds() for rule in kind.rules]
    assert {rule.__name__ for rule in every} - elsewhere <= named


def test_all_problems_come_at_once() -> None:
    data = filled("production", {"database.host": "", "executor.kind": "LocalKubernetesExecutor"})
    assert len(validate_answers(data).problems) == 2
    types = {"database.port": 0, "installation.name": "Prod", "dags.ref": "-x", "dag": 1}
    found = [problem.key for problem in validate_answers(filled("production", types)).problems]
    assert sorted(found) == ["dag", "dags.ref", "database.port", "installation.name"]


def test_answers_that_do_not_apply_are_ignored_with_a_warning() -> None:
    changes = {"executor.kind": "KubernetesExecutor", "broker.kind": "external"}
    found = validate_answers(filled("production", changes))
    assert found.problems == ()
    ignored = [warning.split()[0] for warning in found.warnings]
    assert "broker.kind" in ignored
    assert "executor.workers.replicas" in ignored

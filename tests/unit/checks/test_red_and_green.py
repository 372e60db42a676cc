"""Every rule red where something is wrong, and green on what merely looks like it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.paths import TOP
from tests.unit.checks.trees import (
    APPLICATION,
    CA,
    GIT,
    HOOK,
    KNOWN_HOSTS,
    KUSTOMIZATION,
    METADATA,
    POLICY,
    PROJECT,
    REPOSITORY,
    REPOSITORY_POLICY,
    ROLE,
    STORE,
    VALUES,
    Case,
    application,
    good,
    store,
)

# Made up here, at run time: no scanner shall take this file for a leak.
BODY = base64.b64encode(bytes(range(96))).decode()
DASHES = "-" * 5
KEY = (
    f"{DASHES}BEGIN OPENSSH PRIVATE KEY{DASHES}\n{BODY}\n{DASHES}END OPENSSH PRIVATE KEY{DASHES}\n"
)
PASSWORD = "correct-horse-battery"
HELM = "spec.sources.0.helm"
DATA = "spec.target.template.data"
Change = Callable[[Case], object]


def value(dotted: str, new: object) -> Change:
    return lambda case: case.set(VALUES, dotted, new)


def without(dotted: str) -> Change:
    return lambda case: case.drop(VALUES, dotted)


def put(path: str, dotted: str, new: object) -> Change:
    return lambda case: case.set(path, dotted, new)


def text(path: str, new: str | bytes) -> Change:
    def change(case: Case) -> None:
        case.objects.pop(path, None)
        case.texts[path] = new.encode() if isinstance(new, str) else new

    return change


def template(new: str) -> Change:
    return put(METADATA, "spec.target.template.data.connection", new)


def add(path: str, data: object) -> Change:
    def change(case: Case) -> None:
        case.objects[path] = data
        if path.startswith("apps/airflow/"):
            case.objects[KUSTOMIZATION]["resources"].append(path.removeprefix("apps/airflow/"))

    return change


def both(*changes: Change) -> Change:
    def change(case: Case) -> None:
        for one in changes:
            one(case)

    return change


def written(case: Case) -> None:
    """The wizard wrote the manifests and the Applications."""
    manifests = frozenset(path for path in case.objects if path.startswith("apps/airflow/secrets/"))
    applications = frozenset((APPLICATION, PROJECT))
    case.layout = replace(case.layout, manifests=manifests, applications=applications)


def attribute(name: str, new: str) -> Change:
    return lambda case: setattr(case, name, new)


def secret(**data: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, **data}


def env(path: str, name: str, new: str) -> Change:
    return value(path, [{"name": name, "value": new}])


PGBOUNCER = {
    "enabled": True,
    "configSecretName": "pgb-config",
    "metricsExporterSidecar": {"statsSecretName": "pgb-stats"},
}


def pgbouncer(case: Case) -> None:
    case.set(VALUES, "pgbouncer", dict(PGBOUNCER))
    case.outside(pgb_config=("pgbouncer.ini", "users.txt"), pgb_stats=("connection",))


def pooled(case: Case) -> None:
    """PgBouncer, and the metadata Secret leading to it."""
    pgbouncer(case)
    url = "postgresql://airflow:{{ .databasePassword }}@airflow-pgbouncer.airflow:6543/x"
    template(url.replace(" }}", ' | urlquery | replace "+" "%20" }}'))(case)


def policies(**more: str) -> Change:
    """Policies beside the store's, by name."""

    def change(case: Case) -> None:
        from dataclasses import replace

        known = {name.replace("_", "-"): f"vault/airflow/{name}.hcl" for name in more}
        case.layout = replace(case.layout, policies={**case.layout.policies, **known})
        for name, source in more.items():
            case.texts[f"vault/airflow/{name}.hcl"] = source.encode()

    return change


# rule, where (in part), what breaks it
ACCOUNT: dict[str, Any] = {
    "apiVersion": "v1", "kind": "ServiceAccount",
    "metadata": {"name": "only-for-the-store", "namespace": "airflow"},
}  # fmt: skip
RED: list[tuple[str, str, Change]] = [
    ("yaml.syntax", "line 3", text(VALUES, "a: 1\nb: [\n")),
    ("git.markers", "line 2", text("a.md", f"a\n{'<' * 7} HEAD\nb\n=======\nc\n{'>' * 7} other\n")),
    ("yaml.too-large", "", text("x.yaml", b"#" * (2 * 1024 * 1024 + 1))),
    ("yaml.too-large", "", text("x.yaml", "a: &a [" + "x," * 99 + "]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join('*' + chr(97 + i) for _ in range(9))}]\n"
        for i in range(8)))),
    ("yaml.too-deep", "", text("x.yaml", "[" * 600)),
    ("yaml.not-utf8", "byte 3", text("x.yaml", b"a: \xff")),
    ("yaml.duplicate-key", "a.b", text("x.yaml", "a:\n  b: 1\n  b: 2\n")),
    ("yaml.key", "", text("x.yaml", "? [a]\n: 1\n")),
    ("yaml.ambiguous", "a", text("x.yaml", "a: yes\n")),
    ("yaml.ambiguous", "b[0]", text("x.yaml", "b: [0o17]\n")),
    ("yaml.ambiguous", "on", text("x.yaml", "on: 1\n")),
    ("yaml.ambiguous", "1", text("x.yaml", "1: x\n")),
    ("values.missing", "", lambda case: case.objects.pop(VALUES)),
    ("values.missing", "", text(VALUES, "- a\n")),
    ("values.chart-version", "", attribute("chart", "1.99.0")),
    ("values.unknown-key", "exectuor", value("exectuor", "x")),
    ("values.unknown-key", "workers.celery.replica", value("workers.celery.replica", 1)),
    ("values.unknown-key", "ingress.apiserver", value("ingress.apiserver", {})),
    ("values.deprecated-key", "workers.replicas", value("workers.replicas", 2)),
    ("values.airflow-version", "airflowVersion", without("airflowVersion")),
    ("values.airflow-version", "airflowVersion", value("airflowVersion", "3.2.2-python3.12")),
    ("values.airflow-version", "airflowVersion", value("airflowVersion", 3.2)),
    ("values.airflow-version", "airflowVersion", value("airflowVersion", "2.10.3")),
    ("values.airflow-version", "airflowVersion", value("airflowVersion", "3.1.8")),
    ("values.executor", "executor", value("executor", "CeleryKubernetesExecutor")),
    ("values.executor", "executor", value("executor", "LocalKubernetesExecutor")),
    ("values.missing-host", "pgbouncer.enabled",
     template("postgresql://airflow:{{ .databasePassword }}@airflow-pgbouncer.airflow:6543/x")),
    ("values.missing-host", "postgresql.enabled",
     template("postgresql://postgres:{{ .databasePassword }}@airflow-postgresql.airflow:5432/x")),
    ("values.missing-host", "redis.enabled", value("redis.enabled", False)),
    ("values.unused-host", "pgbouncer.enabled", pgbouncer),
    ("values.unused-host", "postgresql.enabled", value("postgresql.enabled", True)),
    ("values.job-hooks", "migrateDatabaseJob.useHelmHooks",
     value("migrateDatabaseJob.useHelmHooks", True)),
    ("values.job-hooks", "createUserJob.applyCustomEnv", without("createUserJob.applyCustomEnv")),
    ("values.generated-secret", "fernetKeySecretName", without("fernetKeySecretName")),
    ("values.generated-secret", "apiSecretKeySecretName", value("apiSecretKeySecretName", "")),
    ("values.generated-secret", "jwtSecretName", value("jwtSecretName", None)),
    ("values.generated-secret", "webserverSecretKeySecretName",
     both(attribute("airflow", "2.11.0"), value("airflowVersion", "2.11.0"))),
    ("values.generated-secret", "redis.passwordSecretName", without("redis.passwordSecretName")),
    ("values.generated-secret", "data.brokerUrlSecretName", without("data.brokerUrlSecretName")),
    ("values.generated-secret", "data.brokerUrlSecretName", both(
        value("executor", "KubernetesExecutor"), value("redis", {"enabled": False}),
        without("data.brokerUrlSecretName"))),
    ("values.chart-secret", "registry.connection",
     both(written, value("registry", {"connection": {"host": "registry.example.com"}}))),
    ("values.broker", "data.brokerUrl", value("data.brokerUrl", "redis://airflow-redis:6379/0")),
    ("values.metadata-secret", "data.metadataSecretName", without("data.metadataSecretName")),
    ("values.metadata-secret", "data.metadataSecretName", both(
        without("data.metadataSecretName"), value("postgresql.enabled", True))),
    ("values.bundled-postgresql", "postgresql.enabled", without("postgresql")),
    ("values.pgbouncer", "pgbouncer.configSecretName",
     both(pgbouncer, without("pgbouncer.configSecretName"))),
    ("values.pgbouncer", "pgbouncer.metricsExporterSidecar.statsSecretName",
     both(pgbouncer, without("pgbouncer.metricsExporterSidecar"))),
    ("values.network-policy", "apiServer.networkPolicy.ingress.from", without("apiServer")),
    ("values.network-policy", "apiServer.networkPolicy.ingress.from",
     value("ingress.apiServer", {"enabled": True})),
    ("values.network-policy", "apiServer.networkPolicy.ingress.from",
     value("ingress.enabled", True)),
    ("values.network-policy", "apiServer.networkPolicy.ingress.from",
     value("apiServer.service", {"type": "LoadBalancer"})),
    ("values.network-policy", "apiServer.networkPolicy.ingress.from",
     add("apps/airflow/route.yaml", {
         "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
         "metadata": {"name": "ui"}, "spec": {"rules": [{"backendRefs": [
             {"name": "airflow-api-server", "port": 8080}]}]}})),
    ("values.network-policy", "workers.celery.keda.namespaceLabels",
     both(pooled, value("workers.celery.keda", {"enabled": True}))),
    ("values.network-policy", "triggerer.keda.namespaceLabels",
     both(pooled, value("triggerer.keda", {"enabled": True, "usePgbouncer": True}))),
    ("values.duplicate-env", "env[1].name",
     value("env", [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
    ("git-sync.known-hosts", "dags.gitSync.knownHosts", value("dags.gitSync.knownHosts", "")),
    ("git-sync.known-hosts", "dags.gitSync.knownHosts",
     value("dags.gitSync.knownHosts", " \n# later\n")),
    ("git-sync.known-hosts", "dags.gitSync.knownHosts", both(
        without("dags.gitSync.knownHosts"), without("dags.gitSync.sshKeySecret"),
        value("dags.gitSync.repo", "git@github.com:acme/dags.git"))),
    ("git-sync.verification", "dags.gitSync.env[0].value",
     env("dags.gitSync.env", "GITSYNC_SSH_KNOWN_HOSTS", "false")),
    ("git-sync.verification", "dags.gitSync.env[0].value",
     env("dags.gitSync.env", "GIT_SYNC_KNOWN_HOSTS", "0")),
    ("git-sync.verification", "dags.gitSync.env[0].value",
     env("dags.gitSync.env", "GIT_SSH_COMMAND", "ssh -o StrictHostKeyChecking=no")),
    ("git-sync.verification", "env[0].value",
     env("env", "GIT_SSH_COMMAND", "ssh -o UserKnownHostsFile=/dev/null")),
    ("git-sync.verification", "env[0].value", env("env", "GIT_SSL_NO_VERIFY", "true")),
    ("git-sync.verification", "dags.gitSync.env[0].value",
     env("dags.gitSync.env", "GITSYNC_GIT_CONFIG", "http.sslVerify:false")),
    ("git-sync.verification", "extraEnv",
     value("extraEnv", "- name: GIT_SSL_NO_VERIFY\n  value: '1'\n")),
    ("git-sync.verification", "spec.target.template.data.connection",
     template('{"strict_host_key_checking": "no"}')),
    ("git-sync.unreadable", "dags.gitSync.envFrom",
     value("dags.gitSync.envFrom", "{{ include `mine` . }}")),
    ("git-sync.unreadable", "config.core.x", value("config.core.x", "{{ include `mine` . }}")),
    ("git-sync.template", "scheduler.annotations.x",
     value("scheduler.annotations", {"x": "{{ include `mine` . }}"})),
    ("git-sync.mount", "dags.gitSync.extraVolumeMounts[0].mountPath",
     value("dags.gitSync.extraVolumeMounts", [{"name": "a", "mountPath": "/etc/git-secret"}])),
    ("git-sync.mount", "metadata.name", put(
        "apps/airflow/secrets/ca.yaml", "metadata.name", "airflow-config")),
    ("git-sync.program", "dags.gitSync.containerLifecycleHooks.postStart.exec",
     value("dags.gitSync.containerLifecycleHooks", {"postStart": {"exec": {"command": ["x"]}}})),
    ("git-sync.address", "dags.gitSync.repo", value("dags.gitSync.repo", "git://h/a.git")),
    ("git-sync.unverified", "airflowLocalSettings",
     value("airflowLocalSettings", "def pod_mutation_hook(pod): ...")),
    ("git-sync.verification", "patches[0].patch", put(KUSTOMIZATION, "patches", [{"patch":
        "- {op: add, path: /env/-, value: {name: GITSYNC_GIT, value: /x}}"}])),
    ("git-sync.mount", "configMapGenerator[0].name", put(
        KUSTOMIZATION, "configMapGenerator", [{"name": "airflow-config", "literals": ["a=b"]}])),
    ("values.line-break", "schedulerName", value("schedulerName", "a\nhostNetwork: true")),
    ("git-sync.ref", "dags.gitSync.ref", without("dags.gitSync.branch")),
    ("git-sync.ref", "dags.gitSync.ref", value("dags.gitSync.branch", "other")),
    ("git-sync.ref", "dags.gitSync.ref", value("dags.gitSync.rev", "abc")),
    ("git-sync.default", "dags.gitSync.subPath", without("dags.gitSync.subPath")),
    ("git-sync.default", "dags.gitSync.repo", without("dags.gitSync.repo")),
    ("secret.manifest", "data", add("apps/airflow/secrets/x.yaml", secret(data={"a": "YQ=="}))),
    ("secret.manifest", "stringData",
     add("apps/airflow/secrets/x.yaml", secret(stringData={"a": "b"}))),
    ("secret.manifest", "document 2: data", text("x.yaml",
     "a: 1\n---\napiVersion: v1\nkind: Secret\ndata: {a: YQ==}\n")),
    ("secret.manifest", "data", text("x.yaml",
     "apiVersion: v1\nkind: SecretList\nitems:\n- {apiVersion: v1, kind: Secret, data: {a: b}}\n")),
    ("secret.private-key", "line 2", text("notes.md", "# key\n" + KEY)),
    ("secret.private-key", "line 1", text("a.json", '{"k": "' + KEY.replace("\n", "\\n") + '"}')),
    ("secret.private-key", "line 1", text("b64", base64.b64encode(KEY.encode()))),
    ("secret.private-key", "line 1", text("b64", base64.b64encode(b"x" + KEY.encode()))),
    ("secret.private-key", "line 1", text("b64", base64.b64encode(b"xy" + KEY.encode()))),
    ("secret.private-key", "line 1",
     text("b64", base64.b64encode(base64.b64encode(KEY.encode())))),
    ("secret.private-key", "line 1", text("b64", base64.encodebytes(KEY.encode()))),
    ("secret.private-key", "line 1", text("a.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n")),
    ("secret.url", "line 1", text("x.md", f"postgresql://airflow:{PASSWORD}@pg/airflow")),
    ("secret.url", "line 1", text("x.md", f"redis://:{PASSWORD}@airflow-redis:6379/0")),
    ("secret.url", "line 1", text("x.md", f"https://bot:{PASSWORD}%40@git.example.com/a.git")),
    ("secret.token", "line 1", text("x.md", "token eyJhbGciOiJSUzI1NiJ9" + ".eyJpc3MiOiJhIn0."
                                    + "a" * 43)),
    ("secret.token", "line 1", text("x.md", "hv" + "s." + "CAESIJ" * 5)),
    ("secret.token", "line 1", text("x.md", "AGE-SECRET-" + "KEY-1" + "Q" * 58)),
    ("secret.token", "line 1", text("x.md", "gh" + "p_" + "a" * 36)),
    ("secret.token", "line 1", text("x.md", "gl" + "pat-" + "a" * 20)),
    ("secret.token", "line 1", text("x.md", "AK" + "IA" + "Q" * 16)),
    ("secret.token", "", text("gh" + "p_" + "a" * 36, "in a name")),
    ("secret.inline-value", "data.metadataConnection.pass",
     value("data.metadataConnection.pass", PASSWORD)),
    ("secret.inline-value", "fernetKey", value("fernetKey", PASSWORD)),
    ("secret.inline-value", "extraSecrets.mine.stringData",
     value("extraSecrets.mine", {"stringData": "a: b"})),
    ("secret.inline-value", "config.smtp.smtp_password",
     value("config.smtp.smtp_password", PASSWORD)),
    ("secret.inline-value", "config.secrets.backend_kwargs",
     value("config.secrets.backend_kwargs", '{"auth_type": "approle", "secret_id": "abc"}')),
    ("secret.literal", "env[0].value", env("env", "AIRFLOW__CORE__FERNET_KEY", PASSWORD)),
    ("secret.inline-value", "spec.sources[0].helm.values.redis.password",
     put(APPLICATION, f"{HELM}.values", f"redis:\n  password: {PASSWORD}\n")),
    ("secret.inline-value", "spec.sources[0].helm.valuesObject.jwtSecret",
     put(APPLICATION, f"{HELM}.valuesObject", {"jwtSecret": PASSWORD})),
    ("secret.parameter", "spec.sources[0].helm.parameters[0]",
     put(APPLICATION, f"{HELM}.parameters", [{"name": "redis.password", "value": PASSWORD}])),
    ("secret.parameter", "spec.sources[0].helm.parameters[0]",
     put(APPLICATION, f"{HELM}.parameters",
         [{"name": "extraSecrets.mine.data", "value": PASSWORD}])),
    ("reference.secret", "fernetKeySecretName", value("fernetKeySecretName", "other")),
    ("reference.secret", "createUserJob.env[0].valueFrom.secretKeyRef",
     value("createUserJob.env.0.valueFrom.secretKeyRef.name", "other")),
    ("reference.secret", "secret[0]",
     value("secret", [{"envName": "A", "secretName": "other", "secretKey": "k"}])),
    ("reference.secret", "extraEnvFrom",
     value("extraEnvFrom", "- secretRef:\n    name: '{{ .Release.Name }}-other'\n")),
    ("reference.secret", "volumes[0].secret",
     value("volumes", [{"name": "a", "secret": {"secretName": "other"}}])),
    ("reference.secret", "imagePullSecrets[0]", value("imagePullSecrets", ["other"])),
    ("reference.secret", "imagePullSecrets[0]", value("imagePullSecrets", [{"name": "other"}])),
    ("reference.secret", "ingress.apiServer.hosts[0].tls", value("ingress.apiServer.hosts",
     [{"name": "a.example", "tls": {"enabled": True, "secretName": "other"}}])),
    ("reference.secret", "spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef",
     add("apps/airflow/secrets/pod.yaml", {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"env": [
             {"name": "A", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}]}]}}}})),
    ("reference.secret", "data.metadataSecretName", put(METADATA, "metadata.namespace", "default")),
    ("reference.key", "data.metadataSecretName",
     put(METADATA, "spec.target.template.data", {"other": "x"})),
    ("reference.key", "createUserJob.env[0].valueFrom.secretKeyRef",
     value("createUserJob.env.0.valueFrom.secretKeyRef.key", "passwort")),
    ("reference.key", "pgbouncer.configSecretName",
     both(pgbouncer, lambda case: case.outside(pgb_config=("pgbouncer.ini",)))),
    ("store.missing", "spec.secretStoreRef.name",
     put(METADATA, "spec.secretStoreRef.name", "other")),
    ("store.missing", "spec.secretStoreRef.name",
     put(METADATA, "spec.secretStoreRef.kind", "ClusterSecretStore")),
    ("store.plain-http", "spec.provider.vault.server",
     put(STORE, "spec.provider.vault.server", "http://vault:8200")),
    ("store.version", "spec.provider.vault.version",
     put(STORE, "spec.provider.vault.version", "v1")),
    ("store.conditions", "spec.conditions", put(STORE, "kind", "ClusterSecretStore")),
    ("store.ca", "spec.provider.vault.caProvider.name",
     put(STORE, "spec.provider.vault.caProvider.name", "other")),
    ("vault.not-covered", "spec.data[0].remoteRef.key",
     put(METADATA, "spec.data.0.remoteRef.key", "somewhere/else")),
    ("external-secret.version", "apiVersion",
     put(METADATA, "apiVersion", "external-secrets.io/v1beta1")),
    ("external-secret.version", "apiVersion",
     put(STORE, "apiVersion", "external-secrets.io/v1beta1")),
    ("vault.doubled-data", "spec.data[0].remoteRef.key",
     put(METADATA, "spec.data.0.remoteRef.key", "data/airflow-install/airflow/config")),
    ("vault.doubled-data", "spec.data[0].remoteRef.key",
     put(METADATA, "spec.data.0.remoteRef.key", "secret/data/airflow-install/airflow/config")),
    ("vault.doubled-data", "spec.data[0].remoteRef.key",
     put(STORE, "spec.provider.vault.path", "secret/data")),
    ("vault.not-covered", "spec.data[0].remoteRef.key",
     text(POLICY, 'path "secret/data/airflow-install/airflow/confi" { capabilities = ["read"] }')),
    ("vault.not-covered", "spec.data[0].remoteRef.key",
     text(POLICY, 'path "secret/airflow-install/airflow/config" { capabilities = ["read"] }')),
    ("vault.not-covered", "spec.data[0].remoteRef.key", text(POLICY,
     'path "secret/data/airflow-install/airflow/config" { capabilities = ["list"] }')),
    ("vault.policy", "line 2", text(POLICY, 'path "a" { capabilities = ["read"] }\nnonsense = 1')),
    ("vault.policy-wide", "line 1", text(POLICY,
     'path "secret/data/airflow-install/airflow/config" { capabilities = ["read", "update"] }')),
    ("vault.policy-wide", "line 1", text(POLICY, 'path "secret/*" { capabilities = ["read"] }')),
    ("vault.policy-wide", "line 4", text(REPOSITORY_POLICY,
     'path "secret/data/airflow-install/airflow/argocd" {\n  capabilities = ["read"]\n}\n'
     'path "secret/data/airflow-install/airflow/config" {\n  capabilities = ["read"]\n}\n')),
    ("vault.payload-readable", "", policies(
        workers='path "secret/data/airflow-install/+/*" { capabilities = ["read"] }')),
    ("vault.role", "bound_service_account_names",
     put(ROLE, "bound_service_account_names", ["default"])),
    ("vault.role", "bound_service_account_names", put(ROLE, "bound_service_account_names", ["*"])),
    ("vault.role", "bound_service_account_namespaces",
     put(ROLE, "bound_service_account_namespaces", ["external-secrets"])),
    ("vault.role", "audience", put(ROLE, "audience", "https://kubernetes.default.svc")),
    ("vault.role", "audience",
     both(lambda case: case.drop(ROLE, "audience"), lambda case: case.drop(
         STORE, "spec.provider.vault.auth.kubernetes.serviceAccountRef.audiences"))),
    ("vault.role", "token_policies", put(ROLE, "token_policies", ["root"])),
    ("argocd.repository-namespace", "metadata.namespace",
     put(REPOSITORY, "metadata", {"name": "airflow-repository", "namespace": "airflow"})),
    ("argocd.repository-url", f"{DATA}.url", put(REPOSITORY, f"{DATA}.url", GIT[:-4])),
    ("argocd.repository-login", DATA,
     lambda case: case.drop(REPOSITORY, f"{DATA}.sshPrivateKey")),
    ("argocd.repository-unchecked", f"{DATA}.insecure",
     put(REPOSITORY, f"{DATA}.insecure", "true")),
    ("argocd.repository-unchecked", f"{DATA}.insecureIgnoreHostKey",
     put(REPOSITORY, f"{DATA}.insecureIgnoreHostKey", "{{ .repositorySshKey }}")),
    ("template.variable", "spec.target.template.data.connection",
     template("{{ .databasPassword }}")),
    ("template.index", "spec.target.template.data.connection",
     template('{{ index (fromYaml .databasePassword) "a-b" }}')),
    ("template.open", "spec.target.template.data.connection",
     template('{{ .databasePassword }} {{ "{{ .x }}')),
    ("template.dash", "spec.target.template.data.connection",
     template("{{ (fromYaml .databasePassword).extra-secrets.key }}")),
    ("template.urlquery", "spec.target.template.data.connection",
     template("postgresql://a:{{ .databasePassword | urlquery }}@h/d")),
    ("template.function", "spec.target.template.data.connection",
     template('{{ required "needed" .databasePassword }}')),
    ("template.engine", "spec.target.template.engineVersion",
     put(METADATA, "spec.target.template.engineVersion", "v1")),
    ("external-secret.duration", "spec.refreshInterval",
     put(METADATA, "spec.refreshInterval", "2 minutes")),
    ("external-secret.duration", "spec.refreshInterval", put(METADATA, "spec.refreshInterval", 60)),
    ("argocd.values-ref", "spec.sources[0].helm.valueFiles[0]",
     put(APPLICATION, "spec.sources.1", {"repoURL": GIT, "path": "apps/airflow"})),
    ("argocd.values-ref", "spec.source.helm.valueFiles[0]", both(
        put(APPLICATION, "spec.source", {"repoURL": "https://airflow.apache.org",
            "chart": "airflow", "helm": {"valueFiles": [f"$values/{VALUES}"]}}),
        put(APPLICATION, "spec.sources", []))),
    ("argocd.values-ref", "spec.sources ref values",
     put(APPLICATION, "spec.sources.1.chart", "airflow")),
    ("argocd.values-file", "spec.sources[0].helm.valueFiles[0]",
     put(APPLICATION, f"{HELM}.valueFiles", ["$values/apps/airflow/values.yaml"])),
    ("argocd.sources", "spec", lambda case: case.drop(APPLICATION, "spec.sources")),
    ("argocd.sync-option", "spec.syncPolicy.syncOptions[0]",
     put(APPLICATION, "spec.syncPolicy.syncOptions", ["CreateNamespaces=true"])),
    ("argocd.sync-option", "metadata.annotations.argocd.argoproj.io/sync-options",
     put(METADATA, "metadata.annotations", {"argocd.argoproj.io/sync-options": "Prune=no"})),
    ("argocd.annotation", "metadata.annotations.argocd.argoproj.io/sync-wave",
     put(METADATA, "metadata.annotations", {"argocd.argoproj.io/sync-wave": "first"})),
    ("argocd.annotation", "metadata.annotations.argocd.argoproj.io/sync-wave",
     put(METADATA, "metadata.annotations", {"argocd.argoproj.io/sync-wave": -5})),
    ("argocd.annotation", f"metadata.annotations.{HOOK}",
     put(METADATA, "metadata.annotations", {HOOK: "presync"})),
    ("argocd.annotation", f"metadata.annotations.{HOOK}-delete-policy",
     put(METADATA, "metadata.annotations", {f"{HOOK}-delete-policy": "before-hook-creation"})),
    ("argocd.duration", "spec.syncPolicy.retry.backoff.maxDuration",
     put(APPLICATION, "spec.syncPolicy.retry.backoff.maxDuration", "5 minutes")),
    ("argocd.destination", "spec.destination.namespace",
     put(APPLICATION, "spec.destination.namespace", "argocd")),
    ("argocd.destination", "spec.destinations[0].namespace",
     put(PROJECT, "spec.destinations.0.namespace", "*")),
    ("argocd.project", "spec.project", put(APPLICATION, "spec.project", "default")),
    ("argocd.project-wide", "spec.sourceRepos[0]", put(PROJECT, "spec.sourceRepos", ["*"])),
    ("argocd.source-repo", "spec.sources[1].repoURL",
     put(APPLICATION, "spec.sources.1.repoURL", "git@git.example.com:platform/k8s-infra.git")),
    ("argocd.source-repo", "spec.destination",
     put(APPLICATION, "spec.destination.namespace", "other")),
    ("argocd.project-kind", "quotas", both(
        put(PROJECT, "spec.namespaceResourceBlacklist", [{"group": "", "kind": "ResourceQuota"}]),
        value("quotas", {"pods": "10"}))),
    ("argocd.project-kind", "limits", both(
        put(PROJECT, "spec.namespaceResourceWhitelist", [{"group": "apps", "kind": "*"}]),
        value("limits", [{"type": "Pod"}]))),
    ("argocd.project-kind", "priorityClasses",
     value("priorityClasses", [{"name": "high", "value": 1}])),
    ("argocd.project-kind", "multiNamespaceMode", value("multiNamespaceMode", True)),
    ("argocd.project-object", "kind", both(written, add("apps/airflow/mine.yaml", {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "x"}}))),
    ("argocd.project-object", "metadata.namespace", both(written, add("apps/airflow/mine.yaml", {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "x", "namespace": "other"}}))),
    ("argocd.job", "migrateDatabaseJob.jobAnnotations",
     without("migrateDatabaseJob.jobAnnotations")),
    ("argocd.job", "createUserJob.jobAnnotations",
     without("createUserJob.ttlSecondsAfterFinished")),
    ("kustomize.missing", "resources[0]", put(KUSTOMIZATION, "resources.0", "secrets/gone.yaml")),
    ("kustomize.missing", "configMapGenerator[0].files[0]", both(
        written, put(KUSTOMIZATION, "configMapGenerator", [{"name": "c", "files": ["x=gone"]}]))),
    ("kustomize.remote", "resources[0]", both(
        written, put(KUSTOMIZATION, "resources.0", "https://git.example.com/x?ref=v1"))),
    ("kustomize.unlisted", "", lambda case: case.objects[KUSTOMIZATION]["resources"].pop()),
    ("kustomize.values", "resources[0]",
     put(KUSTOMIZATION, "resources.0", "airflow-values.yaml")),
    ("kustomize.values", "spec.sources[1].path", lambda case: case.objects.pop(KUSTOMIZATION)),
    ("kustomize.guarded", "namePrefix", both(written, put(KUSTOMIZATION, "namePrefix", "x-"))),
    ("kustomize.rival", "metadata.name", both(written, add("apps/airflow/mine.yaml", {
        **store(), "metadata": {"name": store()["metadata"]["name"]}}))),
    ("kustomize.account", "spec.serviceAccountName", both(
        written, add("apps/airflow/secrets/account.yaml", ACCOUNT), written,
        add("apps/airflow/mine.yaml", {"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": "x"}, "spec": {"serviceAccountName": ACCOUNT["metadata"]["name"]}}))),
    ("argocd.rival", "spec", both(
        written, add("argocd/airflow/x.yaml", {**application(), "metadata": {"name": "x"}}))),
    ("argocd.values-unread", "spec.sources[0].helm.fileParameters[0]", both(
        written, put(APPLICATION, "spec.sources.0.helm.fileParameters",
                     [{"name": "a", "path": "/b"}]))),
    ("schema.values", "workers.celery.replicas", both(
        value("workers.celery.replicas", PASSWORD), lambda case: case.more.update(chart_schema={
            "properties": {"workers": {"properties": {"celery": {"properties": {
                "replicas": {"type": "integer"}}}}}}}))),
    ("schema.object", "spec.template", both(
        add("apps/airflow/secrets/x.yaml", {"apiVersion": "example.com/v1", "kind": "X",
            "metadata": {"name": "x"}, "spec": {"template": {"colour": PASSWORD}}}),
        lambda case: case.more.update(crds={("example.com/v1", "X"): {"type": "object",
            "properties": {"spec": {"type": "object", "properties": {"template": {
                "type": "object", "properties": {"color": {"type": "string"}}}}}}}}))),
]  # fmt: skip

# what looks like the rule's red case, but is right
GREEN: list[tuple[str, Change]] = [
    ("yaml.ambiguous", text("x.yaml", 'a: "yes"\nb: 017x\nc: ON call\nd: 2026-11-21\n')),
    ("yaml.duplicate-key", text("x.yaml", "a: {b: 1}\nc: {b: 1}\n")),
    ("git.markers", text("a.md", f"Title\n=======\n\n{'<' * 7} is how a conflict begins\n")),
    ("yaml.too-large", text("x.yaml", "a: &a [1]\nb: *a\nc: *a\n")),
    ("yaml.syntax", text("templates.tpl", "{{- if x }}\na: [\n{{ end }}")),
    ("values.unknown-key", value("config.my_section.my_option", "1")),
    ("values.unknown-key", value("postgresql.primary.resources", {})),
    ("values.deprecated-key", value("workers.celery.replicas", 2)),
    ("values.executor", both(value("executor", "CeleryExecutor,KubernetesExecutor"),
                             value("logs.persistence.enabled", True))),
    ("values.job-hooks", value("createUserJob", {"enabled": False})),
    ("values.unused-host", both(pooled, value("postgresql.enabled", True))),
    ("values.missing-host", both(value("redis.enabled", False), value("fullnameOverride", "a"))),
    ("values.missing-host", template(
        "postgresql://airflow:{{ .databasePassword }}@airflow-pgbouncer-eu.example.com:6543/x")),
    ("values.pgbouncer", pooled),
    ("values.pgbouncer", both(pooled, without("pgbouncer.configSecretName"),
                              value("pgbouncer.mountConfigSecret", False))),
    ("values.generated-secret", both(value("executor", "KubernetesExecutor"),
                                     value("redis", {"enabled": False}),
                                     value("logs.persistence.enabled", True),
                                     value("data.brokerUrlSecretName", "unused"))),
    ("reference.secret", value("ingress.apiServer", {
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
        "hosts": [{"name": "a.example", "tls": {"enabled": True, "secretName": "other"}}]})),
    ("values.network-policy", both(without("apiServer"), value("networkPolicies.enabled", False))),
    ("values.network-policy", both(value("ingress.apiServer", {"enabled": True}), value(
        "apiServer.networkPolicy.ingress.from", [{"namespaceSelector": {}}]))),
    ("values.network-policy", both(value("ingress.apiServer", {"enabled": True}),
                                   value("networkPolicies.enabled", False))),
    ("values.network-policy", both(pooled, value(
        "workers.celery.keda", {"enabled": True, "namespaceLabels": {"name": "keda"}}))),
    ("values.network-policy", both(pooled, value(
        "triggerer.keda", {"enabled": False, "usePgbouncer": True}))),
    ("values.duplicate-env", value("scheduler.env", [{"name": "A", "value": "1"}])),
    ("git-sync.known-hosts", both(
        without("dags.gitSync.knownHosts"), without("dags.gitSync.sshKeySecret"),
        value("dags.gitSync.repo", "https://github.com/apache/airflow.git"))),
    ("git-sync.known-hosts", value("dags.gitSync", {"enabled": False})),
    ("git-sync.verification", env("dags.gitSync.env", "GIT_SYNC_KNOWN_HOSTS", "true")),
    ("git-sync.verification",
     env("env", "GIT_SSH_COMMAND", "ssh -o StrictHostKeyChecking=yes -o ConnectTimeout=5")),
    ("git-sync.verification", env("dags.gitSync.env", "GITSYNC_GIT_CONFIG", "http.sslVerify:true")),
    ("git-sync.ref", both(value("dags.gitSync.branch", ""), value("dags.gitSync.rev", ""))),
    ("secret.manifest", add("apps/airflow/secrets/x.yaml", secret(data={}))),
    ("secret.manifest", add("apps/airflow/secrets/x.yaml", secret(
        data={"a": "ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]"}, sops={"mac": "ENC[...]"}))),
    ("secret.private-key", text("x.md", "grep -q 'BEGIN OPENSSH PRIVATE KEY' && echo found")),
    ("secret.private-key", text("x.md", f"{DASHES}BEGIN PRIVATE KEY{DASHES}\n...\n")),
    ("secret.private-key", text("x.pem", CA["data"]["ca.crt"])),  # type: ignore[index]
    ("secret.private-key", text("b64", base64.b64encode(
        f"{DASHES}BEGIN CERTIFICATE{DASHES}\n{BODY}\n".encode()))),
    ("secret.private-key", text("known_hosts", KNOWN_HOSTS * 3)),
    ("secret.url", text("x.md", "ssh://git@git.example.com:2222/a.git https://h:8080/x@y")),
    ("secret.url", text("x.md", 'postgresql://a:{{ .p | urlquery | replace "+" "%20" }}@h/d')),
    ("secret.url", text("x.md", "redis://:$(PASSWORD)@h redis://:${P}@h redis://:***@h")),
    ("secret.url", text("x.md", "postgresql://USER:PASSWORD@HOST/DB mailto:a:b@c")),
    ("secret.token", text("x.md", "hvs. is the prefix; ghp_ too; AKIAIOSFODNN7EXAMPLE")),
    ("secret.token", text("x.md", "x" * 20 + "AKIA" + "Q" * 16 + "y" * 20)),
    ("secret.inline-value", value("data.metadataConnection", {"user": "airflow", "pass": ""})),
    ("secret.inline-value", value("config.secrets.backend_kwargs",
                                  '{"auth_type": "kubernetes", "kubernetes_role": "airflow"}')),
    ("secret.literal", env("env", "AIRFLOW__SMTP__SMTP_PASSWORD", "")),
    ("secret.parameter",
     put(APPLICATION, f"{HELM}.parameters", [{"name": "executor", "value": "LocalExecutor"}])),
    ("reference.secret", both(value("imagePullSecrets", ["regcred"]),
                              lambda case: case.outside(regcred=(".dockerconfigjson",)))),
    ("reference.secret", value("volumes", [
        {"name": "a", "secret": {"secretName": "other", "optional": True}}])),
    ("reference.secret", value("extraEnvFrom",
                               "- secretRef:\n    name: '{{ .Release.Name }}-metadata'\n")),
    ("reference.secret", both(
        value("webserverSecretKeySecretName", "ignored-by-airflow-3"),
        value("dags.gitSync.credentialsSecret", "ignored-beside-a-key"))),
    ("reference.key", both(value("fernetKeySecretName", "theirs"),
                           lambda case: case.outside(theirs=None))),
    ("reference.key", both(
        put(METADATA, "spec.dataFrom", [{"extract": {"key": "airflow-install/airflow/config"}}]),
        lambda case: case.drop(METADATA, "spec.target.template"))),
    ("store.missing", lambda case: case.objects.__setitem__(METADATA, {
        **case.objects[METADATA], "spec": {**case.objects[METADATA]["spec"], "secretStoreRef": {
            "name": "airflow-vault"}}})),
    ("store.conditions", both(
        put(STORE, "kind", "ClusterSecretStore"),
        put(STORE, "spec.conditions", [{"namespaces": ["airflow"]}]),
        put(STORE, "spec.provider.vault.auth.kubernetes.serviceAccountRef.namespace", "airflow"),
        lambda case: [put(path, "spec.secretStoreRef.kind", "ClusterSecretStore")(case)
                      for path, data in case.objects.items()
                      if data.get("kind") == "ExternalSecret" and path != REPOSITORY])),
    ("vault.not-covered", put(METADATA, "spec.data.0.remoteRef.key",
                              "secret/airflow-install/airflow/config")),
    ("vault.policy", text(POLICY, "# policy\n/* of the store */ // only\n"
     'path "secret/data/airflow-install/airflow/config" {\n  capabilities = [ "read", ]\n}\n')),
    ("vault.policy-wide", text(POLICY,
     'path "secret/data/airflow-install/airflow/config" { capabilities = ["read"] }\n'
     'path "secret/data/other" { capabilities = ["deny"] }')),
    ("vault.payload-readable", policies(
        workers='path "secret/data/airflow/connections/*" { capabilities = ["read"] }')),
    ("template.variable", template("{{ with .databasePassword }}{{ .other }}{{ end }}")),
    ("template.variable", template('{{ "{{ .not_code }}" }}{{ .databasePassword }} .txt')),
    ("template.index", template('{{ (fromYaml .databasePassword).a.b | replace "index" "get" }}')),
    ("template.dash", template('{{ .databasePassword | trimSuffix ".a-b" }}')),
    ("template.open", template('{{/* an odd " */}}{{ .databasePassword | trimSuffix "}}" }}')),
    ("template.function", template("{{ .databasePassword | quote }} env required")),
    ("external-secret.duration", put(METADATA, "spec.refreshInterval", "0")),
    ("external-secret.duration", put(METADATA, "spec.refreshInterval", "1h30m0.5s")),
    ("argocd.duration", put(APPLICATION, "spec.syncPolicy.retry.backoff.duration", "30")),
    ("argocd.sync-option", put(APPLICATION, "spec.syncPolicy.syncOptions",
                               ["PrunePropagationPolicy=foreground", "Prune=confirm"])),
    ("argocd.values-file",
     put(APPLICATION, f"{HELM}.valueFiles", [f"$values/clusters/p/{VALUES}"])),
    ("argocd.destination", both(
        add("argocd/airflow/bootstrap/project.yaml", {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "parent"}, "spec": {"sourceRepos": [GIT],
            "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "argocd"}],
            "namespaceResourceWhitelist": [{"group": "argoproj.io", "kind": "Application"}]}}),
        add("argocd/airflow/bootstrap/parent.yaml", {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "parent"}, "spec": {"project": "parent",
            "source": {"repoURL": GIT, "path": "argocd/airflow"}, "destination": {
                "server": "https://kubernetes.default.svc", "namespace": "argocd"}}}))),
    ("argocd.project-kind", both(
        put(PROJECT, "spec.clusterResourceWhitelist", [{"group": "*", "kind": "*"}]),
        value("multiNamespaceMode", True), value("quotas", {"pods": "10"}))),
    ("argocd.project-kind", both(value("multiNamespaceMode", True), value("rbac.create", False))),
    ("argocd.project-object", both(written, add("apps/airflow/mine.yaml", {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {
            "name": "x", "namespace": "airflow"}}))),
    ("argocd.job", value("createUserJob", {"enabled": False})),
    ("argocd.repository-unchecked", put(REPOSITORY, f"{DATA}.insecure", "false")),
    # A template of credentials is a prefix of many URLs.
    ("argocd.repository-url", both(
        put(REPOSITORY, "spec.target.template.metadata",
            {"labels": {"argocd.argoproj.io/secret-type": "repo-creds"}}),
        put(REPOSITORY, f"{DATA}.url", "ssh://git@git.example.com/"))),
    ("kustomize.missing", lambda case: case.objects[KUSTOMIZATION]["resources"].append("secrets")),
]  # fmt: skip


def test_the_right_tree_has_no_finding() -> None:
    assert good().run() == []


def name_of(case: object) -> str:
    return str(case) if isinstance(case, str) else ""


@pytest.mark.parametrize(("rule", "where", "change"), RED, ids=name_of)
def test_red(rule: str, where: str, change: Change) -> None:
    case = good()
    change(case)
    found = case.run()
    assert any(f.rule == rule and f.where == where for f in found), [*map(str, found)]
    assert case.run() == found
    for finding in found:
        assert finding.message
        assert finding.fix
        for hidden in (PASSWORD, BODY[:24], "QQQQQQQQ", "aaaaaaaa", "CAESIJ"):
            assert hidden not in repr(finding)


@pytest.mark.parametrize(("rule", "change"), GREEN, ids=name_of)
def test_green(rule: str, change: Change) -> None:
    case = good()
    change(case)
    assert [str(f) for f in case.run()] == []


@pytest.mark.parametrize(
    ("group", "cluster", "namespaced", "severity"),
    [
        ("example.com", [], [{"group": "apps", "kind": "*"}], "error"),
        ("example.com", [{"group": "*", "kind": "*"}], [{"group": "apps", "kind": "*"}], "warning"),
        ("batch", [{"group": "*", "kind": "*"}], [{"group": "apps", "kind": "*"}], "error"),
    ],
)
def test_a_refused_kind_is_an_error_if_its_scope_is_known(
    group: str, cluster: object, namespaced: object, severity: str
) -> None:
    """Argo CD then syncs nothing; a custom kind may have no namespace, and be allowed so."""
    case = good()
    written(case)
    case.set(PROJECT, "spec.clusterResourceWhitelist", cluster)
    case.set(PROJECT, "spec.namespaceResourceWhitelist", namespaced)
    one = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "x"}}
    add("apps/airflow/mine.yaml", one)(case)
    found = [one for one in case.run() if one.path == "apps/airflow/mine.yaml"]
    assert [(one.rule, one.severity) for one in found] == [("argocd.project-object", severity)]


def rules() -> set[str]:
    """Every rule id in the checks' sources."""
    prefixes = "argocd|external-secret|git-sync|kustomize|reference|schema|secret|store|template"
    pattern = re.compile(rf'"((?:{prefixes}|values|vault|yaml)\.[a-z0-9-]+)"')
    files = [*TOP.glob("wizard/checks/*.py"), *TOP.glob("wizard/*/*/checks/*.py")]
    found = {id_ for file in files for id_ in pattern.findall(file.read_text())}
    return {id_ for id_ in found if not id_.endswith((".yaml", ".json"))}


def test_every_rule_has_a_red_case() -> None:
    assert rules() - {rule for rule, _, _ in RED} == {"secret.held"}


def test_held_values_are_found_in_files_and_names_and_never_shown() -> None:
    held = "Tr0ub4dor-and-3-more"
    case = good()
    case.texts["docs/airflow/notes.md"] = base64.b64encode(held.encode())
    case.texts[f"docs/{held}.md"] = b"innocent"
    case.values[held] = 1
    found = case.run(held=(held,))
    assert sum(finding.rule == "secret.held" for finding in found) == 3
    assert "values.unknown-key" in {finding.rule for finding in found}
    assert held not in repr(found)
    assert good().run(held=(held,)) == []


def test_findings_cannot_move_the_cursor() -> None:
    case = good()
    case.texts["x.yaml"] = b'"a\\e[31m\\u202e": 1\n"a\\e[31m\\u202e": 2\n'
    assert not re.search("[\x00-\x1f\u202e]", "".join(f.where for f in case.run()))


def test_order_of_files_does_not_matter() -> None:
    case = good()
    case.set(VALUES, "exectuor", 1)
    case.set(STORE, "spec.provider.vault.server", "http://vault")
    found = case.run()
    case.objects = dict(reversed(case.objects.items()))
    assert case.run() == found == sorted(found, key=lambda finding: finding.sort_key())


def test_a_version_that_is_none_is_a_mistake_of_the_caller() -> None:
    case = good()
    case.airflow = "latest"
    with pytest.raises(ValueError, match=r"X\.Y\.Z"):
        case.run()

"""A small, right installation as files, and helpers that break single places of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout
from wizard.findings import Finding
from wizard.formats.yaml_writer import dump_yaml

VALUES = "apps/airflow/airflow-values.yaml"
STORE = "apps/airflow/secrets/store.yaml"
METADATA = "apps/airflow/secrets/airflow-metadata.yaml"
KUSTOMIZATION = "apps/airflow/kustomization.yaml"
APPLICATION = "argocd/airflow/application.yaml"
PROJECT = "argocd/airflow/project.yaml"
POLICY = "vault/airflow/eso-read.hcl"
ROLE = "vault/airflow/eso.json"
REPOSITORY = "argocd/airflow/bootstrap/credential-secret.yaml"
REPOSITORY_POLICY = "vault/airflow/eso-argocd-read.hcl"
GIT = "ssh://git@git.example.com/platform/k8s-infra.git"
CHART = "https://airflow.apache.org"
HOOK = "argocd.argoproj.io/hook"
KNOWN_HOSTS = (
    "git.example.com ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
)
SECRETS: Mapping[str, Mapping[str, str]] = {
    "airflow-metadata": {
        "connection": "postgresql://airflow:"
        '{{ .databasePassword | urlquery | replace "+" "%20" }}@pg.example.internal:5432/airflow'
    },
    "airflow-broker-url": {
        "connection": 'redis://:{{ .redisPassword | urlquery | replace "+" "%20" }}@airflow-redis'
        ":6379/0"
    },
    "airflow-redis-password": {"password": "{{ .redisPassword }}"},
    "airflow-fernet-key": {"fernet-key": "{{ .fernetKey }}"},
    "airflow-api-secret-key": {"api-secret-key": "{{ .apiSecretKey }}"},
    "airflow-jwt-secret": {"jwt-secret": "{{ .jwtSecret }}"},
    "airflow-ssh-secret": {"gitSshKey": '{{ .gitSshKey | trimSuffix "\\n" }}\n'},
    "airflow-admin": {"username": "admin", "password": "{{ .adminPassword }}"},
}


def job(hook: str) -> dict[str, Any]:
    """A Job as Argo CD needs it."""
    return {
        "useHelmHooks": False,
        "applyCustomEnv": False,
        "ttlSecondsAfterFinished": None,
        "jobAnnotations": {HOOK: hook, f"{HOOK}-delete-policy": "BeforeHookCreation"},
    }


def values() -> dict[str, Any]:
    """Right values for Celery on Airflow 3 with everything named."""
    return {
        "executor": "CeleryExecutor",
        "airflowVersion": "3.2.2",
        "postgresql": {"enabled": False},
        "data": {
            "metadataSecretName": "airflow-metadata",
            "brokerUrlSecretName": "airflow-broker-url",
        },
        "fernetKeySecretName": "airflow-fernet-key",
        "apiSecretKeySecretName": "airflow-api-secret-key",
        "jwtSecretName": "airflow-jwt-secret",
        "redis": {"enabled": True, "passwordSecretName": "airflow-redis-password"},
        "env": [{"name": "AIRFLOW__CORE__DEFAULT_TIMEZONE", "value": "Asia/Taipei"}],
        "config": {"core": {"load_examples": "False"}},
        "dags": {
            "gitSync": {
                "enabled": True,
                "repo": "ssh://git@git.example.com/platform/airflow-dags.git",
                "branch": "main",
                "ref": "main",
                "rev": "HEAD",
                "subPath": "",
                "sshKeySecret": "airflow-ssh-secret",
                "knownHosts": KNOWN_HOSTS,
            }
        },
        "migrateDatabaseJob": job("Sync"),
        "createUserJob": {
            **job("PostSync"),
            "env": [
                {
                    "name": "AIRFLOW_DEFAULT_PASSWORD",
                    "valueFrom": {"secretKeyRef": {"name": "airflow-admin", "key": "password"}},
                }
            ],
        },
        "networkPolicies": {"enabled": True},
        "apiServer": {
            "networkPolicy": {"ingress": {"from": [{"podSelector": {"matchLabels": {"a": "b"}}}]}}
        },
    }


def external_secret(name: str, template: Mapping[str, str]) -> dict[str, Any]:
    """An ExternalSecret in the form without API server additions."""
    import re

    facts = sorted(set(re.findall(r"\{\{ \.(\w+)", "".join(template.values()))))
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {
            "name": name,
            "namespace": "airflow",
            "annotations": {
                "argocd.argoproj.io/sync-wave": "-5",
                "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
            },
        },
        "spec": {
            "refreshPolicy": "Periodic",
            "refreshInterval": "1h0m0s",
            "secretStoreRef": {"name": "airflow-vault", "kind": "SecretStore"},
            "target": {
                "name": name,
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": {
                    "type": "Opaque",
                    "engineVersion": "v2",
                    "mergePolicy": "Replace",
                    "data": dict(template),
                },
            },
            "data": [
                {
                    "secretKey": fact,
                    "remoteRef": {
                        "key": "airflow-install/airflow/config",
                        "property": fact,
                        "conversionStrategy": "Default",
                        "decodingStrategy": "None",
                        "metadataPolicy": "None",
                    },
                }
                for fact in facts
            ],
        },
    }


def store() -> dict[str, Any]:
    """A SecretStore with an account of its own."""
    account = {"name": "airflow-external-secrets", "audiences": ["vault"]}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "airflow-vault", "namespace": "airflow"},
        "spec": {
            "provider": {
                "vault": {
                    "server": "https://vault.example.internal:8200",
                    "path": "secret",
                    "version": "v2",
                    "caProvider": {"type": "ConfigMap", "name": "airflow-ca", "key": "ca.crt"},
                    "auth": {
                        "kubernetes": {
                            "mountPath": "kubernetes",
                            "role": "eso",
                            "serviceAccountRef": account,
                        }
                    },
                }
            }
        },
    }


def application() -> dict[str, Any]:
    """One Application: chart with `$values`, manifests as the ref source's path."""
    helm = {"releaseName": "airflow", "valueFiles": [f"$values/{VALUES}"]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "airflow", "namespace": "argocd"},
        "spec": {
            "project": "airflow",
            "sources": [
                {"repoURL": CHART, "chart": "airflow", "targetRevision": "1.22.0", "helm": helm},
                {
                    "repoURL": GIT,
                    "targetRevision": "main",
                    "ref": "values",
                    "path": "apps/airflow",
                },
            ],
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "airflow"},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"limit": 5, "backoff": {"duration": "30s", "maxDuration": "5m"}},
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    }


def project() -> dict[str, Any]:
    """The project: two repositories, one destination."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "airflow", "namespace": "argocd"},
        "spec": {
            "sourceRepos": [CHART, GIT],
            "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "airflow"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        },
    }


def kustomization(names: list[str]) -> dict[str, Any]:
    """The list of manifests."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "airflow",
        "resources": names,
    }


CA = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "airflow-ca", "namespace": "airflow"},
    "data": {
        "ca.crt": "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----\n"
    },
}
POLICY_TEXT = 'path "secret/data/airflow-install/airflow/config" {\n  capabilities = ["read"]\n}\n'


def role() -> dict[str, Any]:
    """The Vault role of the store."""
    return {
        "bound_service_account_names": ["airflow-external-secrets"],
        "bound_service_account_namespaces": ["airflow"],
        "audience": "vault",
        "token_policies": ["eso-read"],
        "token_ttl": "20m",
    }


def reader() -> dict[str, Any]:
    """Argo CD as a reader of the store: account, store, repository Secret and role of its own."""
    name, path = "airflow-repository", "airflow-install/airflow/argocd"
    about = {"name": name, "namespace": "argocd"}
    own, secret = store(), external_secret(name, {
        "type": "git", "url": GIT, "sshPrivateKey": "{{ .repositorySshKey | trim }}\n",
    })  # fmt: skip
    vault = own["spec"]["provider"]["vault"]
    own["metadata"], secret["metadata"] = about, about
    vault["auth"]["kubernetes"] |= {
        "role": "eso-argocd",
        "serviceAccountRef": {"name": name, "audiences": ["vault"]},
    }
    vault["caBundle"] = "LS0t"
    del vault["caProvider"]
    secret["spec"]["secretStoreRef"]["name"] = name
    secret["spec"]["data"][0]["remoteRef"]["key"] = path
    label = {"argocd.argoproj.io/secret-type": "repository"}
    secret["spec"]["target"]["template"]["metadata"] = {"labels": label}
    bound = {
        **role(),
        "bound_service_account_names": [name],
        "bound_service_account_namespaces": ["argocd"],
        "token_policies": ["eso-argocd-read"],
    }
    folder = "argocd/airflow/bootstrap"
    return {
        f"{folder}/credential-store.yaml": own,
        REPOSITORY: secret,
        "vault/airflow/eso-argocd.json": bound,
    }


@dataclass
class Case:
    """A tree whose objects can be changed before the checks run."""

    objects: dict[str, Any]
    texts: dict[str, bytes]
    layout: Layout
    airflow: str = "3.2.2"
    chart: str = "1.22.0"
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The Helm values."""
        found: dict[str, Any] = self.objects[VALUES]
        return found

    def set(self, path: str, dotted: str, value: object) -> None:
        """Put a value at a dotted place; numbers go into lists, `/` stands for a dot in a key."""
        node = self.objects[path]
        *parents, last = dotted.split(".")
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value

    def drop(self, path: str, dotted: str) -> None:
        """Remove a key."""
        node = self.objects[path]
        *parents, last = dotted.split(".")
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node[part]
        del node[last]

    def files(self) -> dict[str, bytes]:
        """The tree as bytes."""
        found = dict(self.texts)
        for path, data in self.objects.items():
            text = json.dumps(data) if path.endswith(".json") else dump_yaml(data)
            found[path] = text.encode()
        return found

    def outside(self, **secrets: tuple[str, ...] | None) -> None:
        """Secrets that exist outside Git; underscores stand for dashes."""
        known = {name.replace("_", "-"): keys for name, keys in secrets.items()}
        self.layout = replace(self.layout, secrets={**self.layout.secrets, **known})

    def run(self, held: tuple[str, ...] = ()) -> list[Finding]:
        """All findings."""
        return run_checks(
            self.files(),
            chart=self.chart,
            airflow=self.airflow,
            installation=self.layout,
            held=tuple(map(SecretStr, held)),
            **self.more,
        )


def good() -> Case:
    """The tree in which no check finds anything."""
    manifests = {f"apps/airflow/secrets/{name}.yaml": external_secret(name, template)
                 for name, template in SECRETS.items()}  # fmt: skip
    manifests |= {STORE: store(), "apps/airflow/secrets/ca.yaml": copy.deepcopy(CA)}
    names = sorted(path.removeprefix("apps/airflow/") for path in manifests)
    objects: dict[str, Any] = {
        **manifests,
        VALUES: values(),
        KUSTOMIZATION: kustomization(names),
        APPLICATION: application(),
        PROJECT: project(),
        ROLE: role(),
        **reader(),
    }
    texts = {
        POLICY: POLICY_TEXT.encode(),
        REPOSITORY_POLICY: POLICY_TEXT.replace("config", "argocd").encode(),
        "docs/airflow/RUNBOOK.md": RUNBOOK.encode(),
        "vault/airflow/eso.pub": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLs a\n",
    }
    layout = Layout(
        values=VALUES,
        policies={"eso-read": POLICY, "eso-argocd-read": REPOSITORY_POLICY},
        roles={"eso": ROLE, "eso-argocd": "vault/airflow/eso-argocd.json"},
        secrets={},
    )
    return Case(objects, texts, layout)


RUNBOOK = """\
# Runbook

Fingerprint `SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU`, deploy key read with
`grep -c 'BEGIN OPENSSH PRIVATE KEY' key` (it must be there, and end in a newline).

    psql "postgresql://airflow:$PGPASSWORD@pg.example.internal/airflow"
    redis-cli -u redis://:<password>@airflow-redis:6379/0
    vault login -method=oidc -token-only
    kubectl -n airflow get secret airflow-fernet-key -o jsonpath='{.data.fernet-key}'

sha256 1f7d1dfe3d58e2c54899950aba907a43625a18c8b6fb3c54760c21592129a5b6, commit
c5045ff21f7d1dfe3d58e2c54899950aba907a43, AKIAIOSFODNN7EXAMPLE, http://host:8080/a@b
"""

"""Which question mends what a probe found: that of its fix, else the one below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.engine.probes import Probe, ProbeResult

# By the probe's id, or by what it begins with; what is in no table needs no other answer.
QUESTIONS: dict[str, str] = {
    "dags.host_keys": "dags.host_keys",
    "dags.clone": "dags.repo",
    "dags.read-only": "dags.key",
    "repository.host_keys": "delivery.argocd.repo_url",
    "repository.clone": "delivery.argocd.repo_url",
    "repository.read-only": "delivery.argocd.key",
    "database.tls": "database.sslmode",
    "database.reachable": "database.host",
    "database.login": "database.password",
    "database.version": "database.host",
    "database.encoding": "database.name",
    "database.rights": "database.user",
    "database.clock": "database.host",
    "database.pooler": "database.host",
    "database.connections": "database.pgbouncer.mode",
    "database.pgbouncer": "database.pgbouncer.host",
    "database.result_backend.login": "database.result_backend.password",
    "database.result_backend.version": "database.result_backend.host",
    "database.result_backend.encoding": "database.result_backend.name",
    "database.result_backend.rights": "database.result_backend.user",
    "database.result_backend": "database.result_backend.host",
    "broker.login": "broker.url",
    "broker.tls": "broker.url",
    "broker": "broker.host",
    "vault.mount": "secrets.vault.mount",
    "vault.payload": "secrets.vault.path",
    "vault.setup": "secrets.vault.role",
    "vault.role": "secrets.vault.role",
    "vault.argocd-payload": "delivery.argocd.vault.path",
    "vault.argocd-setup": "delivery.argocd.vault.role",
    "vault.namespace": "secrets.vault.namespace",
    "vault.certificate": "secrets.vault.ca.file",
    "vault": "secrets.vault.server",
    "cluster.audience": "secrets.vault.audience",
    "cluster.external-secrets": "secrets.store",
    "cluster.argocd-external-secrets": "delivery.argocd.credential",
    "cluster.argocd": "delivery.argocd.namespace",
    "cluster.namespace": "installation.namespace",
    "cluster.storage": "components.logs.storage_class",
    "chart": "installation.chart",
    "image": "installation.image.repository",
}
# Whoever answers is not proven to be the right one: no commit is made over these.
TRUST_PROBES: frozenset[str] = frozenset(
    {"dags.host_keys", "repository.host_keys", "vault.certificate"}
)


def find_probe_question(probe: Probe, result: ProbeResult) -> str:
    """The dotted key of the question to look at; empty where no answer mends it."""
    return result.fix.question or _lookup_question(probe.id)


def _lookup_question(name: str) -> str:
    while name:
        if name in QUESTIONS:
            return QUESTIONS[name]
        name = name.rpartition(".")[0]
    return ""

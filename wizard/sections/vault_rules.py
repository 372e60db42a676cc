"""Rules about Vault's paths, roles and auth mounts; part of wizard.sections.rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from wizard.documents.argocd import IN_CLUSTER
from wizard.errors import Problem
from wizard.sections.conditions import STORE_CREDENTIAL

if TYPE_CHECKING:
    from wizard.sections import Answers


def vault_path_form(answers: Answers) -> Iterator[Problem]:
    """External Secrets adds the mount and `data/` by itself."""
    vault, own = answers.secrets.vault, answers.delivery.argocd.vault
    paths = {"secrets.vault.path": vault.path}
    if STORE_CREDENTIAL.test(answers):
        paths["delivery.argocd.vault.path"] = own.path
    for key, path in paths.items():
        if path.startswith(("data/", f"{vault.mount}/")):
            yield Problem(key, "leave out the mount and data/: airflow/config, for example")


def credential_apart(answers: Answers) -> Iterator[Problem]:
    """Argo CD's role reads Argo CD's path alone, and the store's role never reads that."""
    if not STORE_CREDENTIAL.test(answers):
        return
    vault, own = answers.secrets.vault, answers.delivery.argocd.vault
    name = answers.installation.name
    payload = vault.path or f"airflow-install/{name}/config"
    path = own.path or f"airflow-install/{name}/argocd"
    if payload == path:
        key = "delivery.argocd.vault.path" if own.path else "secrets.vault.path"
        yield Problem(key, "give it a path of its own: each role reads one of the two and no more")
    if own.role == vault.role:
        yield Problem(
            "delivery.argocd.vault.role",
            f"give Argo CD a role of its own, or leave it empty: {vault.role} reads the payload",
        )


def argocd_cluster(answers: Answers) -> Iterator[Problem]:
    """Vault knows each cluster by an auth mount of its own."""
    argo = answers.delivery.argocd
    mount = argo.vault.auth_mount
    if not STORE_CREDENTIAL.test(answers) or argo.destination == IN_CLUSTER:
        return
    if not mount or mount == answers.secrets.vault.auth_mount:
        yield Problem(
            "delivery.argocd.vault.auth_mount",
            "name the auth mount of the cluster that Argo CD runs in: it calls Airflow's "
            f"{argo.destination}, so they are two",
        )


VAULT_RULES: tuple[Callable[[Answers], Iterator[Problem]], ...] = (
    vault_path_form,
    credential_apart,
    argocd_cluster,
)

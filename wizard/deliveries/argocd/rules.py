"""What the types of Argo CD's questions cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from wizard.deliveries.argocd.questions import STORE_CREDENTIAL, ArgoCd
from wizard.errors import Problem
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.nested import get_value
from wizard.stores.vault.questions import VAULT, CredentialPath, VaultStore
from wizard.stores.vault.rules import check_path
from wizard.stores.vault.settings import payload_path, reader_path

_OWN = ("delivery", "argocd")


def check_argocd_namespace(answers: BaseModel) -> Iterator[Problem]:
    """Who may deploy into Argo CD's namespace or project is an administrator of all it delivers."""
    argo: ArgoCd = get_value(answers, _OWN)
    if argo.project == "default":
        yield Problem(
            "delivery.argocd.project",
            "give a name of its own: project default is Argo CD's and allows everything",
        )
    namespace = get_value(answers, ("installation", "namespace"))
    if namespace == argo.namespace:
        yield Problem(
            "installation.namespace", f"give Airflow one of its own: {namespace} is taken"
        )


def check_credential_path(answers: BaseModel) -> Iterator[Problem]:
    """Argo CD's role reads Argo CD's path alone, and the store's role never reads that."""
    if not (STORE_CREDENTIAL & VAULT).holds(answers):
        return
    vault: VaultStore = get_value(answers, ("secrets", "vault"))
    own: CredentialPath = get_value(answers, (*_OWN, "vault"))
    name = get_value(answers, ("installation", "name"))
    yield from check_path("delivery.argocd.vault.path", own.path, vault.mount)
    if payload_path(vault.path, name) == reader_path(own.path, name, "argocd"):
        key = "delivery.argocd.vault.path" if own.path else "secrets.vault.path"
        yield Problem(key, "give it a path of its own: each role reads one of the two and no more")
    if own.role == vault.role:
        yield Problem(
            "delivery.argocd.vault.role",
            f"give Argo CD a role of its own, or leave it empty: {vault.role} reads the payload",
        )


def check_credential_auth_mount(answers: BaseModel) -> Iterator[Problem]:
    """Vault knows each cluster by an auth mount of its own."""
    argo: ArgoCd = get_value(answers, _OWN)
    if not (STORE_CREDENTIAL & VAULT).holds(answers) or argo.destination == IN_CLUSTER_SERVER:
        return
    mount = get_value(answers, (*_OWN, "vault", "auth_mount"))
    if not mount or mount == get_value(answers, ("secrets", "vault", "auth_mount")):
        yield Problem(
            "delivery.argocd.vault.auth_mount",
            "name the auth mount of the cluster that Argo CD runs in: it calls Airflow's "
            f"{argo.destination}, so they are two",
        )

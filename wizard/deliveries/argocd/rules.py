"""Rules over the answers about Argo CD, for what types cannot express."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from wizard.chart.repository import ChartRepository
from wizard.deliveries.argocd.questions import STORE_CREDENTIAL, ArgoCd
from wizard.errors import Problem
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.nested import get_value
from wizard.stores.vault.questions import VAULT, CredentialPath, VaultStore
from wizard.stores.vault.rules import check_apart, check_path
from wizard.stores.vault.settings import payload_path, reader_path

_OWN = ("delivery", "argocd")


def check_argocd_namespace(answers: BaseModel) -> Iterator[Problem]:
    """Report Argo CD's namespace and default project: access to them controls all deliveries."""
    argo: ArgoCd = get_value(answers, _OWN)
    if argo.project == "default":
        yield Problem(
            "delivery.argocd.project",
            "use a project for this installation: project default allows everything",
        )
    namespace = get_value(answers, ("installation", "namespace"))
    if namespace == argo.namespace:
        yield Problem(
            "installation.namespace",
            f"use a namespace for Airflow only: {namespace} is Argo CD's",
        )


def check_project_kind(answers: BaseModel) -> Iterator[Problem]:
    """Report an existing project together with a parent, which needs a project of its own."""
    argo: ArgoCd = get_value(answers, _OWN)
    if argo.project_kind == "existing" and argo.applications == "two":
        yield Problem(
            "delivery.argocd.applications",
            "use one Application with an existing project: the parent of two writes to Argo CD's "
            "namespace, which needs a project of its own",
        )


def check_chart_registry(answers: BaseModel) -> Iterator[Problem]:
    """Report a registry that Argo CD would not recognize as one.

    It parses the address as a URL, where a host before a port must look like a scheme.
    Source: IsHelmOciRepo in util/helm/client.go of Argo CD 3.5, and net/url of Go.
    """
    source = ChartRepository(get_value(answers, ("installation", "chart_repository")))
    host, port, _ = source.endpoint.rpartition(":")
    if source.is_oci and port and not re.fullmatch(r"[A-Za-z][A-Za-z0-9.+-]*", host):
        yield Problem(
            "installation.chart_repository",
            "give the registry by a name that starts with a letter: Argo CD takes no other host "
            "together with a port",
        )


def check_credential_path(answers: BaseModel) -> Iterator[Problem]:
    """Report a path or role that Argo CD's credential shares with the payload."""
    if not (STORE_CREDENTIAL & VAULT).holds(answers):
        return
    vault: VaultStore = get_value(answers, ("secrets", "vault"))
    own: CredentialPath = get_value(answers, (*_OWN, "vault"))
    name = get_value(answers, ("installation", "name"))
    yield from check_path("delivery.argocd.vault.path", own.path, vault.mount)
    if payload_path(vault.path, name) == reader_path(own.path, name, "argocd"):
        key = "delivery.argocd.vault.path" if own.path else "secrets.vault.path"
        yield Problem(key, "use a different path: each role may read only its own path")
    if own.role == vault.role:
        yield Problem(
            "delivery.argocd.vault.role",
            f"use a different role, or leave it empty: {vault.role} reads the payload",
        )
    path, role = reader_path(own.path, name, "argocd"), own.role or f"{vault.role}-argocd"
    yield from check_apart(answers, path, role, "Argo CD's credential")


def check_credential_auth_mount(answers: BaseModel) -> Iterator[Problem]:
    """Report a missing auth mount for Argo CD's cluster; Vault has one auth mount per cluster."""
    argo: ArgoCd = get_value(answers, _OWN)
    if not (STORE_CREDENTIAL & VAULT).holds(answers) or argo.destination == IN_CLUSTER_SERVER:
        return
    mount = get_value(answers, (*_OWN, "vault", "auth_mount"))
    if not mount or mount == get_value(answers, ("secrets", "vault", "auth_mount")):
        yield Problem(
            "delivery.argocd.vault.auth_mount",
            "set the auth mount of the cluster that Argo CD runs in: Airflow is in a different "
            f"cluster, {argo.destination}",
        )

"""Vault's own questions: `secrets.vault`, and what a further reader of it is asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.formats.types import (
    Audience,
    HttpsUrl,
    KubeName,
    OptionalVaultName,
    OptionalVaultPath,
    VaultName,
    VaultNamespace,
    VaultPath,
)
from wizard.questions.ca_file import CaFile
from wizard.questions.conditions import when
from wizard.questions.section import Model, QuestionInfo

NAME = "vault"
VAULT = when("Vault", "secrets.store", NAME)
CLUSTER_STORE = VAULT & when("a cluster-wide store", "secrets.scope", "cluster")


class VaultStore(Model):
    """HashiCorp Vault or OpenBao, KV version 2."""

    server: Annotated[HttpsUrl, QuestionInfo(when=VAULT, required=True)] = Field(
        default="",
        title="Server",
        description="Vault's https address as the operator's pods reach it.",
    )
    ca: Annotated[CaFile, QuestionInfo(when=VAULT)] = Field(default_factory=CaFile)
    mount: Annotated[VaultPath, QuestionInfo(when=VAULT)] = Field(
        default="secret", title="Mount", description="KV version 2 mount; version 1 is refused."
    )
    path: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT)] = Field(
        default="",
        title="Path",
        description=(
            "Where the payload lives; empty is airflow-install/<name>/config, out of reach of "
            "what workers may read."
        ),
    )
    auth_mount: Annotated[VaultPath, QuestionInfo(when=VAULT)] = Field(
        default="kubernetes",
        title="Auth mount",
        description="Vault's Kubernetes auth mount of this cluster; one mount a cluster.",
    )
    role: Annotated[VaultName, QuestionInfo(when=VAULT)] = Field(
        default="external-secrets-airflow",
        title="Role",
        description="Vault role the store logs in with; it may read the payload and nothing else.",
    )
    audience: Annotated[Audience, QuestionInfo(when=VAULT, required=True)] = Field(
        default="vault",
        title="Audience",
        description="Audience of the token and of the role: both must say the same.",
    )
    namespace: Annotated[VaultNamespace, QuestionInfo(when=VAULT)] = Field(
        default="",
        title="Vault namespace",
        description="Namespace of Vault Enterprise or OpenBao; empty is the root.",
    )
    service_account: Annotated[KubeName, QuestionInfo(when=CLUSTER_STORE)] = Field(
        default="external-secrets",
        title="Operator account",
        description="ServiceAccount of the External Secrets Operator.",
    )
    operator_namespace: Annotated[KubeName, QuestionInfo(when=CLUSTER_STORE)] = Field(
        default="external-secrets",
        title="Operator namespace",
        description="Namespace of the External Secrets Operator.",
    )


class CredentialPath(Model):
    """Where the credential lies in Vault, and who may read it; empty answers follow the store's."""

    path: OptionalVaultPath = Field(
        default="",
        title="Path",
        description="Where the credential lives; empty is airflow-install/<name>/argocd.",
    )
    role: OptionalVaultName = Field(
        default="",
        title="Role",
        description="Argo CD's own role: it reads this path alone; empty is the store's, -argocd.",
    )
    auth_mount: OptionalVaultPath = Field(
        default="",
        title="Auth mount",
        description=(
            "Vault's Kubernetes auth mount of Argo CD's cluster; empty is the store's, which is "
            "right where both run in one cluster."
        ),
    )

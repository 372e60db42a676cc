"""The questions about Vault: those at `secrets.vault`, and those about another reader."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.formats.identity_types import (
    Audience,
    OptionalVaultName,
    OptionalVaultPath,
    TokenDuration,
    VaultName,
    VaultNamespace,
    VaultPath,
)
from wizard.formats.types import CertificateFile, KubeName, ObjectName, SecretKey
from wizard.manifests.certificates import CA_KEY
from wizard.questions.assets import CERTIFICATES
from wizard.questions.ca_file import CaFile, ca_file_field
from wizard.questions.conditions import when, when_not
from wizard.questions.effects import ANOTHER_PAYLOAD
from wizard.questions.section import Model, QuestionInfo

NAME = "vault"
SERVER_KEY = "secrets.vault.server"
# The answer for roles that bind no audience: the token then has the API server's own.
NO_AUDIENCE = "none"
VAULT = when("Vault", "secrets.store", NAME)
CA_MAP_KEY = "secrets.vault.ca.config_map"
CA_MAP = VAULT & when_not("a CA from a ConfigMap", CA_MAP_KEY, "")
CLUSTER_STORE = VAULT & when("a cluster-wide store", "secrets.scope", "cluster")


class StoreCa(CaFile):
    """The CA of Vault's server: a file, or a ConfigMap that others keep up to date."""

    file: Annotated[CertificateFile, QuestionInfo(asset=CERTIFICATES, machine="$VAULT_CACERT")] = (
        ca_file_field()
    )
    config_map: Annotated[ObjectName, QuestionInfo(when=VAULT)] = Field(
        default="",
        title="CA ConfigMap",
        description=(
            "Existing ConfigMap from which the store reads the CA instead, such as trust-manager's "
            "bundle. It is in the namespace of the store's ServiceAccount."
        ),
    )
    key: Annotated[SecretKey, QuestionInfo(when=CA_MAP)] = Field(
        default=CA_KEY, title="CA key", description="Key of the ConfigMap that holds the CA."
    )


class VaultStore(Model):
    """HashiCorp Vault or OpenBao, KV version 2."""

    server: Annotated[
        HttpsUrl,
        QuestionInfo(
            when=VAULT,
            required=True,
            effects=(ANOTHER_PAYLOAD,),
            find="The address in your Vault team's instructions.",
            machine="$VAULT_ADDR",
        ),
    ] = Field(
        default="",
        title="Server",
        description="Address of Vault (https) that the operator's pods use.",
    )
    ca: Annotated[StoreCa, QuestionInfo(when=VAULT)] = Field(default_factory=StoreCa)
    mount: Annotated[VaultPath, QuestionInfo(when=VAULT, effects=(ANOTHER_PAYLOAD,))] = Field(
        default="secret", title="Mount", description="Mount of the KV engine. It must be version 2."
    )
    path: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT, effects=(ANOTHER_PAYLOAD,))] = (
        Field(
            default="",
            title="Path",
            description=(
                "Path of the payload. Empty: airflow-install/<name>/config, which workers cannot "
                "read."
            ),
        )
    )
    auth_mount: Annotated[VaultPath, QuestionInfo(when=VAULT)] = Field(
        default="kubernetes",
        title="Auth mount",
        description="Vault's Kubernetes auth mount for this cluster. Each cluster needs its own.",
    )
    role: Annotated[VaultName, QuestionInfo(when=VAULT)] = Field(
        default="external-secrets-airflow",
        title="Role",
        description="Vault role of the store. It can read the payload and nothing else.",
    )
    token_ttl: Annotated[TokenDuration, QuestionInfo(when=VAULT)] = Field(
        default="20m",
        title="Token lifetime",
        description="How long a token of the role is valid, such as 20m. External Secrets logs in "
        "for each refresh.",
    )
    audience: Annotated[Audience, QuestionInfo(when=VAULT, required=True)] = Field(
        default="vault",
        title="Audience",
        description=(
            "Audience of the token and of the role. Both must be the same. none: the role binds no "
            "audience."
        ),
    )
    namespace: Annotated[
        VaultNamespace,
        QuestionInfo(when=VAULT, effects=(ANOTHER_PAYLOAD,), machine="$VAULT_NAMESPACE"),
    ] = Field(
        default="",
        title="Vault namespace",
        description="Namespace of Vault Enterprise or OpenBao. Empty: the root namespace.",
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
    """Path, role and auth mount of the credential in Vault; empty answers use defaults."""

    path: OptionalVaultPath = Field(
        default="",
        title="Path",
        description="Path of the credential. Empty: airflow-install/<name>/argocd.",
    )
    role: OptionalVaultName = Field(
        default="",
        title="Role",
        description="Argo CD's role, which can read only this path. Empty: <store's role>-argocd.",
    )
    auth_mount: OptionalVaultPath = Field(
        default="",
        title="Auth mount",
        description=(
            "Vault's Kubernetes auth mount for Argo CD's cluster. Empty: the auth mount of the "
            "store, for Argo CD and Airflow in one cluster."
        ),
    )

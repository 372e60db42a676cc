"""Airflow's own secrets backend: where tasks look for connections and variables first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.formats.identity_types import (
    Audience,
    KeyVaultPrefix,
    OptionalVaultName,
    OptionalVaultPath,
    TokenDuration,
    VaultNamespace,
    VaultPath,
)
from wizard.questions.ca_file import CaFile
from wizard.questions.section import Model, QuestionInfo
from wizard.stores.conditions import AZURE_BACKEND, OTHER_VAULT_BACKEND, VAULT_BACKEND


class Backend(Model):
    """Airflow's secrets backend. It never reads the payload, which holds Airflow's own keys."""

    kind: Annotated[
        Literal["none", "vault", "azure"],
        QuestionInfo(
            labels={
                "none": "none: Airflow's database",
                "vault": "Vault",
                "azure": "Azure Key Vault",
            },
            source="providers hashicorp 4.8.4 and microsoft-azure 15.2.1",
        ),
    ] = Field(
        default="none",
        title="Backend",
        description=(
            "Where Airflow looks for connections and variables before its database. It logs in "
            "as the pods' ServiceAccounts. The image needs the provider package."
        ),
    )
    server: Annotated[
        HttpsUrl,
        QuestionInfo(
            when=OTHER_VAULT_BACKEND,
            required=True,
            find="The address in your Vault team's instructions.",
            machine="$VAULT_ADDR",
        ),
    ] = Field(
        default="", title="Server", description="Address of Vault (https) that Airflow's pods use."
    )
    ca: Annotated[CaFile, QuestionInfo(when=OTHER_VAULT_BACKEND)] = Field(
        default_factory=CaFile, title="Vault's CA"
    )
    auth_mount: Annotated[VaultPath, QuestionInfo(when=OTHER_VAULT_BACKEND)] = Field(
        default="kubernetes",
        title="Auth mount",
        description="Vault's Kubernetes auth mount for this cluster.",
    )
    audience: Annotated[Audience, QuestionInfo(when=OTHER_VAULT_BACKEND, required=True)] = Field(
        default="vault",
        title="Audience",
        description="Audience of the pods' tokens and of the role. none: the role binds none.",
    )
    namespace: Annotated[VaultNamespace, QuestionInfo(when=OTHER_VAULT_BACKEND)] = Field(
        default="",
        title="Vault namespace",
        description="Namespace of Vault Enterprise or OpenBao. Empty: the root namespace.",
    )
    mount: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT_BACKEND)] = Field(
        default="",
        title="Mount",
        description="Mount of a KV engine, version 2. Empty: that of the store, else secret.",
    )
    connections_path: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT_BACKEND)] = Field(
        default="",
        title="Connections",
        description="Folder of the connections. Empty: airflow/<name>/connections.",
    )
    variables_path: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT_BACKEND)] = Field(
        default="",
        title="Variables",
        description="Folder of the variables. Empty: airflow/<name>/variables.",
    )
    role: Annotated[OptionalVaultName, QuestionInfo(when=VAULT_BACKEND)] = Field(
        default="",
        title="Role",
        description=(
            "Role of Airflow's ServiceAccounts, which reads these two folders only. Empty: "
            "<store's role>-runtime, else airflow-<name>-runtime."
        ),
    )
    token_ttl: Annotated[TokenDuration, QuestionInfo(when=VAULT_BACKEND)] = Field(
        default="20m",
        title="Token lifetime",
        description="How long a token of the role is valid, such as 1h. Airflow logs in again when "
        "it has expired.",
    )
    vault_url: Annotated[
        HttpsUrl,
        QuestionInfo(
            when=AZURE_BACKEND,
            required=True,
            find="`az keyvault list --query [].properties.vaultUri -o tsv`",
        ),
    ] = Field(
        default="",
        title="Key Vault",
        description="Address of the Key Vault, such as https://airflow.vault.azure.net. Pods log "
        "in by workload identity.",
    )
    connections_prefix: Annotated[
        KeyVaultPrefix, QuestionInfo(when=AZURE_BACKEND, required=True)
    ] = Field(
        default="airflow-connections",
        title="Connections",
        description="First part of the names of connections in the Key Vault.",
    )
    variables_prefix: Annotated[KeyVaultPrefix, QuestionInfo(when=AZURE_BACKEND, required=True)] = (
        Field(
            default="airflow-variables",
            title="Variables",
            description="First part of the names of variables in the Key Vault.",
        )
    )

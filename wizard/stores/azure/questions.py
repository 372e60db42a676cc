"""The questions about Azure Key Vault: those at `secrets.azure`, and those about another reader."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.formats.azure import Guid, KeyVaultUrl
from wizard.formats.identity_types import KeyVaultPrefix
from wizard.questions.conditions import when
from wizard.questions.effects import ANOTHER_PAYLOAD
from wizard.questions.section import Model, QuestionInfo

NAME = "azure"
SERVER_KEY, PREFIX_KEY = "secrets.azure.vault_url", "secrets.azure.prefix"
AZURE = when("Azure Key Vault", "secrets.store", NAME)


class AzureStore(Model):
    """Azure Key Vault, which External Secrets reads by workload identity."""

    vault_url: Annotated[
        KeyVaultUrl,
        QuestionInfo(
            when=AZURE,
            required=True,
            effects=(ANOTHER_PAYLOAD,),
            find="`az keyvault show -n NAME --query properties.vaultUri -o tsv`",
        ),
    ] = Field(
        default="",
        title="Key Vault",
        description=(
            "Address of the Key Vault, such as https://airflow.vault.azure.net. It has no "
            "check-and-set: never run two `secrets` at the same time."
        ),
    )
    tenant_id: Annotated[
        Guid,
        QuestionInfo(
            when=AZURE, required=True, find="`az account show --query tenantId -o tsv` prints it."
        ),
    ] = Field(
        default="",
        title="Tenant",
        description="ID of the Entra tenant: `az account show --query tenantId -o tsv`.",
    )
    client_id: Annotated[
        Guid,
        QuestionInfo(
            when=AZURE, required=True, find="`az identity list -o table` lists the identities."
        ),
    ] = Field(
        default="",
        title="Identity",
        description=(
            "Client ID of the managed identity that reads the Key Vault: `az identity show --query "
            "clientId`. No pod of Airflow may use it."
        ),
    )
    prefix: Annotated[KeyVaultPrefix, QuestionInfo(when=AZURE, effects=(ANOTHER_PAYLOAD,))] = Field(
        default="",
        title="Prefix",
        description=(
            "First part of the names of the secrets. Empty: airflow-<name>, which gives "
            "airflow-<name>-fernet-key."
        ),
    )


class AzureCredential(Model):
    """Prefix and identity of the credential in the Key Vault; empty answers use defaults."""

    prefix: KeyVaultPrefix = Field(
        default="",
        title="Prefix",
        description="First part of the secret's name. Empty: <store's prefix>-argocd.",
    )
    client_id: Guid = Field(
        default="",
        title="Identity",
        description=(
            "Client ID of Argo CD's managed identity. Empty: the store's, which can read all of "
            "the Key Vault."
        ),
    )

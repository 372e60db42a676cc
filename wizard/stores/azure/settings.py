"""The settings that the store object, its ServiceAccount and all clients of a Key Vault share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.formats.azure import Cloud, find_cloud, format_secret_name
from wizard.manifests.external_secrets import StoreSettings
from wizard.stores.azure.questions import NAME, AzureCredential, AzureStore

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

CLIENT_ANNOTATION = "azure.workload.identity/client-id"
TENANT_ANNOTATION = "azure.workload.identity/tenant-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings(StoreSettings):
    """Settings of a store whose values are in a Key Vault, each in a secret of its own.

    `mount` is the host of the Key Vault, and `path` the prefix of the secrets' names.
    """

    tenant_id: str
    client_id: str

    @property
    def vault_url(self) -> str:
        """Return the address of the Key Vault."""
        return f"https://{self.mount}"

    @property
    def cloud(self) -> Cloud:
        """Return the cloud that the Key Vault is in."""
        return find_cloud(self.vault_url)

    @property
    def subject(self) -> str:
        """Return the subject of the ServiceAccount's tokens, as a federated credential names it."""
        return f"system:serviceaccount:{self.account_namespace}:{self.service_account}"

    def secret_name(self, key: str) -> str:
        """Return the name of the secret that holds a key of the payload."""
        return format_secret_name(self.path, key)

    def remote_reference(self, key: str) -> dict[str, str]:
        """Return the secret of this key; without a type in front, a name is that of a secret."""
        return {"key": self.secret_name(key)}


def azure_answers(secrets: SecretsAnswers) -> AzureStore:
    """Return the answers to the questions about the Key Vault."""
    return secrets.answers_of(NAME, AzureStore)


def secret_prefix(prefix: str, installation: str) -> str:
    """Return the prefix of the secrets' names: the answer, or the installation's default."""
    return (prefix or f"airflow-{installation}").lower()


def azure_settings(secrets: SecretsAnswers, release: Release) -> AzureSettings:
    """Return the settings of the installation's own store."""
    own = azure_answers(secrets)
    return AzureSettings(
        name=f"azure-{release.installation}",
        kind="SecretStore",
        mount=own.vault_url.removeprefix("https://"),
        path=secret_prefix(own.prefix, release.installation),
        service_account=release.names.object_name("external-secrets"),
        account_namespace=release.namespace,
        document=False,
        refresh_interval=secrets.refresh_interval,
        tenant_id=own.tenant_id,
        client_id=own.client_id,
    )


def azure_reader_settings(
    secrets: SecretsAnswers, release: Release, reader: Reader
) -> AzureSettings:
    """Return the settings of another reader: the same Key Vault, with its own prefix."""
    store = azure_settings(secrets, release)
    own = reader.answers if isinstance(reader.answers, AzureCredential) else AzureCredential()
    return replace(
        store,
        name=reader.name,
        path=own.prefix.lower() or f"{store.path}-{reader.id}",
        service_account=reader.name,
        account_namespace=reader.namespace,
        client_id=own.client_id or store.client_id,
        reader=reader.id,
    )


def azure_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return the names of an installation's secrets, and the Key Vault, for messages."""
    own = azure_answers(secrets)
    server = own.vault_url.removeprefix("https://")
    named = f"Key Vault {server}" if server else "a Key Vault (a later question asks for it)"
    return f"{secret_prefix(own.prefix, installation)}-*", named

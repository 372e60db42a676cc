"""What Vault, the store object, the policy and the role must agree on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.manifests.external_secrets import StoreSettings
from wizard.stores.vault.questions import NAME, CredentialPath, VaultStore

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings(StoreSettings):
    """A store whose values are in Vault, KV version 2, with what reading it takes."""

    server: str
    ca: str
    auth_mount: str
    role: str
    audience: str
    vault_namespace: str

    def location(self) -> dict[str, str]:
        """Return where the payload lies, with the server and its namespace first."""
        server = {"server": self.server, "namespace": self.vault_namespace}
        return server | StoreSettings.location(self)

    def question(self, name: str) -> str:
        """Return the dotted key of the question about its path, role or auth mount."""
        return f"delivery.{self.reader}.vault.{name}" if self.reader else f"secrets.vault.{name}"

    @property
    def policy(self) -> str:
        """Name of the Vault policy that the role carries."""
        return f"{self.role.replace('/', '-')}-read"

    @property
    def data_path(self) -> str:
        """The payload as policies spell it: KV version 2 reads below `data/`."""
        return f"{self.mount}/data/{self.path}"


def vault_answers(secrets: SecretsAnswers) -> VaultStore:
    """Return the answers to Vault's own questions."""
    return secrets.answers_of(NAME, VaultStore)


def payload_path(path: str, installation: str) -> str:
    """Return where the payload lives: the answered path, or the default for the installation."""
    return path or f"airflow-install/{installation}/config"


def reader_path(path: str, installation: str, reader: str) -> str:
    """Return the path of a further reader of the store; empty answers follow the installation."""
    return path or f"airflow-install/{installation}/{reader}"


def vault_settings(secrets: SecretsAnswers, release: Release) -> VaultSettings:
    """Return what store, policy, role and every client of Vault must agree on."""
    vault = vault_answers(secrets)
    own = secrets.scope == "namespace"
    return VaultSettings(
        name=f"vault-{release.installation}",
        kind="SecretStore" if own else "ClusterSecretStore",
        server=vault.server,
        ca=release.assets.get("secrets.vault.ca.file", "") if vault.ca.file else "",
        mount=vault.mount,
        path=payload_path(vault.path, release.installation),
        auth_mount=vault.auth_mount,
        role=vault.role,
        audience=vault.audience,
        vault_namespace=vault.namespace,
        service_account=(
            release.names.object_name("external-secrets") if own else vault.service_account
        ),
        account_namespace=release.namespace if own else vault.operator_namespace,
        document=secrets.payload == "document",
        refresh_interval=secrets.refresh_interval,
    )


def vault_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return where an installation's payload lives, and the server, for people."""
    vault = vault_answers(secrets)
    server = vault.server.removeprefix("https://")
    place = f"{vault.mount}/{payload_path(vault.path, installation)}"
    return place, f"Vault {f'at {server}' if server else 'whose address is asked for further on'}"


def vault_reader_settings(
    secrets: SecretsAnswers, release: Release, reader: Reader
) -> VaultSettings:
    """Return the same for somebody else: the same Vault, and nothing else in common."""
    store = vault_settings(secrets, release)
    own = reader.answers if isinstance(reader.answers, CredentialPath) else CredentialPath()
    return replace(
        store,
        name=reader.name,
        kind="SecretStore",
        path=reader_path(own.path, release.installation, reader.id),
        auth_mount=own.auth_mount or store.auth_mount,
        role=own.role or f"{store.role}-{reader.id}",
        service_account=reader.name,
        account_namespace=reader.namespace,
        document=False,
        reader=reader.id,
    )

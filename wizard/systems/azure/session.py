"""This machine's login to the Key Vault for all steps of a run; opened on first use."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.azure.errors import KeyVaultError
from wizard.clients.azure.key_vault import KeyVault, SecretAbout, open_key_vault
from wizard.secrets.payload import Payload
from wizard.stores.azure.settings import AzureSettings, azure_reader_settings, azure_settings
from wizard.systems.azure.payload_store import KeyVaultPayloadStore
from wizard.systems.cluster.external_secrets import read_external_secrets
from wizard.systems.payload_store import read_state
from wizard.systems.store_login import StoredKeys

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.azure.login import AzureLogin
    from wizard.manifests.release import Release
    from wizard.systems.target import Target

NO_LOGIN = "no Azure login found on this machine"
_UNSEEN = {"forbidden", "network", "login"}


@dataclass(frozen=True, slots=True)
class KeyVaultAccess:
    """The Key Vault of the answers and the login of this machine."""

    store: AzureSettings
    login: AzureLogin

    @property
    def identity(self) -> str:
        """Return the Key Vault and the login in one sentence, without the secret."""
        return f"Key Vault {self.store.vault_url}: {self.login.identity}"


def list_settings(answers: Answers, release: Release) -> tuple[AzureSettings, ...]:
    """Return the settings of the installation's own payload and of each other reader's."""
    return (
        azure_settings(answers.secrets, release),
        *(
            azure_reader_settings(answers.secrets, release, reader)
            for reader in answers.delivery.readers(release)
        ),
    )


class KeyVaultLogin:
    """The run's login; see `wizard.systems.store_login.StoreLogin`."""

    def __init__(self, target: Target) -> None:
        self.store = azure_settings(target.answers.secrets, target.release)
        self._every = {one.reader: one for one in list_settings(target.answers, target.release)}
        self._target = target
        self._access: KeyVaultAccess | None = target.access
        self._vault: KeyVault | None = None
        self._stack = ExitStack()
        target.cleanups.append(weakref.finalize(self, self._stack.close))

    @property
    def has_access(self) -> bool:
        """Whether this machine has a login."""
        return self._access is not None

    @property
    def vault(self) -> KeyVault:
        """The client; raises KeyVaultError without a login."""
        if self._access is None:
            raise KeyVaultError("login", NO_LOGIN)
        if self._vault is None:
            store = self.store
            opened = open_key_vault(store.vault_url, store.tenant_id, self._access.login)
            self._vault = self._stack.enter_context(opened)
        return self._vault

    @property
    def place(self) -> str:
        """The names of the installation's secrets, and the Key Vault."""
        return f"{self.store.path}-* in {self.store.mount}"

    @property
    def path(self) -> str:
        """The prefix of the secrets' names."""
        return self.store.path

    @property
    def inspect_command(self) -> str:
        """The command that lists the secrets, without values."""
        return (
            f"az keyvault secret list --vault-name {self.store.mount.partition('.')[0]} "
            f"--query \"[?starts_with(name, '{self.store.path}-')].[name, tags]\" -o table"
        )

    def read_name(self, reference: Mapping[str, Any], reader: str = "") -> str:
        """Return the name of the secret that a `remoteRef` reads; empty for another prefix."""
        name = str(reference.get("key") or "").removeprefix("secret/").lower()
        return name if name.startswith(f"{self._every[reader].path}-") else ""

    def list_secrets(self, reader: str = "") -> tuple[SecretAbout, ...]:
        """Return the secrets of a prefix without values. Raises KeyVaultError."""
        return self.vault.list_secrets(f"{self._every[reader].path}-")

    def stored_keys(self, reader: str = "") -> StoredKeys | None:
        """Return the names of the secrets; None if this run may not list them."""
        if self._access is None:
            return None
        try:
            found = self.list_secrets(reader)
        except KeyVaultError as error:
            if error.kind not in _UNSEEN:
                raise
            return None
        return StoredKeys(frozenset(one.name for one in found if one.enabled))

    def read_payload(self) -> tuple[Payload | None, str]:
        """Return the values that the committed ExternalSecrets read, or why this run cannot."""
        if self._access is None:
            return None, NO_LOGIN
        keys = dict.fromkeys(
            str(item.get("secretKey"))
            for manifest in read_external_secrets(self._target).values()
            for item in manifest["spec"].get("data") or []
            if self.read_name(item.get("remoteRef") or {})
        )
        store = KeyVaultPayloadStore(self.vault, self.store.path, tuple(keys))
        try:
            return read_state(store).payload, ""
        except KeyVaultError as error:
            if error.kind not in _UNSEEN:
                raise
            return None, error.message

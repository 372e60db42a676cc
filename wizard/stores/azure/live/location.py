"""The Key Vault as this machine reaches it, and the login that fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.azure.key_vault import open_key_vault
from wizard.clients.azure.login import LOGIN_HINT, find_login
from wizard.formats.nested import get_value
from wizard.stores.azure.questions import PREFIX_KEY, SERVER_KEY
from wizard.stores.azure.settings import AzureSettings, azure_settings
from wizard.stores.azure.steps import payload_step
from wizard.stores.live import StoreLocation
from wizard.systems.azure.payload_store import NO_CHECK_AND_SET, KeyVaultPayloadStore

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.azure.key_vault import KeyVault
    from wizard.clients.azure.login import AzureLogin
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.secrets.payload import PayloadPlace

TITLE = "Azure Key Vault"


@dataclass(frozen=True, slots=True)
class OpenKeyVault:
    """A Key Vault with a login that can fill it; see `wizard.stores.live.OpenStore`."""

    vault: KeyVault
    source: str = ""

    @property
    def identity(self) -> str:
        """Return the name of the login, for messages."""
        return self.vault.identity

    def payload_store(
        self, settings: PayloadPlace, keys: Sequence[str] = ()
    ) -> KeyVaultPayloadStore:
        """Return the payload store at the prefix of `settings`."""
        own = require_azure(settings)
        question = f"delivery.{own.reader}.azure.prefix" if own.reader else PREFIX_KEY
        return KeyVaultPayloadStore(
            self.vault, own.path, tuple(keys), self.source, question, payload_step(own).id
        )

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return the warning that nothing makes a write conditional here."""
        del settings
        return (NO_CHECK_AND_SET,)

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Return an empty note: a Key Vault does not tell rights, the first write does."""
        del settings, exists
        return ""


def require_azure(settings: PayloadPlace) -> AzureSettings:
    """Return the settings. Raises TypeError for those of another store."""
    if not isinstance(settings, AzureSettings):
        raise TypeError(f"{settings.path} is not in a Key Vault")
    return settings


def locate_key_vault(
    answers: Answers,
    release: Release,
    agreed: Mapping[str, Any],
    repository: WorkTree,
    context: str = "",
) -> StoreLocation:
    """Return the Key Vault; one that the target branch does not name requires consent.

    `agreed` are the raw answers on the target branch.
    """
    del repository, context
    store = azure_settings(answers.secrets, release)
    named = str(get_value(agreed, tuple(SERVER_KEY.split("."))) or "")
    known = named.rstrip("/").lower() == store.vault_url
    consent = {SERVER_KEY: f"Send your Azure login and new secrets to {store.vault_url}?"}
    return StoreLocation(
        title=TITLE,
        endpoint=store.mount,
        source=SERVER_KEY,
        required_consent={} if known else consent,
        find_login=find_login,
        login_hint=LOGIN_HINT,
        open=lambda who: _open(store, who, release.owner_id),
    )


@contextmanager
def _open(store: AzureSettings, who: AzureLogin, source: str) -> Iterator[OpenKeyVault]:
    with open_key_vault(store.vault_url, store.tenant_id, who) as vault:
        yield OpenKeyVault(vault, source)

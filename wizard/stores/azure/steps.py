"""The steps at Azure: id, title and owner. `apply` changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.azure import key_vault_name
from wizard.manifests.contribution import StepGroup, StepSpec
from wizard.manifests.steps import SECRETS, SECRETS_WAIT

if TYPE_CHECKING:
    from wizard.stores.azure.settings import AzureSettings

_HANDOVER = "airflow-wizard handover"
_FILL = StepGroup(
    "azure.fill", "Create the missing values in the Key Vault", "me", "values", SECRETS
)


def _proof(store: AzureSettings) -> str:
    """Return the step that cannot hold without those of a prefix; only the own one has such."""
    return "" if store.reader else SECRETS_WAIT.id


def federation_step(store: AzureSettings) -> StepSpec:
    """Return the step that lets the ServiceAccount log in as the managed identity."""
    title = f"Federate {store.account_namespace}/{store.service_account} with {store.client_id}"
    follows = ("secrets/service-account", "argocd/bootstrap/credential-account")
    name = f"azure.{store.qualified_name('identity')}"
    group = StepGroup(name, title, "platform", "prepare", f"{_HANDOVER} --owner platform")
    return StepSpec(name, title, "platform", follows, group, _proof(store))


def access_step(store: AzureSettings) -> StepSpec:
    """Return the step that lets the identity read the Key Vault."""
    title = f"Let {store.client_id} read Key Vault {key_vault_name(store.vault_url)}"
    name = f"azure.{store.qualified_name('access')}"
    group = StepGroup(name, title, "vault", "prepare", f"{_HANDOVER} --owner vault")
    return StepSpec(name, title, "vault", ("secrets/store",), group, _proof(store))


def payload_step(store: AzureSettings) -> StepSpec:
    """Return the step that fills the store; `airflow-wizard secrets` does it."""
    title = f"Fill {store.path}-* in {store.mount}"
    return StepSpec(
        f"azure.{store.qualified_name('payload')}", title, "me", ("fact#",), _FILL, _proof(store)
    )

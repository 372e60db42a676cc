"""The steps at Azure: id, title and owner. `apply` changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.azure import key_vault_name
from wizard.manifests.contribution import StepSpec

if TYPE_CHECKING:
    from wizard.stores.azure.settings import AzureSettings


def federation_step(store: AzureSettings) -> StepSpec:
    """Return the step that lets the ServiceAccount log in as the managed identity."""
    title = f"Federate {store.account_namespace}/{store.service_account} with {store.client_id}"
    follows = ("secrets/service-account", "argocd/bootstrap/credential-account")
    return StepSpec(f"azure.{store.qualified_name('identity')}", title, "platform", follows)


def access_step(store: AzureSettings) -> StepSpec:
    """Return the step that lets the identity read the Key Vault."""
    title = f"Let {store.client_id} read Key Vault {key_vault_name(store.vault_url)}"
    return StepSpec(f"azure.{store.qualified_name('access')}", title, "vault", ("secrets/store",))


def payload_step(store: AzureSettings) -> StepSpec:
    """Return the step that fills the store; `airflow-wizard secrets` does it."""
    title = f"Fill {store.path}-* in {store.mount}"
    return StepSpec(f"azure.{store.qualified_name('payload')}", title, "me", ("fact#",))

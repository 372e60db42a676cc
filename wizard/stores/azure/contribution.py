"""The files and steps of the store azure: store, ServiceAccount, ExternalSecrets and guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.addresses import read_url_address
from wizard.manifests.account_guard import GUARD_STEP, account_guard
from wizard.manifests.contribution import Contribution, Link, StepSpec
from wizard.manifests.external_secrets import (
    OPERATOR,
    external_secret,
    secret_store,
    service_account,
)
from wizard.manifests.store_readers import reader_files
from wizard.secrets.payload import collect_facts
from wizard.stores.azure.rules import require_secret_names
from wizard.stores.azure.settings import (
    CLIENT_ANNOTATION,
    TENANT_ANNOTATION,
    AzureSettings,
    azure_reader_settings,
    azure_settings,
)
from wizard.stores.azure.steps import access_step, federation_step, payload_step

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def store_provider(store: AzureSettings) -> dict[str, Any]:
    """Return the store's `spec.provider`, with every field that has a default.

    Source: facts on External Secrets (azurekv).
    """
    return {
        "azurekv": {
            "authType": "WorkloadIdentity",
            "environmentType": store.cloud.name,
            "vaultUrl": store.vault_url,
            "tenantId": store.tenant_id,
            "serviceAccountRef": {"name": store.service_account},
        }
    }


def account_annotations(store: AzureSettings) -> dict[str, str]:
    """Return the annotations that name the ServiceAccount's identity."""
    return {CLIENT_ANNOTATION: store.client_id, TENANT_ANNOTATION: store.tenant_id}


def compose_azure(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    """Return the store and an ExternalSecret per Secret, also for other readers.

    Raises AnswersError for values that a Key Vault cannot hold under their names.
    """
    store = azure_settings(secrets, release)
    require_secret_names(store, collect_facts(total.secrets))
    guard = account_guard(release, store.service_account)
    manifests = [
        service_account(release, store, account_annotations(store)),
        secret_store(release, store, store_provider(store)),
        *(external_secret(release, store, secret) for secret in total.secrets),
        *(() if release.gitops else guard),
    ]
    files = [*(guard if release.gitops else ())]
    steps: tuple[StepSpec, ...] = (federation_step(store), access_step(store), payload_step(store))
    for reader in total.readers:
        own = azure_reader_settings(secrets, release, reader)
        files.extend(
            reader_files(release, own, reader, store_provider(own), account_annotations(own))
        )
        steps += (federation_step(own), access_step(own), payload_step(own))
    links = (
        Link(
            OPERATOR, "Azure Key Vault", *read_url_address(store.vault_url), "values of the Secrets"
        ),
        Link(OPERATOR, "Azure login", "login.microsoftonline.com", 443),
    )
    return Contribution(
        manifests=tuple(manifests),
        files=tuple(files),
        steps=(*steps, GUARD_STEP),
        links=links,
    )

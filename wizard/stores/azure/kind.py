"""The record of the store azure."""

from __future__ import annotations

from wizard.stores.azure.claims import azure_claims, azure_reader_claims
from wizard.stores.azure.contribution import compose_azure
from wizard.stores.azure.questions import NAME, SERVER_KEY, AzureCredential, AzureStore
from wizard.stores.azure.rules import check_apart
from wizard.stores.azure.runbook import azure_runbook
from wizard.stores.azure.settings import azure_place, azure_reader_settings, azure_settings
from wizard.stores.record import StoreKind

STORE = StoreKind(
    name=NAME,
    label="Azure Key Vault through External Secrets",
    title="Azure Key Vault",
    questions=AzureStore,
    reader_questions=AzureCredential,
    external_secrets=True,
    needs_public_issuer=True,
    fillable=True,
    settings=azure_settings,
    reader_settings=azure_reader_settings,
    compose=compose_azure,
    urls=(SERVER_KEY,),
    server_key=SERVER_KEY,
    # Newer operators add it; older ones do not know it.
    defaulted=(("SecretStore", ".spec.provider.azurekv.useAzureSDK"),),
    rules=(check_apart,),
    runbook=azure_runbook,
    place=azure_place,
    claims=azure_claims,
    reader_claims=azure_reader_claims,
)

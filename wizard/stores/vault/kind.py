"""The record of the store vault."""

from __future__ import annotations

from wizard.stores.record import StoreKind
from wizard.stores.vault.claims import vault_claims, vault_reader_claims
from wizard.stores.vault.contribution import compose_vault
from wizard.stores.vault.questions import NAME, SERVER_KEY, CredentialPath, VaultStore
from wizard.stores.vault.rules import check_operator_namespace, check_payload_path, check_runtime
from wizard.stores.vault.runbook import vault_runbook
from wizard.stores.vault.settings import vault_place, vault_reader_settings, vault_settings

STORE = StoreKind(
    name=NAME,
    label="Vault through External Secrets",
    title="Vault",
    questions=VaultStore,
    reader_questions=CredentialPath,
    external_secrets=True,
    has_documents=True,
    has_cluster_scope=True,
    fillable=True,
    serves_backend=True,
    settings=vault_settings,
    reader_settings=vault_reader_settings,
    compose=compose_vault,
    urls=(SERVER_KEY,),
    server_key=SERVER_KEY,
    rules=(check_payload_path, check_operator_namespace, check_runtime),
    runbook=vault_runbook,
    place=vault_place,
    claims=vault_claims,
    reader_claims=vault_reader_claims,
)

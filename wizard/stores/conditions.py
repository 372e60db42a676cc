"""Conditions on the store that several kinds can meet."""

from __future__ import annotations

from wizard.questions.conditions import when, when_matching
from wizard.stores.registry import STORES, store_kind

# During validation the name may be unknown; then the condition does not hold.
EXTERNAL_SECRETS = when_matching(
    "External Secrets",
    "secrets.store",
    lambda name: name in STORES and store_kind(name).external_secrets,
)
DOCUMENTS = when_matching(
    "a store whose payload may be a document",
    "secrets.store",
    lambda name: name in STORES and store_kind(name).has_documents,
)
CLUSTER_SCOPE = when_matching(
    "a store that may be cluster-wide",
    "secrets.store",
    lambda name: name in STORES and store_kind(name).has_cluster_scope,
)
# Otherwise the wizard neither reads nor generates a value, so no question asks for one.
TAKES_VALUES = when_matching(
    "a store that the wizard fills",
    "secrets.store",
    lambda name: name not in STORES or not store_kind(name).made_by_others,
)

VAULT_BACKEND = when("Vault as secrets backend", "secrets.backend.kind", "vault")
AZURE_BACKEND = when("Azure Key Vault as secrets backend", "secrets.backend.kind", "azure")
# The questions about Vault are asked again only if the store does not answer them.
OTHER_VAULT_BACKEND = VAULT_BACKEND & when_matching(
    "another store",
    "secrets.store",
    lambda name: name not in STORES or not store_kind(name).serves_backend,
)

"""Conditions on the store that several kinds can meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.formats.nested import get_value
from wizard.questions.conditions import when, when_matching
from wizard.stores.registry import STORES, store_kind

if TYPE_CHECKING:
    from wizard.stores.record import StoreKind


def _find(own: Any, accepts: Callable[[StoreKind], bool]) -> bool:
    """Return whether the store in the section's answers is one that `accepts` accepts."""
    name = get_value(own, ("store",))
    return name in STORES and accepts(store_kind(name))


def _is_chosen(own: Any, key: str, default: str) -> bool:
    """Return whether an answer is another one than its default."""
    return get_value(own, (key,)) not in (default, None)


# During validation the name may be unknown; then the condition does not hold.
EXTERNAL_SECRETS = when_matching(
    "External Secrets",
    "secrets.store",
    lambda name: name in STORES and store_kind(name).external_secrets,
)
# A choice that only some stores have is also asked while the answer makes it, so that it can be
# taken back: a rule refuses it with the others.
DOCUMENTS = when_matching(
    "a store whose payload may be a document",
    "secrets",
    lambda own: _is_chosen(own, "payload", "keys") or _find(own, lambda kind: kind.has_documents),
)
CLUSTER_SCOPE = when_matching(
    "a store that may be cluster-wide",
    "secrets",
    lambda own: (
        _is_chosen(own, "scope", "namespace") or _find(own, lambda kind: kind.has_cluster_scope)
    ),
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

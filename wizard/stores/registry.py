"""The registry of stores. To add a store, write its folder and add one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.stores.record import StoreKind

# The values of `secrets.store`, each with its package; the package's module `kind` defines STORE,
# the store's record. The first value is the default.
STORES: dict[str, str] = {
    "vault": "wizard.stores.vault",
    "azure": "wizard.stores.azure",
    "aws": "wizard.stores.aws",
    "existing": "wizard.stores.existing",
    "kubernetes": "wizard.stores.kubernetes",
    "sops": "wizard.stores.sops",
}


@cache
def store_kind(name: str) -> StoreKind:
    """Return the record of the store that `secrets.store` names; KeyError for an unknown name."""
    kind: StoreKind = import_module(f"{STORES[name]}.kind").STORE
    return kind


def store_kinds() -> tuple[StoreKind, ...]:
    """Return every store's record, in the order in which they are offered."""
    return tuple(store_kind(name) for name in STORES)

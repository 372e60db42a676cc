"""The namespace in Vault: does the server have any, and do the pods use the same one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.vault.address import NAMESPACE_QUESTION
from wizard.errors import Fix

if TYPE_CHECKING:
    from wizard.clients.vault.address import VaultAddress
    from wizard.stores.vault.settings import VaultSettings


@dataclass(frozen=True, slots=True)
class NamespaceProblem:
    """Why this machine's namespace is not what it seems, and what helps."""

    text: str
    fix: Fix


def find_namespace_problem(
    address: VaultAddress, store: VaultSettings, version: str
) -> NamespaceProblem | None:
    """Return what is wrong with the namespace; None if nothing is.

    A community Vault ignores the namespace of a request. OpenBao's versions start at 2; those of
    Vault Enterprise contain +ent.
    """
    if address.namespace and _is_community(version):
        return NamespaceProblem(
            f"{address.namespace_source} is {address.namespace}, but Vault {version} is not "
            "Enterprise: it has no namespaces and uses the root",
            Fix(
                f"{address.namespace_fix}, or set {address.source} to a Vault that has the "
                "namespace",
                address.namespace_fix.question,
            ),
        )
    return find_other_namespace(address, store, version)


def find_other_namespace(
    address: VaultAddress, store: VaultSettings, version: str
) -> NamespaceProblem | None:
    """Return that this machine looks into another namespace than the pods; None if it does not."""
    if not _is_community(version) and address.namespace != store.vault_namespace:
        return NamespaceProblem(
            f"{address.namespace_source} is {address.namespace or '(root)'}, but External Secrets "
            f"uses {store.vault_namespace or '(root)'} ({NAMESPACE_QUESTION})",
            Fix(
                f"unset {address.namespace_source}, or set {NAMESPACE_QUESTION} to the same",
                NAMESPACE_QUESTION,
            ),
        )
    return None


def _is_community(version: str) -> bool:
    return version.startswith("1.") and "+ent" not in version

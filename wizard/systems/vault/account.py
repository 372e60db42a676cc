"""The ServiceAccount that the store logs in with: the installation's, or the operator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.errors import Fix

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings


def account_name(store: VaultSettings) -> str:
    """Return namespace and name of the account."""
    return f"{store.account_namespace}/{store.service_account}"


def explain_missing_account(store: VaultSettings, later: str) -> tuple[str, Fix]:
    """Return why the account is missing, and what helps; `later` is for an account of ours."""
    if store.kind != "ClusterSecretStore":
        return f"ServiceAccount {account_name(store)} does not exist yet", Fix(later)
    return (
        f"ServiceAccount {account_name(store)}, the External Secrets Operator's own, does not "
        "exist",
        Fix(
            "set secrets.vault.operator_namespace and secrets.vault.service_account to those of "
            "the External Secrets Operator: kubectl get deployments -A -o wide "
            "-l app.kubernetes.io/name=external-secrets",
            "secrets.vault.operator_namespace",
        ),
    )

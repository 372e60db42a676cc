"""What is checked of Vault's side in a tree: policies, roles and the stores that use them."""

from __future__ import annotations

from wizard.stores.vault.checks.access import check_vault_access

CHECKS = (check_vault_access,)

"""Checks of Vault's policies and roles in a tree, and of the stores that use them."""

from __future__ import annotations

from wizard.stores.vault.checks.access import check_vault_access

CHECKS = (check_vault_access,)

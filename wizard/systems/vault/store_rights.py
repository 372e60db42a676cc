"""The rights of the store's own login, judged alike by `apply` and by `check --live`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.vault.account import account_name

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.stores.vault.settings import VaultSettings


def check_store_rights(vault: Vault, store: VaultSettings) -> StepStatus:
    """Check that a login as the store reads its payload and can do nothing else.

    `wanted`: it cannot read the payload, or not look itself up, as External Secrets does;
    `blocked`: it has more rights, or a further policy.
    """
    try:
        own = vault.capabilities([store.data_path])[store.data_path]
        policies = vault.token_lookup().policies
    except VaultError as error:
        if error.kind not in {"forbidden", "login"}:
            raise
        return StepStatus(
            "wanted",
            f"{store.role} can log in, but its tokens lack policy default: External Secrets looks "
            "its token up and revokes it",
            Fix(
                "ask Vault's owner to set token_no_default_policy=false: "
                f"vault read auth/{store.auth_mount}/role/{store.role}"
            ),
        )
    carried = set(policies) - {"default", store.policy.lower()}
    if not own & {"read", "root"}:
        return StepStatus(
            "wanted",
            f"{store.role} can log in, but cannot read {store.data_path}",
            Fix(f"write policy {store.policy} as committed, and name it in the role"),
        )
    if carried or own != {"read"}:
        more = [*sorted(own - {"read"}), *(f"policy {name}" for name in sorted(carried))]
        return StepStatus(
            "blocked",
            f"{store.role} can log in, but has more rights than to read {store.data_path}: "
            f"{', '.join(more)}",
            Fix("find where they come from: the role, or an identity group in Vault"),
        )
    return StepStatus(
        "holds", f"{account_name(store)} can log in and read {store.data_path}, nothing else"
    )

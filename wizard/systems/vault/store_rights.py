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

    A role of folders reads secrets in them, and never the payload. `wanted`: it cannot read what it
    must, or not look itself up, as every client does; `blocked`: it has more rights, or a further
    policy.
    """
    wanted = [_sample(path) for path in store.granted_paths]
    refused = [] if store.has_payload or not store.path else [store.data_path]
    try:
        rights = vault.capabilities([*wanted, *refused])
        policies = vault.token_lookup().policies
    except VaultError as error:
        if error.kind not in {"forbidden", "login"}:
            raise
        client = "External Secrets" if store.has_payload else "Airflow"
        return StepStatus(
            "wanted",
            f"{store.role} can log in, but its tokens lack policy default: {client} looks "
            "its token up and revokes it",
            Fix(
                "ask Vault's owner to set token_no_default_policy=false: "
                f"vault read auth/{store.auth_mount}/role/{store.role}"
            ),
        )
    readable = " and ".join(store.granted_paths)
    for path in wanted:
        if not rights[path] & {"read", "root"}:
            return StepStatus(
                "wanted",
                f"{store.role} can log in, but cannot read {path}",
                Fix(f"write policy {store.policy} as committed, and name it in the role"),
            )
    carried = set(policies) - {"default", store.policy.lower()}
    more = sorted({right for path in wanted for right in rights[path] - {"read"}})
    more += [f"{right} {path}" for path in refused for right in sorted(rights[path] - {"deny"})]
    more += [f"policy {name}" for name in sorted(carried)]
    if more:
        return StepStatus(
            "blocked",
            f"{store.role} can log in, but has more rights than to read {readable}: "
            f"{', '.join(more)}",
            Fix("find where they come from: the role, or an identity group in Vault"),
        )
    return StepStatus(
        "holds", f"{account_name(store)} can log in and read {readable}, nothing else"
    )


def _sample(path: str) -> str:
    """Return a path that a grant covers."""
    return f"{path[:-1]}a" if path.endswith("/*") else path

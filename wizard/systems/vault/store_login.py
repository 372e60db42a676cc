"""Log in to Vault as the store: mount, reviewer, role and policy are judged alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.clients.vault.address import Jwt
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.protocol import Health
from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.systems.vault.login_refusal import explain_refusal, explain_silence
from wizard.systems.vault.looks import read_health
from wizard.systems.vault.store_rights import check_store_rights

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.vault.login_evidence import Surroundings
    from wizard.systems.vault.looks import AuthState


def try_store_login(
    store: VaultSettings,
    token: SecretStr,
    read_state: Callable[[], AuthState],
    around: Surroundings,
) -> StepStatus:
    """Log in with a token of the store's ServiceAccount, check the rights, revoke the login.

    `wanted` or `blocked` is a proven fault; `unknown` is a refusal that may not be External
    Secrets' own. `read_state` is called only if Vault refuses. Raises VaultError if Vault does not
    answer.
    """
    try:
        with open_vault(around.address, Jwt(store.auth_mount, store.role, token)) as vault:
            return check_store_rights(vault, store)
    except VaultError as error:
        fault = error
    if fault.kind == "login":
        found = explain_refusal(fault, store, token, read_state(), around)
        return StepStatus("wanted" if found.is_proven else "unknown", found.detail, found.fix)
    if fault.kind == "unreachable" and isinstance(read_health(around.address), Health):
        raise explain_silence(fault, store, read_state())
    raise fault

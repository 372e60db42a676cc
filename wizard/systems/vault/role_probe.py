"""Test the store's own login to Vault with a token of its ServiceAccount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import (
    ProbeResult,
    fail_result,
    pass_result,
    run_in_thread,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import WizardError
from wizard.systems.situation import TokenSource
from wizard.systems.vault.account import account_name, explain_missing_account
from wizard.systems.vault.store_login import try_store_login

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.vault.login_evidence import Surroundings
    from wizard.systems.vault.looks import AuthState


def classify_error(error: VaultError) -> ProbeResult:
    """Return a failure for an error, or unknown for a transient one, which proves nothing."""
    if error.transient:
        return unknown_result(error.message, error.fix)
    return fail_result(error.message, error.fix)


async def role_probe(
    store: VaultSettings, mint: TokenSource | None, state: AuthState, around: Surroundings
) -> ProbeResult:
    """Log in as the store, check its rights, and revoke the login.

    A refusal proves a fault only if the auth mount and the role are known to exist.
    """
    if state.exists is False:
        return warn_result(
            f"auth mount {store.auth_mount} does not exist yet",
            "ask Vault's owner to enable it, as described in the runbook",
        )
    if state.role is not None and not state.role:
        return warn_result(
            f"role {store.role} at auth/{store.auth_mount} does not exist yet",
            "ask Vault's owner to write the role file under vault/, as described in the runbook",
        )
    account = account_name(store)
    if mint is None:
        return skip_result(f"needs a token of the ServiceAccount {account} from the cluster")
    try:
        jwt = await run_in_thread(mint)
    except WizardError as error:
        if isinstance(error, KubeError) and error.kind == "missing":
            later = "run the check again after the delivery has created it"
            return unknown_result(*explain_missing_account(store, later))
        return unknown_result(f"no token of {account}: {error.message}", error.fix)
    return await run_in_thread(lambda: _check_role_login(store, jwt, state, around))


def _check_role_login(
    store: VaultSettings, jwt: SecretStr, state: AuthState, around: Surroundings
) -> ProbeResult:
    try:
        look = try_store_login(store, jwt, lambda: state, around)
    except VaultError as error:
        return classify_error(error)
    if look.state == "holds":
        return pass_result(look.detail)
    if look.state == "unknown":
        return unknown_result(look.detail, look.fix)
    return fail_result(look.detail, look.fix)

"""Test the store's own login to Vault with a token of its ServiceAccount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.vault.address import Jwt, VaultAddress
from wizard.clients.vault.connect import open_vault
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
from wizard.errors import Fix, WizardError
from wizard.formats.jwt import parse_audiences
from wizard.systems.situation import TokenSource
from wizard.systems.vault.store_rights import check_store_rights

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.stores.vault.settings import VaultSettings


async def role_probe(
    store: VaultSettings,
    address: VaultAddress,
    mint: TokenSource | None,
    *,
    mount_there: bool | None,
    role_there: bool | None,
) -> ProbeResult:
    """Log in as the store, check its rights, and revoke the login.

    `mount_there` and `role_there` tell whether auth mount and role exist, None if unknown. A
    refusal proves a fault only if both exist.
    """
    if mount_there is False:
        return warn_result(
            f"auth mount {store.auth_mount} does not exist yet",
            "ask Vault's owner to enable it, as described in the runbook",
        )
    if role_there is False:
        return warn_result(
            f"role {store.role} at auth/{store.auth_mount} does not exist yet",
            "ask Vault's owner to write the role file under vault/, as described in the runbook",
        )
    account = f"{store.account_namespace}/{store.service_account}"
    if mint is None:
        return skip_result(f"needs a token of the ServiceAccount {account} from the cluster")
    try:
        jwt = await run_in_thread(mint)
    except WizardError as error:
        return unknown_result(f"no token of {account}: {error.message}", error.fix)
    return await run_in_thread(
        lambda: check_role_login(store, address, jwt, certain=bool(mount_there and role_there))
    )


def check_role_login(
    store: VaultSettings, address: VaultAddress, jwt: SecretStr, *, certain: bool
) -> ProbeResult:
    """Return the result of the login; `certain` means that mount and role are known to exist."""
    credentials = Jwt(store.auth_mount, store.role, jwt)
    try:
        with open_vault(address, credentials) as vault:
            look = check_store_rights(vault, store)
    except VaultError as error:
        if error.transient:
            return unknown_result(error.message, error.fix)
        audience = parse_audiences(jwt.get_secret_value())
        fix = error.fix
        if audience and store.audience not in audience:
            fix = Fix(
                f"the token has audience {', '.join(audience)}, but secrets.vault.audience is "
                f"{store.audience}: use the same audience in both",
                "secrets.vault.audience",
            )
        return fail_result(error.message, fix) if certain else unknown_result(error.message, fix)
    if look.state != "holds":
        return fail_result(look.detail, look.fix)
    return pass_result(look.detail)

"""The store's own login at Vault, tried with a token of its ServiceAccount."""

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
    """Log in as the store, look what it may do, and revoke the login.

    `mount_there` and `role_there` are what is known of the auth mount and the role, None for
    nothing: a refusal proves a fault only where both are there.
    """
    if mount_there is False:
        return warn_result(
            f"there is no auth mount {store.auth_mount} yet",
            "its owner enables it, as vault/ and the runbook say",
        )
    if role_there is False:
        return warn_result(
            f"there is no role {store.role} at auth/{store.auth_mount} yet",
            "its owner writes it, as vault/ and the runbook say",
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
    """What comes of the login; `certain` when mount and role are known to be there."""
    credentials = Jwt(store.auth_mount, store.role, jwt)
    try:
        with open_vault(address, credentials) as vault:
            own = vault.capabilities([store.data_path])[store.data_path]
    except VaultError as error:
        if error.transient:
            return unknown_result(error.message, error.fix)
        audience = parse_audiences(jwt.get_secret_value())
        fix = error.fix
        if audience and store.audience not in audience:
            fix = Fix(
                f"the token is for {', '.join(audience)}, and secrets.vault.audience is "
                f"{store.audience}: both must say the same",
                "secrets.vault.audience",
            )
        return fail_result(error.message, fix) if certain else unknown_result(error.message, fix)
    if not own & {"read", "root"}:
        return fail_result(
            f"{store.role} logs in, and may not read {store.data_path}",
            f"have the policy {store.policy} written as vault/ has it, and named in the role",
        )
    more = sorted(own - {"read"})
    if more:
        return warn_result(
            f"{store.role} may also {', '.join(more)} {store.data_path}",
            f"give the role the policy {store.policy} and no other",
        )
    return pass_result(f"{store.role} logs in, and may read {store.data_path}")

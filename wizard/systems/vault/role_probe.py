"""The store's own login at Vault, tried with a token of its ServiceAccount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.vault.address import Address, Jwt
from wizard.clients.vault.connect import opened
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import ProbeResult, failed, in_thread, passed, skipped, unknown, warned
from wizard.errors import WizardError
from wizard.formats.jwt import audiences
from wizard.systems.situation import Mint

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.manifests.external_secrets import StoreSettings


async def role_probe(
    store: StoreSettings,
    address: Address,
    mint: Mint | None,
    *,
    mount_there: bool | None,
    role_there: bool | None,
) -> ProbeResult:
    """Log in as the store, look what it may do, and revoke the login.

    `mount_there` and `role_there` are what is known of the auth mount and the role, None for
    nothing: a refusal proves a fault only where both are there.
    """
    if mount_there is False:
        return warned(
            f"there is no auth mount {store.auth_mount} yet",
            "its owner enables it, as vault/ and the runbook say",
        )
    if role_there is False:
        return warned(
            f"there is no role {store.role} at auth/{store.auth_mount} yet",
            "its owner writes it, as vault/ and the runbook say",
        )
    account = f"{store.account_namespace}/{store.service_account}"
    if mint is None:
        return skipped(f"needs a token of the ServiceAccount {account} from the cluster")
    try:
        jwt = await in_thread(mint)
    except WizardError as error:
        return unknown(f"no token of {account}: {error.message}", error.hint)
    return await in_thread(
        lambda: logged_in(store, address, jwt, certain=bool(mount_there and role_there))
    )


def logged_in(
    store: StoreSettings, address: Address, jwt: SecretStr, *, certain: bool
) -> ProbeResult:
    """What comes of the login; `certain` when mount and role are known to be there."""
    credentials = Jwt(store.auth_mount, store.role, jwt)
    try:
        with opened(address, credentials) as vault:
            own = vault.capabilities([store.data_path])[store.data_path]
    except VaultError as error:
        if error.transient:
            return unknown(error.message, error.hint)
        audience = audiences(jwt.get_secret_value())
        hint = error.hint
        if audience and store.audience not in audience:
            hint = (
                f"the token is for {', '.join(audience)}, and secrets.vault.audience is "
                f"{store.audience}: both must say the same"
            )
        return failed(error.message, hint) if certain else unknown(error.message, hint)
    if not own & {"read", "root"}:
        return failed(
            f"{store.role} logs in, and may not read {store.data_path}",
            f"have the policy {store.policy} written as vault/ has it, and named in the role",
        )
    more = sorted(own - {"read"})
    if more:
        return warned(
            f"{store.role} may also {', '.join(more)} {store.data_path}",
            f"give the role the policy {store.policy} and no other",
        )
    return passed(f"{store.role} logs in, and may read {store.data_path}")

"""What this machine sees of Vault in one login, for all probes that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from wizard.clients.vault.address import Address, Credentials
from wizard.clients.vault.connect import opened
from wizard.clients.vault.protocol import Health, Mount, TokenInfo
from wizard.clients.vault.transport import VaultError

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.manifests.external_secrets import StoreSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """What this machine's token saw, each part or why it could not be seen.

    `mounts` and `auths` are the paths that exist, None where the token may not list them; `role`
    is whether the store's role is written, None where that cannot be read.
    """

    token: TokenInfo | VaultError
    mount: Mount | VaultError
    rights: Mapping[str, frozenset[str]] | VaultError
    mounts: frozenset[str] | None = None
    auths: frozenset[str] | None = None
    role: bool | None = None


Look = Callable[[], Session | VaultError]


def policy_path(store: StoreSettings) -> str:
    """Where the store's policy is written."""
    return f"sys/policies/acl/{store.policy}"


def role_path(store: StoreSettings) -> str:
    """Where the store's role is written."""
    return f"auth/{store.auth_mount}/role/{store.role}"


def health(address: Address) -> Health | VaultError:
    """Vault's state, asked as nobody."""
    try:
        with opened(address) as nobody:
            return nobody.health()
    except VaultError as error:
        return error


def session(
    address: Address, credentials: Credentials, store: StoreSettings, *others: StoreSettings
) -> Look:
    """One look as this machine, for all probes that read it; at `others` only for its rights."""

    def look() -> Session | VaultError:
        try:
            with opened(address, credentials) as vault:
                return _look(vault, store, *others)
        except VaultError as error:
            return error

    return look


def _look(vault: Vault, store: StoreSettings, *others: StoreSettings) -> Session:
    token = _tried(vault.token_lookup)
    if isinstance(token, VaultError):
        return Session(token, token, token)
    paths = [
        path
        for one in (store, *others)
        for path in (one.data_path, policy_path(one), role_path(one))
    ]
    rights = _tried(lambda: vault.capabilities(paths))
    return Session(
        token,
        _tried(lambda: vault.mount(store.mount)),
        rights,
        _listed(vault, "sys/mounts"),
        _listed(vault, "sys/auth"),
        _written(vault, role_path(store)),
    )


def _listed(vault: Vault, path: str) -> frozenset[str] | None:
    answer = _tried(lambda: vault.call("GET", path))
    return (
        None if isinstance(answer, VaultError) else frozenset(one.strip("/") for one in answer.data)
    )


def _written(vault: Vault, path: str) -> bool | None:
    answer = _tried(lambda: vault.call("GET", path))
    if not isinstance(answer, VaultError):
        return True
    return False if answer.kind == "missing" else None


def _tried(call: Callable[[], T]) -> T | VaultError:
    try:
        return call()
    except VaultError as error:
        return error

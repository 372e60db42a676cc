"""Read the state of Vault once, in one login, for all probes that need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from wizard.clients.vault.address import VaultAddress, VaultCredentials
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.protocol import Health, Mount, TokenInfo
from wizard.clients.vault.transport import VaultError
from wizard.systems.vault.retention import Retention, read_retention

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.stores.vault.settings import VaultSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VaultSnapshot:
    """The state of Vault as this machine's token sees it; each part may be an error instead.

    `mounts` and `auth_mounts` are the existing paths, None if the token cannot list them. `role`
    tells whether the store's role exists, None if the token cannot read it. `retention` says how
    long the mount keeps the payload.
    """

    token: TokenInfo | VaultError
    mount: Mount | VaultError
    rights: Mapping[str, frozenset[str]] | VaultError
    mounts: frozenset[str] | None = None
    auth_mounts: frozenset[str] | None = None
    role: bool | None = None
    retention: Retention | VaultError = field(default_factory=Retention)


SnapshotLookup = Callable[[], VaultSnapshot | VaultError]


def policy_path(store: VaultSettings) -> str:
    """Return the API path of the store's policy."""
    return f"sys/policies/acl/{store.policy}"


def role_path(store: VaultSettings) -> str:
    """Return the API path of the store's role, as Vault lists it: its name in lower case."""
    return f"auth/{store.auth_mount}/role/{store.role.lower()}"


def read_health(address: VaultAddress) -> Health | VaultError:
    """Return Vault's health, read without a login."""
    try:
        with open_vault(address) as vault:
            return vault.health()
    except VaultError as error:
        return error


def make_snapshot_lookup(
    address: VaultAddress,
    credentials: VaultCredentials,
    store: VaultSettings,
    *others: VaultSettings,
) -> SnapshotLookup:
    """Return a function that logs in and reads the snapshot; of `others` it reads only rights."""

    def look() -> VaultSnapshot | VaultError:
        try:
            with open_vault(address, credentials) as vault:
                return _read_snapshot(vault, store, *others)
        except VaultError as error:
            return error

    return look


def _read_snapshot(vault: Vault, store: VaultSettings, *others: VaultSettings) -> VaultSnapshot:
    token = _capture_error(vault.token_lookup)
    if isinstance(token, VaultError):
        return VaultSnapshot(token, token, token)
    paths = [
        path
        for one in (store, *others)
        for path in (one.data_path, policy_path(one), role_path(one))
    ]
    rights = _capture_error(lambda: vault.capabilities(paths))
    return VaultSnapshot(
        token,
        _capture_error(lambda: vault.mount(store.mount)),
        rights,
        _list_paths(vault, "sys/mounts"),
        _list_paths(vault, "sys/auth"),
        _is_written(vault, role_path(store)),
        _capture_error(lambda: read_retention(vault, store)),
    )


def _list_paths(vault: Vault, path: str) -> frozenset[str] | None:
    answer = _capture_error(lambda: vault.call("GET", path))
    return (
        None if isinstance(answer, VaultError) else frozenset(one.strip("/") for one in answer.data)
    )


def _is_written(vault: Vault, path: str) -> bool | None:
    answer = _capture_error(lambda: vault.call("GET", path))
    if not isinstance(answer, VaultError):
        return True
    return False if answer.kind == "missing" else None


def _capture_error(call: Callable[[], T]) -> T | VaultError:
    try:
        return call()
    except VaultError as error:
        return error

"""Read the state of Vault once, in one login, for all probes that need it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.clients.vault.address import VaultAddress, VaultCredentials
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.protocol import Health, Mount, TokenInfo
from wizard.clients.vault.transport import VaultError, VaultUnroutedError
from wizard.systems.vault.patience import retry_busy
from wizard.systems.vault.remount import CHECK_MOUNTS, MovedPayload, find_moved_payload
from wizard.systems.vault.retention import Retention, read_retention
from wizard.systems.vault.uses import CHECK_REQUESTS, USES_HINT, describe_uses

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.stores.vault.settings import VaultSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PathState:
    """The content of a path: None if it is empty; `hidden` if the token cannot read it.

    `unrouted` if there is no mount: what was in it may be in a mount elsewhere.
    """

    data: Mapping[str, Any] | None = None
    hidden: bool = False
    unrouted: bool = False


@dataclass(frozen=True, slots=True)
class AuthState:
    """An auth mount and the store's role as a Vault token sees them.

    Each part is None if the token cannot read it, and false or empty if it does not exist.
    """

    exists: bool | None = None
    config: Mapping[str, Any] | None = field(default=None, repr=False)
    role: Mapping[str, Any] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether mount and role are known to exist."""
        return bool(self.exists and self.role)


@dataclass(frozen=True, slots=True)
class VaultSnapshot:
    """The state of Vault as this machine's token sees it; each part may be an error instead.

    `mounts` are the existing paths, None if the token cannot list them. `moved` says where the
    payload may be if its mount is missing. `auth` is the store's auth mount and role. `retention`
    says how long the mount keeps the payload. `payloads` has what is readable of the payloads'
    metadata, by their paths in policies. `runtime_role` is the role of Airflow's own pods, as in
    `AuthState`.
    """

    token: TokenInfo | VaultError
    mount: Mount | VaultError
    rights: Mapping[str, frozenset[str]] | VaultError
    mounts: frozenset[str] | None = None
    moved: MovedPayload = field(default_factory=MovedPayload)
    auth: AuthState = field(default_factory=AuthState)
    retention: Retention | VaultError = field(default_factory=Retention)
    payloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runtime_role: Mapping[str, Any] | None = None

    def auth_of(self, store: VaultSettings) -> AuthState:
        """Return the store's auth mount, with the role of `store`, which is at the same mount."""
        return self.auth if store.has_payload else replace(self.auth, role=self.runtime_role)


SnapshotLookup = Callable[[], VaultSnapshot | VaultError]


def policy_path(store: VaultSettings) -> str:
    """Return the API path of the store's policy."""
    return f"sys/policies/acl/{store.policy}"


def role_path(store: VaultSettings) -> str:
    """Return the API path of the store's role, as Vault lists it: its name in lower case."""
    return f"auth/{store.auth_mount}/role/{store.role.lower()}"


def config_path(store: VaultSettings) -> str:
    """Return the API path of the config of the store's auth mount."""
    return f"auth/{store.auth_mount}/config"


def read_health(address: VaultAddress) -> Health | VaultError:
    """Return Vault's health, read without a login."""
    try:
        with open_vault(address) as vault:
            return vault.health()
    except VaultError as error:
        return error


def sees_mount(vault: Vault, mount: str) -> bool:
    """Return whether the token is valid, for a token that cannot look itself up.

    Vault tells only a valid token about mounts.
    """
    try:
        retry_busy(lambda: vault.mount(mount))
    except VaultError as error:
        return error.kind in {"version", "missing"}
    return True


def compare_vaults(address: VaultAddress, seen: str, known: str) -> str:
    """Return that this is not the Vault of an earlier run; empty if it may be the same."""
    if not known or not seen or known == seen:
        return ""
    return f"the Vault at {address.endpoint} is cluster {seen}; an earlier run used {known}"


def read_path(vault: Vault, path: str) -> PathState:
    """Return the content of a path. Raises VaultError if Vault does not answer."""
    try:
        return PathState(retry_busy(lambda: vault.call("GET", path)).data)
    except VaultError as error:
        if error.kind not in {"missing", "forbidden"}:
            raise
        unrouted = isinstance(error, VaultUnroutedError)
        return PathState(hidden=error.kind == "forbidden", unrouted=unrouted)


def read_listed(vault: Vault, path: str) -> PathState:
    """Return the content of a path in a mount that Vault listed; see `read_path`.

    If the mount is gone in the meantime, it was moved or disabled: what it held is unseen.
    """
    found = read_path(vault, path)
    return PathState(hidden=True) if found.unrouted else found


def find_moved(
    vault: Vault,
    source: str,
    mount: str,
    named: Collection[str],
    paths: Sequence[str],
    most: int | None = None,
) -> MovedPayload:
    """Return where the payloads of a source may be if their mount is missing. Raises VaultError.

    `named` are the mounts in the answers, now or earlier, and `paths` those of the payloads; see
    `find_moved_payload` for `most`. Empty if `mount` is there (none is meant by an empty name), or
    if this login may not list the mounts.
    """
    mounts = read_path(vault, "sys/mounts").data or {}
    if not mounts or f"{mount}/" in mounts:
        return MovedPayload()
    return find_moved_payload(
        lambda path: read_listed(vault, path), mounts, source, named, paths, most
    )


def make_snapshot_lookup(
    address: VaultAddress,
    credentials: VaultCredentials,
    store: VaultSettings,
    *others: VaultSettings,
    runtime: VaultSettings | None = None,
    source: str = "",
    find_named: Callable[[], Collection[str]] = frozenset,
) -> SnapshotLookup:
    """Return a function that logs in and reads the snapshot.

    Of `others` it has only rights and metadata, of `runtime` rights and the role. `source` is that
    of this installation. `find_named` is called if the mount is missing, and returns the mounts
    that the answers name now or did earlier.
    """

    def look() -> VaultSnapshot | VaultError:
        try:
            with open_vault(address, credentials) as vault:
                return _read_snapshot(
                    vault, store, *others, runtime=runtime, source=source, find_named=find_named
                )
        except VaultError as error:
            return error

    return look


def _read_snapshot(
    vault: Vault,
    store: VaultSettings,
    *others: VaultSettings,
    runtime: VaultSettings | None,
    source: str,
    find_named: Callable[[], Collection[str]],
) -> VaultSnapshot:
    token = _capture_error(vault.token_lookup)
    if isinstance(token, VaultError):
        if token.kind != "login" or not sees_mount(vault, store.mount):
            return VaultSnapshot(token, token, token)
        token = TokenInfo("", (), 0, renewable=False, namespace="", is_hidden=True)
    if token.uses is not None and token.uses < CHECK_REQUESTS:
        said = describe_uses(vault.identity, token.uses, CHECK_REQUESTS)
        few = VaultError("login", said, USES_HINT)
        return VaultSnapshot(few, few, few)
    paths = [
        path
        for one in (store, *others)
        for path in (one.data_path, policy_path(one), role_path(one))
    ]
    paths += [policy_path(runtime), role_path(runtime)] if runtime else []
    mounts, moved = _list_paths(vault, "sys/mounts"), MovedPayload()
    # A token with few uses is kept for the other questions.
    if mounts and store.mount not in mounts and token.uses is None:
        every = [one.path for one in (store, *others)]
        moved = find_moved(vault, source, store.mount, find_named(), every, CHECK_MOUNTS)
    rights = _capture_error(lambda: vault.capabilities(paths))
    if isinstance(rights, VaultError) and rights.kind == "forbidden" and token.is_hidden:
        rights = VaultError(
            "forbidden",
            f"{vault.identity} may not look up its rights: it lacks the policy default",
            "add the policy default to see them; secrets and apply try all the same",
        )
    return VaultSnapshot(
        token,
        _capture_error(lambda: vault.mount(store.mount)),
        rights,
        mounts,
        moved,
        _read_auth_state(vault, store),
        _capture_error(lambda: read_retention(vault, store)),
        {
            one.data_path: _read_entry(vault, f"{one.mount}/metadata/{one.path}") or {}
            for one in (store, *others)
        },
        _read_entry(vault, role_path(runtime)) if runtime else None,
    )


def _read_auth_state(vault: Vault, store: VaultSettings) -> AuthState:
    mounts = _list_paths(vault, "sys/auth")
    return AuthState(
        exists=None if mounts is None else store.auth_mount in mounts,
        config=_read_entry(vault, config_path(store)),
        role=_read_entry(vault, role_path(store)),
    )


def _list_paths(vault: Vault, path: str) -> frozenset[str] | None:
    answer = _capture_error(lambda: vault.call("GET", path))
    return (
        None if isinstance(answer, VaultError) else frozenset(one.strip("/") for one in answer.data)
    )


def _read_entry(vault: Vault, path: str) -> Mapping[str, Any] | None:
    """Return the entry at a path, empty if there is none; None if the token cannot read it."""
    answer = _capture_error(lambda: vault.call("GET", path))
    if not isinstance(answer, VaultError):
        return answer.data
    return {} if answer.kind == "missing" else None


def _capture_error(call: Callable[[], T]) -> T | VaultError:
    try:
        return call()
    except VaultError as error:
        return error

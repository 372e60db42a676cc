"""This machine's one login to Vault for all steps of a run, and the rights of that login.

Missing rights are not a fault: Vault's owner does the step instead. An expired token is a fault, so
a refusal means missing rights only while the token is still valid (facts on Vault, sections 1
and 2).
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError, Fix
from wizard.secrets.payload import Payload
from wizard.state.apply_journal import VAULT_CLUSTER_ID, ApplyHistory
from wizard.stores.vault.settings import vault_settings
from wizard.systems.payload_store import read_state
from wizard.systems.store_login import StoredKeys
from wizard.systems.vault.looks import (
    PathState,
    compare_vaults,
    find_moved,
    read_path,
    sees_mount,
)
from wizard.systems.vault.paths import (
    list_named_mounts,
    list_payload_settings,
    list_vault_settings,
)
from wizard.systems.vault.patience import retry_busy
from wizard.systems.vault.payload_store import VaultPayloadStore
from wizard.systems.vault.remount import FEW_MOUNTS
from wizard.systems.vault.uses import APPLY_REQUESTS, require_uses

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.clients.vault.transport import VaultResponse
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.systems.vault.remount import MovedPayload

T = TypeVar("T")

_RECENT_SECONDS = 30.0
NO_CREDENTIALS = "no Vault credentials found on this machine"


class VaultLogin:
    """One Vault client, opened on first use.

    An AppRole's secret id may be valid for a single login only, so the login is reused. A login
    made here is revoked when the session is released, at the latest when the process ends.
    """

    def __init__(self, target: Target) -> None:
        self.store: VaultSettings = vault_settings(target.answers.secrets, target.release)
        self.vault_address = target.access[0] if target.access else None
        self._access = target.access
        self._target = target
        self._vault: Vault | None = None
        self._has_few_uses = False
        # Whether a request was tried without a look at this token's rights.
        self.has_hidden_rights = False
        # Tokens that this login has looked up, by accessor; a token's policies never change.
        self.seen_tokens: dict[str, Mapping[str, Any]] = {}
        # The version of this Vault, once its identity was read.
        self.version = ""
        self._recent: dict[str, tuple[float, Any]] = {}
        self._stack = ExitStack()
        target.cleanups.append(weakref.finalize(self, self._stack.close))

    @property
    def endpoint(self) -> str:
        """The address the steps connect to, for messages."""
        return self.vault_address.endpoint if self.vault_address else self.store.server

    @property
    def vault(self) -> Vault:
        """The client; raises VaultError if the login is refused."""
        if self._access is None:
            raise VaultError("login", NO_CREDENTIALS)
        if self._vault is None:
            if seen := self.read_identity():
                self._target.met_identities[VAULT_CLUSTER_ID] = seen
            vault = self._stack.enter_context(open_vault(*self._access))
            paths = len(list_vault_settings(self._target.answers, self._target.release))
            self._has_few_uses = require_uses(vault, APPLY_REQUESTS * paths)
            self._vault = vault
        return self._vault

    def read_identity(self) -> str:
        """Return the cluster id of this Vault, before any login; empty if it does not tell it.

        Raise ConflictError if it is not the Vault of an earlier run, and VaultError.
        """
        if self.vault_address is None:
            raise VaultError("login", NO_CREDENTIALS)
        try:
            with open_vault(self.vault_address) as vault:
                health = vault.health()
                seen, self.version = health.cluster_id, health.version
        except VaultError as error:
            if error.kind != "foreign":
                raise
            # A proxy in front of Vault may hide its health; then there is no identity to compare.
            return ""
        target = self._target
        known = target.known_identities.get(VAULT_CLUSTER_ID, "")
        if other := compare_vaults(self.vault_address, seen, known):
            memory = ApplyHistory(target.repository, target.release.installation).place
            raise ConflictError(
                other,
                f"use the Vault of the earlier run; to switch to this one, delete {memory}, "
                "which records the earlier one",
            )
        return seen

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """Send one request, with retries if Vault asks to wait. Raise VaultError."""
        return self.retry(lambda: self.vault.call(method, path, body))

    def retry(self, ask: Callable[[], T]) -> T:
        """Call `ask` and return its result; try again while Vault gives a time to wait."""
        return retry_busy(ask)

    def read_path(self, path: str) -> PathState:
        """Return the content of a path.

        Raise VaultError if the token has expired or Vault does not answer.
        """
        found = read_path(self.vault, path)
        if found.hidden:
            self.require_alive()
        return found

    def read_recently(self, name: str, read: Callable[[], T]) -> T:
        """Return what `read` returned a moment ago under this name; call it if that is long ago.

        A removal looks at all roles, users, entities and policies of a Vault for each step. After
        a wait, and before a change, they are read again: others may have changed them.
        """
        when, held = self._recent.get(name, (0.0, None))
        if when and time.monotonic() - when <= _RECENT_SECONDS:
            recent: T = held
            return recent
        found = read()
        self._recent[name] = (time.monotonic(), found)
        return found

    def forget_recent(self) -> None:
        """Forget what `read_recently` keeps, so that a last check before a change sees it anew."""
        self._recent.clear()

    def read_policy(self, name: str) -> PathState:
        """Return a policy by its name; see `read_path`."""
        return self.read_path(f"sys/policies/acl/{name}")

    def find_moved(
        self, store: VaultSettings | None = None, *, replaced: bool = False
    ) -> MovedPayload:
        """Return where a payload may be if its mount is missing, by default all. Raise VaultError.

        A payload elsewhere is found by its own source, and a mount by its creator's. A mount that
        earlier answers named counts only for one `store`, whose removal must not miss it. With
        `replaced`, a mount of others is at its path.
        """
        answers, release = self._target.answers, self._target.release
        if store is not None:
            every: Sequence[VaultSettings] = [store]
            named = {one.mount for one in list_vault_settings(answers, release)}
        else:
            every = list_payload_settings(answers, release)
            named = list_named_mounts(answers, release, self._target.repository)
        paths = [one.path for one in every]

        def find() -> MovedPayload:
            vault = self.vault
            most = FEW_MOUNTS if self._has_few_uses else None
            gone = "" if replaced else self.store.mount
            return find_moved(vault, release.owner_id, gone, named, paths, most)

        kind = "replaced" if replaced else "moved"
        return self.read_recently(f"{kind} {' '.join(paths)}", find)

    def may(self, path: str, *needed: str) -> bool:
        """Return whether this token has all these capabilities at a path.

        True also for a valid token that may not look up its rights (it lacks the policy default):
        it may have them all the same, so the request is tried.
        """
        try:
            own = self.retry(lambda: self.vault.capabilities([path]))[path]
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            self.require_alive()
            self.has_hidden_rights = True
            return True
        return "root" in own or own >= set(needed)

    @property
    def place(self) -> str:
        """Mount and path of the installation's payload."""
        return f"{self.store.mount}/{self.store.path}"

    @property
    def path(self) -> str:
        """The payload's path below the mount, as ExternalSecrets name it."""
        return self.store.path

    @property
    def inspect_command(self) -> str:
        """The command that shows Vault's owner the payload."""
        return f"vault kv metadata get -mount={self.store.mount} {self.store.path}"

    def read_name(self, reference: Mapping[str, Any], reader: str = "") -> str:
        """Return the key of the payload that a `remoteRef` reads; empty for another path."""
        own = bool(reader) or reference.get("key") == self.path
        return str(reference.get("property")) if own else ""

    def read_payload(self) -> tuple[Payload | None, str]:
        """Return the payload, or None and why this run cannot read it; raise VaultError."""
        if self.vault_address is None:
            return None, NO_CREDENTIALS
        store = self.store
        try:
            found = self.retry(
                lambda: read_state(
                    VaultPayloadStore(self.vault, store.mount, store.path, store.document)
                )
            )
        except VaultError as error:
            if error.kind not in {"forbidden", "missing"}:
                raise
            self.require_alive()
            return None, f"this login cannot read {store.data_path}"
        return found.payload, ""

    def stored_keys(self, reader: str = "") -> StoredKeys | None:
        """Return a payload's keys that have a value; None if this run cannot read them."""
        every = list_payload_settings(self._target.answers, self._target.release)
        store = next(one for one in every if one.reader == reader)
        document = store.document
        if self._access is None:
            return None
        try:
            held = self.retry(lambda: self.vault.read(store.mount, store.path))
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            self.require_alive()
            return None
        if held is None or held.deleted:
            return StoredKeys(document=document)
        place = f"{store.mount}/{store.path}"
        names = Payload(place, document, held.data).list_filled_names()
        return StoredKeys(names, held.expires, document)

    def require_alive(self) -> None:
        """Raise VaultError if the token is no longer valid."""
        try:
            self.retry(self.vault.token_lookup)
        except VaultError as error:
            if error.kind != "login" or not sees_mount(self.vault, self.store.mount):
                raise


def leave_to_vault_owner(why: str, command: str) -> StepStatus:
    """Return `unknown` for work this token cannot do; a later step shows whether it was done."""
    return StepStatus(
        "unknown", f"Vault's owner must do this: {why}", Fix(f"ask them to run: {command}")
    )

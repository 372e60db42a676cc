"""This machine's one login to Vault for all actions of a run, and what it may see and do there.

A token that may not see something is no fault: that step is left to Vault's owner. A token that
has ended is one, so a refusal is believed only while the token still counts (facts on Vault,
sections 1 and 2).
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError, Fix
from wizard.state.apply_journal import VAULT_CLUSTER_ID, ApplyHistory
from wizard.stores.vault.settings import vault_settings
from wizard.systems.payload_store import read_state
from wizard.systems.vault.payload_store import VaultPayloadStore

if TYPE_CHECKING:
    from wizard.clients.vault.address import VaultAddress
    from wizard.clients.vault.protocol import Vault
    from wizard.clients.vault.transport import VaultResponse
    from wizard.secrets.payload import Payload
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

T = TypeVar("T")

_TRIES, _MAX_WAIT_SECONDS = 4, 10.0


@dataclass(frozen=True, slots=True)
class PathState:
    """What a path holds: None where there is nothing; `hidden` where that may not be read."""

    data: Mapping[str, Any] | None = None
    hidden: bool = False


class VaultLogin:
    """One client of Vault, opened when first needed.

    An AppRole's secret id may be good for a single login, so the login is kept; one that was made
    here is revoked once nobody holds the session any more, at the latest when the process ends.
    """

    def __init__(self, target: Target) -> None:
        self.store: VaultSettings = vault_settings(target.answers.secrets, target.release)
        self.vault_address = target.vault[0] if target.vault else None
        self._given = target.vault
        self._target = target
        self._vault: Vault | None = None
        self._stack = ExitStack()
        target.cleanups.append(weakref.finalize(self, self._stack.close))

    @property
    def endpoint(self) -> str:
        """Whom the actions ask, for people."""
        return self.vault_address.endpoint if self.vault_address else self.store.server

    @property
    def vault(self) -> Vault:
        """The client; raises VaultError where the login is refused."""
        if self._given is None:
            raise VaultError("login", "nothing says who this machine is to Vault")
        if self._vault is None:
            self._require_known(self._given[0])
            self._vault = self._stack.enter_context(open_vault(*self._given))
        return self._vault

    def _require_known(self, where: VaultAddress) -> None:
        """Before a login is sent anywhere: another Vault than an earlier run met is a conflict."""
        try:
            with open_vault(where) as nobody:
                seen = nobody.health().cluster_id
        except VaultError as error:
            if error.kind != "foreign":
                raise
            # What stands before Vault may keep its health to itself: then nothing can be compared.
            return
        target = self._target
        known = target.known_identities.get(VAULT_CLUSTER_ID, "")
        if known and seen and known != seen:
            memory = ApplyHistory(target.repository, target.release.installation).place
            raise ConflictError(
                f"the Vault at {where.endpoint} is cluster {seen}; an earlier run here met {known}",
                f"use the one that was applied to; if this one is meant, remove {memory}, "
                "which is all that remembers the other",
            )
        if seen:
            target.met_identities[VAULT_CLUSTER_ID] = seen

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """One request; a server that asks to wait is waited for. Raises VaultError."""
        return self.retry(lambda: self.vault.call(method, path, body))

    def retry(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, asked again for as long as Vault names a time for it."""
        for _ in range(_TRIES - 1):
            try:
                return ask()
            except VaultError as error:
                wait = error.retry_after
                if wait is None or wait > _MAX_WAIT_SECONDS:
                    raise
            time.sleep(wait)
        return ask()

    def read_path(self, path: str) -> PathState:
        """What stands at a path. VaultError where the token has ended or Vault does not answer."""
        try:
            return PathState(self.call("GET", path).data)
        except VaultError as error:
            if error.kind == "missing":
                return PathState()
            if error.kind != "forbidden":
                raise
        self.require_alive()
        return PathState(hidden=True)

    def may(self, path: str, *needed: str) -> bool:
        """Whether this token has all these capabilities at a path."""
        try:
            own = self.retry(lambda: self.vault.capabilities([path]))[path]
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            self.require_alive()
            return False
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
        """The command with which Vault's owner looks at the payload."""
        return f"vault kv metadata get -mount={self.store.mount} {self.store.path}"

    def read_payload(self) -> tuple[Payload | None, str]:
        """What Vault holds, or None and why this run cannot read it; raises VaultError."""
        if self.vault_address is None:
            return None, "nothing says who this machine is to Vault"
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
            return None, f"this login may not read {store.data_path}"
        return found.payload, ""

    def stored_keys(self) -> set[str] | None:
        """The payload's keys; None where nobody is logged in, or may see them."""
        if self._given is None:
            return None
        try:
            held = self.retry(lambda: self.vault.read(self.store.mount, self.store.path))
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            self.require_alive()
            return None
        return set() if held is None or held.deleted else set(held.data)

    def require_alive(self) -> None:
        """Raise VaultError where the token no longer counts at all."""
        try:
            self.retry(self.vault.token_lookup)
        except VaultError as error:
            if error.kind != "login" or not self._sees_mount():
                raise

    def _sees_mount(self) -> bool:
        """Whether the token counts though it may not look itself up: it sees its own mount."""
        try:
            self.retry(lambda: self.vault.mount(self.store.mount))
        except VaultError as error:
            return error.kind == "version"
        return True


def leave_to_vault_owner(why: str, command: str) -> StepStatus:
    """What this token may not do: the run goes on, and a later action proves it by its effect."""
    return StepStatus("unknown", f"left to Vault's owner: {why}", Fix(f"they run: {command}"))

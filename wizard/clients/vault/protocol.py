"""Vault's KV version 2 engine and related operations, with as few requests as possible.

Source: facts on Vault, sections 1, 2 and 6, each tested on a real server. A version 1 mount is
refused: it accepts a version 2 write, but stores the values in clear text at a different path.
OpenBao does the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from wizard.clients.vault.address import VaultAddress
from wizard.clients.vault.transport import VaultResponse

State = Literal[
    "active", "standby", "performance standby", "disaster recovery standby", "uninitialised",
    "sealed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Health:
    """The state of one node. `skew`: how many seconds its clock is ahead of this machine's."""

    state: State
    version: str
    cluster_id: str
    skew: float


@dataclass(frozen=True, slots=True)
class Mount:
    """A secrets engine; `path` has no trailing slash."""

    path: str
    type: str
    version: int


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """Vault's facts about the current token. `ttl` is in seconds, 0 if the token never expires.

    `uses` is how many more requests it may make, None without a limit. `is_hidden`: the token is
    valid, but may not look itself up, so nothing else is known.
    """

    name: str
    policies: tuple[str, ...]
    ttl: int
    renewable: bool
    namespace: str
    uses: int | None = None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """The content of a path: all its keys, and the version for the next check-and-set write.

    `deleted`: the version was deleted, so there are no keys, but still a version number;
    `destroyed`: its values are gone for good, and no undelete brings them back. `expires` is
    the time at which Vault will delete this version, empty if it will not.
    """

    data: Mapping[str, Any] = field(repr=False)
    version: int
    deleted: bool = False
    destroyed: bool = False
    expires: str = ""


class Vault(Protocol):
    """The Vault operations that the wizard uses. Every method may raise VaultError."""

    @property
    def address(self) -> VaultAddress:
        """Return Vault's address."""
        ...

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        ...

    def health(self) -> Health:
        """Return the node's state; needs no token and no namespace."""
        ...

    def token_lookup(self) -> TokenInfo:
        """Return the facts of the current token."""
        ...

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return the token's capabilities at each path, such as {"read"}; an empty set if none."""
        ...

    def mount(self, path: str) -> Mount:
        """Return the KV version 2 engine at a path; any other engine or version is refused."""
        ...

    def read(self, mount: str, path: str, version: int = 0) -> StoredSecret | None:
        """Return the secret at a path, by default its newest version.

        None if nothing was ever written there, or if Vault no longer keeps that version.
        """
        ...

    def write(self, mount: str, path: str, data: Mapping[str, Any], cas: int) -> int:
        """Replace the secret if its version is still `cas` (0: no version yet).

        Returns the new version. Raises VaultConflictError if the secret was changed in the
        meantime.
        """
        ...

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """Send any other request below /v1/; raises unless it succeeds."""
        ...

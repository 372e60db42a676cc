"""Vault's KV version 2 and what surrounds it, as few requests as it takes.

Source: facts on Vault, sections 1, 2 and 6, each tried on a real server. A version 1 mount is
refused: a write meant for version 2 "succeeds" there and keeps the values in clear at another
path. OpenBao answers alike.
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
    """The state of one node. `skew` is by how many seconds its clock is ahead of ours."""

    state: State
    version: str
    cluster_id: str
    skew: float


@dataclass(frozen=True, slots=True)
class Mount:
    """A secrets engine; `path` without a final slash."""

    path: str
    type: str
    version: int


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What Vault says of the token in use. `ttl` in seconds, 0 for one that never ends."""

    name: str
    policies: tuple[str, ...]
    ttl: int
    renewable: bool
    namespace: str


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What a path holds: all its keys, and the version to name when it is written again.

    `deleted`: the newest version was deleted, so there are no keys, but still a version.
    """

    data: Mapping[str, Any] = field(repr=False)
    version: int
    deleted: bool = False


class Vault(Protocol):
    """What the wizard needs of Vault. Every method may raise VaultError (wizard.errors)."""

    @property
    def address(self) -> VaultAddress:
        """Where it is."""
        ...

    @property
    def identity(self) -> str:
        """As whom it is asked, without the secret."""
        ...

    def health(self) -> Health:
        """The node's state; needs no token and no namespace."""
        ...

    def token_lookup(self) -> TokenInfo:
        """The token in use."""
        ...

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What the token may do at each path, such as {"read"}; empty for nothing."""
        ...

    def mount(self, path: str) -> Mount:
        """The KV version 2 engine there; another engine or version is refused."""
        ...

    def read(self, mount: str, path: str) -> StoredSecret | None:
        """What stands at a path; None where nothing was ever written."""
        ...

    def write(self, mount: str, path: str, data: Mapping[str, Any], cas: int) -> int:
        """Replace what stands there if its version is still `cas` (0: nothing yet).

        Returns the new version. VaultConflictError when somebody else wrote in between.
        """
        ...

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """Any other request below /v1/ that must succeed."""
        ...

"""The payload store on a path of a KV version 2 mount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.vault.transport import VaultConflictError
from wizard.systems.payload_store import WriteConflictError
from wizard.systems.vault.patience import retry_busy

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import StoredSecret, Vault


@dataclass(frozen=True, slots=True)
class VaultPayloadStore:
    """A payload at one path of a KV version 2 mount."""

    vault: Vault
    mount: str
    path: str
    document: bool

    @property
    def name(self) -> str:
        """Mount, path and endpoint, for messages."""
        return f"{self.mount}/{self.path} at {self.vault.address.endpoint}"

    def read(self) -> StoredSecret | None:
        """Return the stored secret; None if nothing was ever written."""
        return retry_busy(lambda: self.vault.read(self.mount, self.path))

    def read_version(self, version: int) -> StoredSecret | None:
        """Return an older version; None if Vault no longer keeps it."""
        return retry_busy(lambda: self.vault.read(self.mount, self.path, version))

    def write(self, data: Mapping[str, object], cas: int) -> int:
        """Replace the payload with check-and-set; WriteConflictError if its version has changed."""
        try:
            return retry_busy(lambda: self.vault.write(self.mount, self.path, data, cas))
        except VaultConflictError as error:
            raise WriteConflictError from error

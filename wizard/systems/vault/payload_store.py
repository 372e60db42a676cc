"""The payload store on a path of a KV version 2 mount."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.vault.transport import VaultConflictError, VaultError
from wizard.errors import RefusedError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.payload_store import WriteConflictError
from wizard.systems.vault.ownership import judge_payload
from wizard.systems.vault.patience import retry_busy

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import StoredSecret, Vault


@dataclass(frozen=True, slots=True)
class VaultPayloadStore:
    """A payload at one path of a KV version 2 mount.

    `source` is recorded in the custom metadata of a payload that this store creates.
    """

    vault: Vault
    mount: str
    path: str
    document: bool
    source: str = ""

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
        """Replace the payload with check-and-set; WriteConflictError if its version has changed.

        Raises RefusedError for a payload that names another source.
        """
        if cas and self.source:
            self._require_not_foreign()
        try:
            version = retry_busy(lambda: self.vault.write(self.mount, self.path, data, cas))
        except VaultConflictError as error:
            if self.source:
                # Whose values they are that were written first: those of others are not taken.
                self._require_not_foreign()
            raise WriteConflictError from error
        except VaultError as error:
            # Vault may have stored the values of a request that it did not answer.
            error.message += (
                f"; whether {self.name} was written is not known: run this again, which keeps what "
                "is there"
                if error.kind in {"unreachable", "server"}
                else f"; nothing was written to {self.name}"
            )
            raise
        if cas == 0 and self.source:
            self._record_source()
        return version

    def _require_not_foreign(self) -> None:
        try:
            name = f"{self.mount}/metadata/{self.path}"
            found = retry_busy(lambda: self.vault.call("GET", name)).data
        except VaultError as error:
            if error.kind not in {"forbidden", "missing"}:
                raise
            return
        owner = judge_payload(found, self.source)
        if owner.is_proven_foreign:
            raise RefusedError(
                f"{self.name} {escape_unprintable(owner.reason)}; nothing was written",
                "set secrets.vault.path to a path of this installation",
            )

    def _record_source(self) -> None:
        """Say who created the payload; if that fails, its owner stays unknown.

        The values are written already, which an error here would hide.
        """
        body = {"custom_metadata": {OWNER_ANNOTATION: self.source}}
        with suppress(VaultError):
            retry_busy(lambda: self.vault.call("POST", f"{self.mount}/metadata/{self.path}", body))

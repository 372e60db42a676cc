"""What other systems may ask a run's login to the store, whatever the store is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wizard.secrets.payload import Payload


class StoreLogin(Protocol):
    """One run's login to the store, made when first needed and kept for all its steps."""

    @property
    def place(self) -> str:
        """Where the installation's payload lies, for people."""

    @property
    def path(self) -> str:
        """The payload's path, as ExternalSecrets name it."""

    @property
    def inspect_command(self) -> str:
        """The command with which the store's owner looks at the payload."""

    def read_payload(self) -> tuple[Payload | None, str]:
        """Return what the store holds, or None and why this run cannot read it."""

    def stored_keys(self) -> set[str] | None:
        """Return the keys that the payload has; None where this run may not see them."""

"""The interface of a run's login to the store, for other systems; the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from wizard.secrets.payload import Payload


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The names in a payload that have a value, as the store has them.

    Those of a payload of many keys are from `Payload.list_filled_names`.

    `expires` is the time at which the store will delete them, empty if it will not. `document` says
    that the payload is one YAML document.
    """

    names: frozenset[str] = frozenset()
    expires: str = ""
    document: bool = False


class StoreLogin(Protocol):
    """One run's login to the store, opened on first use and shared by all steps."""

    @property
    def place(self) -> str:
        """The location of the installation's payload, as shown to people."""

    @property
    def path(self) -> str:
        """The payload's path, as in ExternalSecrets."""

    @property
    def inspect_command(self) -> str:
        """The command that shows the payload to the store's owner."""

    def read_name(self, reference: Mapping[str, Any], reader: str = "") -> str:
        """Return the name in `stored_keys` that a `remoteRef` reads; empty if it reads elsewhere.

        `reader` is as for `stored_keys`.
        """

    def read_payload(self) -> tuple[Payload | None, str]:
        """Return the payload, or None and the reason why this run cannot read it."""

    def stored_keys(self, reader: str = "") -> StoredKeys | None:
        """Return the keys of the payload; None when this run is not allowed to read them.

        A payload whose newest version was deleted has none. `reader` is another reader of the
        store, such as Argo CD, with a payload of its own.
        """

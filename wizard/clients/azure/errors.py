"""What can go wrong at a Key Vault."""

from __future__ import annotations

from typing import ClassVar, Literal

from wizard.errors import Fix, RefusedError, WizardError

Kind = Literal[
    "unreachable", "login", "forbidden", "network", "missing", "disabled", "deleted", "busy",
    "server", "foreign",
]  # fmt: skip


class KeyVaultError(WizardError):
    """A Key Vault did not answer or refused a request; `kind` is for programs.

    `retry_after` is how many seconds it asks to wait, None if it does not.
    """

    kind: Kind
    retry_after: float | None = None

    def __init__(self, kind: Kind, message: str, hint: Fix | str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind

    @property
    def transient(self) -> bool:
        """Return whether the failure is temporary: not caused by answers or missing rights."""
        return self.kind in {"unreachable", "busy", "server"}


class KeyVaultRefusedError(KeyVaultError, RefusedError):
    """Continuing would be unsafe: the server is not the Key Vault of the answers."""

    exit_code: ClassVar = RefusedError.exit_code

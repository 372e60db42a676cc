"""What can go wrong at AWS."""

from __future__ import annotations

from typing import ClassVar, Literal

from wizard.errors import Fix, RefusedError, WizardError

Kind = Literal[
    "unreachable", "login", "forbidden", "key", "missing", "exists", "deleted", "busy", "server",
    "foreign",
]  # fmt: skip


class AwsError(WizardError):
    """AWS did not answer or refused a request; `kind` is for programs."""

    kind: Kind

    def __init__(self, kind: Kind, message: str, hint: Fix | str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind

    @property
    def transient(self) -> bool:
        """Return whether the failure is temporary: not caused by answers or missing rights."""
        return self.kind in {"unreachable", "busy", "server"}

    @property
    def unseen(self) -> bool:
        """Return whether the failure says nothing about the secrets: this login sees them not."""
        return self.transient or self.kind in {"forbidden", "key", "login"}


class AwsRefusedError(AwsError, RefusedError):
    """Continuing would be unsafe: this is not the account, or not the server, of the answers."""

    exit_code: ClassVar = RefusedError.exit_code

"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from wizard.errors import Fix

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, its place, and how to fix it.

    `rule` is a stable id (`secret.private-key`), `path` the file, `where` the dotted key in the
    file (or `line 12`), `fix` says what would be right. No field contains a secret, or a value
    from a field for a secret or a secret's name: the user may have pasted the secret itself there.
    """

    rule: str
    severity: Severity
    path: str
    where: str
    message: str
    fix: Fix

    @property
    def is_error(self) -> bool:
        """Return whether the finding blocks writing."""
        return self.severity == "error"

    def to_json(self) -> dict[str, str]:
        """Return the finding for `--json`: all fields by name, and the question of the fix."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "where": self.where,
            "message": self.message,
            **self.fix.to_json(),
        }

    def sort_key(self) -> tuple[str, ...]:
        """Return the sort key: file, place and rule, for a stable order."""
        return (self.path, self.where, self.rule, self.message, self.severity, self.fix.text)

    def __str__(self) -> str:
        place = f"{self.path}: {self.where}" if self.where else self.path
        return f"{self.severity}: {place}: {self.message} [{self.rule}]"

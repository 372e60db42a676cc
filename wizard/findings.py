"""One thing a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from wizard.errors import Fix

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and what to do about it.

    `rule` is a stable id (`secret.private-key`), `path` the file, `where` the dotted place in it
    (or `line 12`), `fix` what would be right. No field ever holds a secret, nor a value that stands
    where a secret or its name belongs: somebody may have pasted the secret itself there.
    """

    rule: str
    severity: Severity
    path: str
    where: str
    message: str
    fix: Fix

    @property
    def is_error(self) -> bool:
        """Whether the finding forbids to write."""
        return self.severity == "error"

    def to_json(self) -> dict[str, str]:
        """The finding for `--json`: every field by its name, and the question of the fix."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "where": self.where,
            "message": self.message,
            **self.fix.to_json(),
        }

    def sort_key(self) -> tuple[str, ...]:
        """By file, place and rule: the same findings always come in the same order."""
        return (self.path, self.where, self.rule, self.message, self.severity, self.fix.text)

    def __str__(self) -> str:
        place = f"{self.path}: {self.where}" if self.where else self.path
        return f"{self.severity}: {place}: {self.message} [{self.rule}]"

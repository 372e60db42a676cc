"""File changes in the repository, and conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wizard.errors import ConflictError

ChangeKind = Literal["add", "modify", "delete", "same"]


BASE_PREFIX = "base/"


DIGEST_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A planned change of one file, from the content `old` to the content `new` (None: no file).

    Files of kind `same` do not change; they are listed because the digest includes them. `note` is
    a remark about the file for the user (`hand edit kept`).
    """

    path: str
    logical: str
    kind: ChangeKind
    old: bytes | None
    new: bytes | None
    note: str = ""

    @property
    def differs(self) -> bool:
        """Return whether this change alters the repository."""
        return self.kind != "same"

    @property
    def is_base(self) -> bool:
        """Return whether the file belongs to the merge base, which users need not read."""
        return self.logical.startswith(BASE_PREFIX)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that needs a decision of the user: the reason, and what to do."""

    path: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def conflict_error(conflicts: Sequence[Conflict]) -> ConflictError:
    """Return all conflicts as one error: each path with its reason, and each different fix once."""
    count = len(conflicts)
    head = "one file needs" if count == 1 else f"{count} files need"
    lines = [f"{head} a decision before anything is written:", *(f"  {one}" for one in conflicts)]
    hints = dict.fromkeys(one.hint for one in conflicts if one.hint)
    return ConflictError("\n".join(lines), "\n".join(hints))

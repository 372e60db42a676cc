"""Changes of files in the repository: what a plan wants written, and conflicts."""

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
    """What becomes of one file: `old` is in the repository, `new` will be; None is no file.

    `same` files change nothing and are listed because the digest covers them. `note` says what a
    person should know about this file (`hand edit kept`).
    """

    path: str
    logical: str
    kind: ChangeKind
    old: bytes | None
    new: bytes | None
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether writing this change alters the repository."""
        return self.kind != "same"

    @property
    def is_base(self) -> bool:
        """Whether the file belongs to the merge base, which nobody needs to read."""
        return self.logical.startswith(BASE_PREFIX)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file only a person can decide about: why, and what to do."""

    path: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def conflict_error(conflicts: Sequence[Conflict]) -> ConflictError:
    """All conflicts as one error: each path with its reason, each different remedy once."""
    count = len(conflicts)
    head = "one file needs" if count == 1 else f"{count} files need"
    lines = [f"{head} an answer before anything is written:", *(f"  {one}" for one in conflicts)]
    hints = dict.fromkeys(one.hint for one in conflicts if one.hint)
    return ConflictError("\n".join(lines), "\n".join(hints))

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

    @property
    def is_shown(self) -> bool:
        """Return whether users see this change: it alters a file outside the merge base."""
        return self.differs and not self.is_base


def name_kind(old: bytes | None, new: bytes | None) -> ChangeKind:
    """Return the kind of the change from one content to another (None: no file)."""
    if old == new:
        return "same"
    if old is None:
        return "add"
    return "delete" if new is None else "modify"


Side = Literal["mine", "new"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file, or one place in it, that needs a decision of the user: the reason, and what to do.

    `key` is the place (empty: the whole file). `base`, `mine` and `new` are what the wizard wrote
    last, the hand edit, and what it would write now, as text; None where nothing is. `choices` are
    the sides that a user may decide for.
    """

    path: str
    reason: str
    hint: str
    key: str = ""
    base: str | None = None
    mine: str | None = None
    new: str | None = None
    choices: tuple[Side, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    @property
    def has_values(self) -> bool:
        """Return whether there are values to show."""
        return (self.base, self.mine, self.new) != (None, None, None)

    def to_json(self) -> dict[str, object]:
        """Return the conflict for `--json`; it may gain keys, but not lose any."""
        return {
            "path": self.path,
            "reason": self.reason,
            "hint": self.hint,
            "key": self.key,
            "base": self.base,
            "mine": self.mine,
            "new": self.new,
            "choices": list(self.choices),
        }


def conflict_error(conflicts: Sequence[Conflict]) -> ConflictError:
    """Return all conflicts as one error: each path with its reason, and each different fix once."""
    count = len({one.path for one in conflicts})
    head = "one file needs" if count == 1 else f"{count} files need"
    lines = [f"{head} a decision before anything is written:", *(f"  {one}" for one in conflicts)]
    hints = dict.fromkeys(one.hint for one in conflicts if one.hint)
    return ConflictError("\n".join(lines), "\n".join(hints))

"""Explains a merge base that is missing, or is the one of another installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.git.changes import Conflict
from wizard.plan.merge_base import base_folder, index_path

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree


def explain_lost_base(
    repository: WorkTree, name: str, conflicts: Sequence[Conflict]
) -> list[Conflict]:
    """Return the conflicts of files that differ from the rendering, if the base was deleted.

    Without a base, nothing says which lines of a file are a person's. Conflicts of an installation
    that never had a base stay as they are.
    """
    if not conflicts:
        return []
    hint = _explain_restore(repository, name)
    if not hint:
        return [*conflicts]
    reason = (
        "differs from what the answers give, and cannot be merged without the last rendering, "
        f"which was deleted from {base_folder(name)}"
    )
    return [replace(one, reason=reason, hint=hint) for one in conflicts]


def explain_foreign_base(repository: WorkTree, name: str) -> Conflict:
    """Return the conflict of a base of which no file belongs to the installation."""
    folder = base_folder(name)
    return Conflict(
        index_path(name),
        f"lists only files that the answers of {name} do not lead to: it belongs to another "
        "installation",
        _explain_restore(repository, name)
        or f"restore the folder from a commit where it was right (`git log -- {folder}`), commit "
        "that, and plan again",
    )


def _explain_restore(repository: WorkTree, name: str) -> str:
    """Return the command that restores the base from before its last change; empty if unknown."""
    folder = base_folder(name)
    path = f":(top,literal){repository.full_path(index_path(name))}"
    if repository.is_shallow:
        return f"get the history (`git fetch --unshallow`), and restore {folder} from it"
    found = repository.git.read(
        "log", "-1", "--format=%h", "--diff-filter=DM", "HEAD", "--", path, ok=(0, 128)
    )
    if found.code or not found.text:
        return ""
    return f"restore it: `git checkout {found.text}~1 -- {folder}`, commit that, and plan again"

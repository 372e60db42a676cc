"""What it means when git ends a commit with an error: a full disk, or somebody's refusal."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from wizard.errors import WizardError

_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_LEAST_ROOM = 64 * 1024


def not_committed(git_dir: Path, said: str) -> WizardError:
    """The error for a `git commit` that failed and printed `said`; the files are as they were.

    git speaks the person's language, so the room itself is looked at too.
    """
    if any(words in said for words in _NO_ROOM) or _is_full(git_dir):
        told = f":\n{said}" if said else ""
        return WizardError(
            f"git could not commit, because there is no room left in {git_dir} or where git and "
            f"its hooks put files; everything is as it was{told}",
            "make room, then run the same command again",
        )
    return WizardError(
        f"git commit was refused; everything is as it was:\n{said or 'it gave no reason'}",
        "a hook or the signing key stopped it: correct what it says, then run the same "
        "command again",
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False

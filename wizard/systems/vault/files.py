"""Compare the content of Vault with the committed files.

A policy or role that equals an earlier committed version of its file was written from this
repository, so it may be updated. Any other content has a different owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.plan.diff import diff_bytes

if TYPE_CHECKING:
    pass


def mount_description(installation: str) -> str:
    """Return the description of a mount, which names its creator."""
    return f"made by airflow-wizard for {installation}"


def diff_texts(name: str, theirs: str, ours: str) -> str:
    """Return a unified diff from the existing text to the committed one, safe to print."""
    lines = diff_bytes(name, theirs.encode("utf-8", "surrogateescape"), ours.encode())
    return "\n".join(line.text for line in lines)


def difference_status(what: str, diff: str, *, own: bool, fix: Fix) -> StepStatus:
    """Return `wanted` if Vault has an earlier version of ours, `blocked` for any other content."""
    if own:
        return StepStatus("wanted", f"{what} matches an earlier committed version", diff=diff)
    return StepStatus("blocked", f"a different {what} already exists; not changed", fix, diff)

"""What the repository says Vault should hold, and whether what stands there came from it.

A policy or role that equals an earlier committed version of its file was written from this
repository, so it may be brought up to date; anything else is another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.plan.diff import diff_bytes

if TYPE_CHECKING:
    pass


def mount_description(installation: str) -> str:
    """How a mount says who made it, in its description."""
    return f"made by airflow-wizard for {installation}"


def diff_texts(name: str, theirs: str, ours: str) -> str:
    """A unified diff from what stands there to what is committed, safe to print."""
    lines = diff_bytes(name, theirs.encode("utf-8", "surrogateescape"), ours.encode())
    return "\n".join(line.text for line in lines)


def difference_status(what: str, diff: str, *, own: bool, fix: Fix) -> StepStatus:
    """Something else stands there: brought up to date where it was ours, else left to a person."""
    if own:
        return StepStatus("wanted", f"{what} is an earlier version of this repository's", diff=diff)
    return StepStatus("blocked", f"another {what} stands there; it is not touched", fix, diff)

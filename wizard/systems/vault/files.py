"""What the repository says Vault should hold, and whether what stands there came from it.

A policy or role that equals an earlier committed version of its file was written from this
repository, so it may be brought up to date; anything else is another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.actions import Look
from wizard.plan.diff import diff_bytes

if TYPE_CHECKING:
    pass


def made_for(installation: str) -> str:
    """How a mount says who made it, in its description."""
    return f"made by airflow-wizard for {installation}"


def difference(name: str, theirs: str, ours: str) -> str:
    """A unified diff from what stands there to what is committed, safe to print."""
    lines = diff_bytes(name, theirs.encode("utf-8", "surrogateescape"), ours.encode())
    return "\n".join(line.text for line in lines)


def judged(what: str, diff: str, *, own: bool, fix: str) -> Look:
    """Something else stands there: brought up to date where it was ours, else left to a person."""
    if own:
        return Look("wanted", f"{what} is an earlier version of this repository's", diff=diff)
    return Look("blocked", f"another {what} stands there; it is not touched", fix, diff)

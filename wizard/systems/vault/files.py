"""Compare the content of Vault with the committed files.

A policy or role that equals an earlier committed version of its file was not changed by hand since.
Equal contents do not tell whose it is; see `wizard.systems.vault.ownership`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus, seal_text
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.plan.diff import diff_bytes

if TYPE_CHECKING:
    from wizard.manifests.ownership import Ownership


def diff_texts(name: str, theirs: str, ours: str) -> str:
    """Return a unified diff from the existing text to the committed one, safe to print."""
    lines = diff_bytes(name, theirs.encode("utf-8", "surrogateescape"), ours.encode())
    return "\n".join(line.text for line in lines)


def difference_status(
    what: str, diff: str, *, own: bool, owner: Ownership, fix: Fix, step: str, agreed: str
) -> StepStatus:
    """Return `wanted` if Vault has an earlier version of ours, `blocked` for any other content.

    Content that equals an earlier committed version but names no source is replaced after a yes to
    the diff; `agreed` is the seal that the operator gave for this step.
    """
    if owner.is_proven_foreign:
        return StepStatus(
            "blocked", f"{what} {escape_unprintable(owner.reason)}; not changed", fix, diff
        )
    if not own:
        return StepStatus("blocked", f"a different {what} already exists; not changed", fix, diff)
    detail = f"{what} matches an earlier committed version"
    if owner.is_ours:
        return StepStatus("wanted", detail, diff=diff)
    seal = seal_text(diff)
    if seal == agreed:
        return StepStatus("wanted", f"{detail}; take-over confirmed", diff=diff)
    over = f"or take over with the diff: airflow-wizard apply --take-over {step}@{seal}"
    return StepStatus(
        "blocked",
        f"{detail}, but {escape_unprintable(owner.reason)}; not changed",
        Fix(f"{fix}; {over}", fix.question),
        diff,
    )

"""What a proposal says about the target branch, whose committed evidence counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.errors import Fix
from wizard.findings import Finding
from wizard.git.target import TARGET_SETTING
from wizard.plan.merge_base import state_folder

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree
    from wizard.git.target import TargetBranch, TargetCommit


def inspect_target(answers: Answers, target: TargetBranch, repository: WorkTree) -> list[Finding]:
    """Return a finding if the answers name a branch other than the target branch."""
    if not target.name or repository.is_same_branch(target.name, answers.repository.branch):
        return []
    given = target.source == "--target"
    named = (
        "the branch that --target names"
        if given
        else f"the target branch {target.shown} ({target.source})"
    )
    fix = Fix(
        f"set repository.branch to {'it' if given else target.shown}, or name the branch that this "
        "is merged into with --target BRANCH, or once for this clone: "
        f"`git config {TARGET_SETTING} BRANCH`",
        "repository.branch",
    )
    return [
        Finding(
            "repository.target",
            "warning",
            f"{state_folder(answers.installation.name)}/answers.yaml",
            "repository.branch",
            f"differs from {named}; evidence and consent count only there",
            fix,
        )
    ]


def explain_unreadable_evidence(found: TargetCommit) -> list[str]:
    """Return a sentence if evidence may be on the target branch, but cannot be read here."""
    if found.commit is not None or not found.reason:
        return []
    return [
        f"evidence that was committed earlier is unverified: {found.reason}; `{found.command}`, "
        f"then run the same command again (--target BRANCH, or `git config {TARGET_SETTING} "
        "BRANCH` for this clone, names another target branch)"
    ]

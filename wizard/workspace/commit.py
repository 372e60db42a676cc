"""Writes the files of a proposal and commits them: all or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.git.preconditions import examine_changes
from wizard.git.transaction import commit_changes, write_changes
from wizard.plan.commit_message import require_no_secret
from wizard.plan.comparison import require_ready
from wizard.workspace.proposal import CommitResult

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How to commit: the message (empty: a generated one), the work branch, and what follows.

    `write_only` writes the files and commits nothing; `terminal` lets hooks and signing ask on the
    terminal; `accepted` names the consequences that the user accepted.
    """

    message: str = ""
    branch: str = ""
    push: bool = False
    pr: bool = False
    write_only: bool = False
    terminal: bool = False
    accepted: tuple[str, ...] = ()


def commit_proposal(
    repository: WorkTree, proposal: Proposal, before: Mapping[str, Any], options: CommitOptions
) -> CommitResult:
    """Write the files of a proposal and commit exactly these files, all or none.

    `before` are the committed raw answers. Raises RefusedError (4) for failed checks, missing
    evidence, consequences that nobody accepted, and a secret in the message, and ConflictError (5)
    for hand edits and uncommitted changes.
    """
    require_ready(proposal.plan, options.accepted)
    require_no_secret(options.message, options.branch)
    repository.require_idle()
    branch, target = options.branch, proposal.answers.repository.branch
    changes = [change for change in proposal.plan.changes if change.differs]
    examine_changes(repository, changes, commit=not options.write_only).require_safe()
    paths = [change.path for change in changes if not change.is_base]
    base = tuple(change.path for change in changes if change.is_base)
    if options.write_only:
        if changes:
            write_changes(repository, changes)
        return CommitResult("", paths, [], [], base_paths=base)
    push = options.push or options.pr or proposal.answers.repository.push
    terminal = options.terminal
    if not changes:
        from wizard.workspace.merge_request import push_earlier_commits

        late = (
            push_earlier_commits(repository, branch, target, pr=options.pr, terminal=terminal)
            if push
            else []
        )
        return CommitResult("", [], ["nothing to change", *late], [])
    repository.author()
    repository.require_branch(target, branch or None)
    text = proposal.message(before, options.message)
    written = commit_changes(
        repository, changes, text, target=target, branch=branch or None, terminal=terminal
    )
    repository.refresh()
    from wizard.workspace.merge_request import list_push_commands, publish

    if push:
        sent = publish(repository, written, target, pr=options.pr, terminal=terminal)
        following = []
    else:
        sent, following = [], list_push_commands(repository, branch or target)
    following.append(f"follow {proposal.rendering.release.runbook}")
    steps = tuple(step.id for step in proposal.plan.next_steps)
    notes = [*written.altered, *sent]
    return CommitResult(written.commit or "", paths, notes, following, steps, base)

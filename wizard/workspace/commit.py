"""Writes the files of a proposal and commits them: all or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from wizard import __version__
from wizard.errors import RefusedError
from wizard.git.preconditions import examine_changes
from wizard.git.transaction import commit_changes, write_changes
from wizard.plan.commit_message import require_no_secret
from wizard.plan.comparison import require_ready
from wizard.plan.wizard_upgrade import subtract_changes
from wizard.workspace.proposal import CommitResult

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How to commit: the message (empty: a generated one), the work branch, and what follows.

    `write_only` writes the files and commits nothing; `terminal` lets hooks and signing ask on the
    terminal; `accepted` names the consequences that the user accepted, and `backup` is the sentence
    about a backup of the database, which a migration needs (`wizard.workspace.backup`).
    """

    message: str = ""
    branch: str = ""
    push: bool = False
    pr: bool = False
    write_only: bool = False
    terminal: bool = False
    accepted: tuple[str, ...] = ()
    backup: str = ""


def commit_proposal(
    repository: WorkTree, proposal: Proposal, before: Mapping[str, Any], options: CommitOptions
) -> CommitResult:
    """Write the files of a proposal and commit exactly these files, all or none.

    What a newer wizard renders differently is a commit of its own before it.

    `before` are the committed raw answers. Raises RefusedError (4) for failed checks, missing
    evidence, consequences that nobody accepted, a migration without a backup, and a secret in the
    message, and ConflictError (5) for hand edits and uncommitted changes.
    """
    require_ready(proposal.plan, options.accepted, options.backup)
    require_no_secret(options.message, options.branch)
    repository.require_idle()
    branch, target = options.branch, proposal.answers.repository.branch
    changes = [change for change in proposal.plan.changes if change.differs]
    first = None if options.write_only else _find_first(proposal, options)
    earlier = [change for change in first.plan.changes if change.differs] if first else []
    every = [*{one.path: one for one in (*earlier, *changes)}.values()]
    examine_changes(repository, every, commit=not options.write_only).require_safe()
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
    commit = partial(
        commit_changes, repository, target=target, branch=branch or None, terminal=terminal
    )
    done, rest = [], None
    if first is not None:
        done.append(commit(earlier, first.message(before)))
        repository.refresh()
        rest = [*subtract_changes(proposal.plan.changes, earlier)]
        changes = [change for change in rest if change.differs]
    if changes:
        text = proposal.message(before, options.message, options.backup, rest)
        done.append(commit(changes, text))
        repository.refresh()
    *before_it, written = done
    last = changes or earlier
    paths = [change.path for change in last if not change.is_base]
    base = tuple(change.path for change in last if change.is_base)
    from wizard.workspace.merge_request import list_push_commands, publish

    if push:
        sent = publish(repository, written, target, pr=options.pr, terminal=terminal)
        following = []
    else:
        sent, following = [], list_push_commands(repository, branch or target)
    following.append(f"follow {proposal.rendering.release.runbook}")
    steps = tuple(step.id for step in proposal.plan.next_steps)
    upgrade = next((one.commit or "" for one in before_it), "")
    notes = [_note_upgrade(upgrade)] if upgrade else []
    notes += [*(text for one in done for text in one.altered), *sent]
    return CommitResult(written.commit or "", paths, notes, following, steps, base, upgrade)


def _find_first(proposal: Proposal, options: CommitOptions) -> Proposal | None:
    """Return what is committed first; None if nothing is, or not without a yes to more."""
    first = proposal.upgrade.proposal if proposal.upgrade else None
    if first is None:
        return None
    try:
        require_ready(first.plan, options.accepted, options.backup)
    except RefusedError:
        return None
    return first


def _note_upgrade(commit: str) -> str:
    return f"committed {commit[:12]} before it: what version {__version__} renders differently"

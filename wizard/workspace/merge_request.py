"""Pushes a commit, and requests a merge or prints how to do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.errors import UsageError, WizardError
from wizard.git.push import find_remote, is_ahead, push_branch, remote_url
from wizard.git.remotes import pr_url, push_options
from wizard.git.transaction import WriteResult

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.git.transaction import WriteResult


def publish(
    repository: WorkTree, written: WriteResult, target: str, *, pr: bool, terminal: bool
) -> list[str]:
    """Push the branch that was committed to; with `pr`, request a merge into `target`.

    Returns lines to show. Raises ConflictError when hooks changed the commit or the server has
    other commits, and WizardError when the push fails. The commit is kept in each case; the error
    message says so first.
    """
    try:
        return _publish(repository, written, target, pr=pr, terminal=terminal)
    except WizardError as error:
        if not written.commit:
            raise
        made = f"committed {written.commit[:12]}, but not pushed"
        raise type(error)(f"{made}: {error.message}", _push_again_hint(error.hint)) from None


def _push_again_hint(hint: str) -> str:
    return f"{hint}\nthe commit is kept: push it with the same command and --push".lstrip()


def push_earlier_commits(
    repository: WorkTree, branch: str, target: str, *, pr: bool, terminal: bool
) -> list[str]:
    """Push commits that an earlier run could not push; return lines to show.

    Raises as `publish` does.
    """
    wanted = branch or target
    if not repository.is_same_branch(repository.head.branch, wanted):
        return []
    if not is_ahead(repository, wanted):
        return []
    written = WriteResult((), branch=branch or target)
    return publish(repository, written, target, pr=pr, terminal=terminal)


def _publish(
    repository: WorkTree, written: WriteResult, target: str, *, pr: bool, terminal: bool
) -> list[str]:
    written.require_unaltered()
    branch = written.branch or target
    if repository.is_same_branch(branch, target):
        # HEAD's branch has another name if the target is a symbolic ref; the server knows the
        # target's name only.
        branch = target
    remote = find_remote(repository, branch)
    url = remote_url(repository, remote)
    options = push_options(url, target, f"Airflow: {branch}") if pr and branch != target else []
    pushed = push_branch(repository, branch, remote=remote, options=options, terminal=terminal)
    notes = [f"pushed {branch} to {pushed.remote} ({pushed.url})"]
    if pr and branch != target and not options:
        address = pr_url(url, branch, target)
        notes.append(
            f"request the merge at {address}"
            if address
            else f"request a merge of {branch} into {target} on your Git host"
        )
    return notes


def list_push_commands(repository: WorkTree, branch: str) -> list[str]:
    """Return the command that pushes a branch; an empty list if the branch has no remote."""
    try:
        return [f"git push {find_remote(repository, branch)} {branch}"]
    except UsageError:
        return []

"""After the commit: push it, and ask for a merge request or say how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.pushing import remote_for, remote_url
from wizard.remotes import pr_url, push_options

if TYPE_CHECKING:
    from wizard.repo import Repository
    from wizard.writing import Written


def publish(
    repository: Repository, written: Written, target: str, *, pr: bool, terminal: bool
) -> list[str]:
    """Push the branch that was committed to; with `pr` request a merge into `target`.

    Returns what to tell the person. Raises ConflictError when hooks changed the commit or the
    server has other commits, and WizardError when the push fails; the commit stands.
    """
    written.require_unaltered()
    branch = written.branch or target
    remote = remote_for(repository, branch)
    url = remote_url(repository, remote)
    options = push_options(url, target, f"Airflow: {branch}") if pr and branch != target else []
    pushed = repository.push(branch, remote=remote, options=options, terminal=terminal)
    notes = [f"pushed {branch} to {pushed.remote} ({pushed.url})"]
    if pr and branch != target and not options:
        address = pr_url(url, branch, target)
        notes.append(
            f"request the merge at {address}"
            if address
            else f"request a merge of {branch} into {target} with your Git host"
        )
    return notes


def pushing_step(repository: Repository, branch: str) -> list[str]:
    """The command that pushes a branch; none where there is no remote it could go to."""
    from wizard.errors import UsageError

    try:
        return [f"git push {remote_for(repository, branch)} {branch}"]
    except UsageError:
        return []

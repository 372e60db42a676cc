"""Waits until the branch that Argo CD follows holds the files that were planned.

Contents are compared, not commits: a request that was squashed or rebased counts as merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, UsageError, WizardError
from wizard.git.push import find_remote, remote_url
from wizard.manifests.steps import BRANCH

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.systems.target import Target

# A merge request is read by people; whoever does not want to wait quits and runs again.
PATIENCE_SECONDS = 3600.0
INTERVAL_SECONDS = 15.0
FETCH_SECONDS = 60.0
_SHOWN = 3


def build_branch_step(target: Target) -> Step:
    """The wait; it reads the remote with the person's own credentials and changes no branch."""
    branch = target.answers.repository.branch

    async def check() -> StepStatus:
        return await run_in_thread(lambda: _check_branch(target.repository, branch, target.emitted))

    return Step(
        BRANCH.id,
        BRANCH.title,
        BRANCH.owner,
        _endpoint(target.repository, branch),
        check,
        wait_seconds=PATIENCE_SECONDS,
        interval=INTERVAL_SECONDS,
    )


def _endpoint(repository: WorkTree, branch: str) -> str:
    try:
        return remote_url(repository, find_remote(repository, branch))
    except UsageError:
        return str(repository.top)


def _check_branch(repository: WorkTree, branch: str, planned: Mapping[str, bytes]) -> StepStatus:
    try:
        remote = find_remote(repository, branch)
    except UsageError:
        # Argo CD reads some remote; which one is not known here, so nothing can be proven.
        commit = repository.resolve(branch)
        found = _compare_files(repository, branch, commit, planned, Fix("commit them there"))
        if found.state != "holds":
            return found
        return StepStatus("unknown", f"{branch} holds them here; there is no remote to compare")
    try:
        commit = _fetch_commit(repository, remote, branch)
    except WizardError as error:
        return StepStatus("unknown", error.message, error.fix)
    push = Fix(f"`git push {remote} {branch}`, or have the merge request merged")
    return _compare_files(repository, f"{remote}/{branch}", commit, planned, push)


def _fetch_commit(repository: WorkTree, remote: str, branch: str) -> str | None:
    """The remote's commit, brought here without touching any branch; None for no such branch."""
    ref = f"refs/heads/{branch}"
    asked = repository.git.act("ls-remote", "--", remote, ref, network=True, seconds=FETCH_SECONDS)
    if asked.code:
        raise asked.error(f"`git ls-remote {remote}` by hand shows what is asked for")
    words = asked.text.split()
    if not words:
        return None
    if repository.objects([words[0]])[0] is None:
        fetched = repository.git.act(
            "fetch", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet",
            "--", remote, ref, network=True, seconds=FETCH_SECONDS,
        )  # fmt: skip
        if fetched.code:
            raise fetched.error(f"`git fetch {remote}` by hand shows what is asked for")
    return words[0]


def _compare_files(
    repository: WorkTree, name: str, commit: str | None, planned: Mapping[str, bytes], fix: Fix
) -> StepStatus:
    if commit is None:
        return StepStatus("wanted", f"there is no branch {name} yet", fix)
    stand = repository.read_many(planned, commit)
    other = [path for path, data in planned.items() if stand[path] != data]
    if not other:
        return StepStatus(
            "holds", f"{name} holds all {len(planned)} files, the merge base among them"
        )
    more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
    return StepStatus(
        "wanted",
        f"{name} differs in {len(other)} of {len(planned)} files: "
        f"{', '.join(other[:_SHOWN])}{more}",
        fix,
    )

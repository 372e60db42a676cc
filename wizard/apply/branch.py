"""The steps that compare this clone with the branch at the remote, which Argo CD follows.

Contents are compared, not commits: a squashed or rebased merge request counts as merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.engine.probes import run_in_thread, wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, UsageError, WizardError
from wizard.formats.terminal import format_first
from wizard.git.push import find_remote, list_remotes, remote_url
from wizard.git.target import is_ancestor
from wizard.manifests.steps import BRANCH
from wizard.plan.merge_base import state_folder
from wizard.systems.cluster.ownership import ask_identity

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.systems.target import Target

# Long, because people review merge requests; the operator can quit and run apply again later.
PATIENCE_SECONDS = 3600.0
INTERVAL_SECONDS = 15.0
FETCH_SECONDS = 60.0
_NEWEST = "repository.newest"


def build_branch_step(target: Target) -> Step:
    """Return the wait step; it reads the remote with the operator's credentials only."""
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


def build_newest_step(target: Target, *, terminal: bool) -> Step:
    """Return the step for `destroy`: the remote has no newer answers, which say where more is.

    What an older clone does not know of would stay, and be called destroyed. With `terminal`, Git
    may ask for a passphrase. If it cannot read the remote, a yes to this commit is asked for.
    """
    repository, branch = target.repository, target.answers.repository.branch

    def look() -> StepStatus:
        folder = repository.full_path(state_folder(target.release.installation))
        try:
            remotes = list_remotes(repository, branch)
        except UsageError:
            return StepStatus("holds", "there is no remote to compare with")
        found = []
        for remote in remotes:
            try:
                found.append(_check_newest(repository, remote, branch, folder, terminal))
            except WizardError as error:
                found.append(_ask_unread(target, error))
        # A yes to what could not be read says nothing of another remote, which was read.
        return next((one for one in found if one.state != "holds"), found[0])

    title = "Check that this clone has the newest answers"
    return Step(_NEWEST, title, "me", str(repository.top), wrap_blocking(look))


def _ask_unread(target: Target, error: WizardError) -> StepStatus:
    """Return whether the operator confirmed that this commit has the newest answers."""
    here = f"commit {(target.repository.head.commit or '')[:12]} of this clone"
    fix = f"{error.fix.text or 'make the remote readable'}; if its answers are the newest"
    return ask_identity(target.agreed, _NEWEST, here, error.message, fix)


def _check_newest(
    repository: WorkTree, remote: str, branch: str, folder: str, terminal: bool
) -> StepStatus:
    commit, name = _fetch_commit(repository, remote, branch, terminal), f"{remote}/{branch}"
    if commit is None:
        return StepStatus("holds", f"branch {name} does not exist")
    if is_ancestor(repository, commit, "HEAD"):
        return StepStatus("holds", f"this clone has every commit of {name}")
    if repository.git.read("diff", "--quiet", commit, "HEAD", "--", folder, ok=(0, 1)).code == 0:
        return StepStatus("holds", f"{name} has newer commits, but the same answers")
    return StepStatus(
        "blocked",
        f"{name} has other answers (commit {commit[:12]}) than this clone",
        Fix(
            f"run `git pull {remote} {branch}`, then run this again: the newer answers say what "
            "exists"
        ),
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
        # This work tree does not have the remote that Argo CD reads, so nothing can be proven.
        commit = repository.resolve(branch)
        found = _compare_files(repository, branch, commit, planned, Fix("commit them there"))
        if found.state != "holds":
            return found
        return StepStatus(
            "unknown", f"{branch} holds the files here; there is no remote to compare with"
        )
    try:
        commit = _fetch_commit(repository, remote, branch)
    except WizardError as error:
        return StepStatus("unknown", error.message, error.fix)
    push = Fix(f"run `git push {remote} {branch}`, or have the merge request merged")
    return _compare_files(repository, f"{remote}/{branch}", commit, planned, push)


def _fetch_commit(
    repository: WorkTree, remote: str, branch: str, terminal: bool = False
) -> str | None:
    """Fetch the remote's branch and return its commit, None if missing; changes no local branch."""
    ref = f"refs/heads/{branch}"
    asked = repository.git.act(
        "ls-remote", "--", remote, ref, network=True, terminal=terminal, seconds=FETCH_SECONDS
    )
    if asked.code:
        raise asked.error(f"run `git ls-remote {remote}` by hand to see the prompt or error")
    words = asked.text.split()
    if not words:
        return None
    if repository.objects([words[0]])[0] is None:
        fetched = repository.git.act(
            "fetch", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet",
            "--", remote, ref, network=True, terminal=terminal, seconds=FETCH_SECONDS,
        )  # fmt: skip
        if fetched.code:
            raise fetched.error(f"run `git fetch {remote}` by hand to see the prompt or error")
    return words[0]


def _compare_files(
    repository: WorkTree, name: str, commit: str | None, planned: Mapping[str, bytes], fix: Fix
) -> StepStatus:
    if commit is None:
        return StepStatus("wanted", f"branch {name} does not exist yet", fix)
    committed = repository.read_many(planned, commit)
    different = [path for path, data in planned.items() if committed[path] != data]
    if not different:
        return StepStatus(
            "holds", f"{name} holds all {len(planned)} files, including the merge base"
        )
    return StepStatus(
        "wanted",
        f"{name} differs in {len(different)} of {len(planned)} files: {format_first(different)}",
        fix,
    )

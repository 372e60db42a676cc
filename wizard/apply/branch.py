"""The steps that compare this clone with the branch at the remote, which Argo CD follows.

Contents are compared, not commits: a squashed or rebased merge request counts as merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
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
    title = "Check that this clone has the newest answers"
    return _build_comparison(target, title, terminal, partial(_check_newest, target))


def build_existence_step(target: Target, *, terminal: bool) -> Step:
    """Return the step for `apply`: the remote's branch did not remove this installation.

    An older clone still has the files of an installation that `destroy` removed from another one,
    and would make its objects again. `terminal` is as in `build_newest_step`.
    """
    title = "Check that no newer commit removed this installation"
    return _build_comparison(target, title, terminal, partial(_check_existence, target))


def _build_comparison(
    target: Target, title: str, terminal: bool, compare: Callable[[str, str], StepStatus]
) -> Step:
    """Return a step that compares HEAD with the branch at every remote.

    `compare` gets a remote and the commit of its branch, if that has commits which HEAD lacks.
    """
    repository, branch = target.repository, target.answers.repository.branch

    def look_at(remote: str) -> StepStatus:
        commit, name = _fetch_commit(repository, remote, branch, terminal), f"{remote}/{branch}"
        if commit is None:
            return StepStatus("holds", f"branch {name} does not exist")
        if is_ancestor(repository, commit, "HEAD"):
            return StepStatus("holds", f"this clone has every commit of {name}")
        return compare(remote, commit)

    def look() -> StepStatus:
        try:
            remotes = list_remotes(repository, branch)
        except UsageError:
            return StepStatus("holds", "there is no remote to compare with")
        found = []
        for remote in remotes:
            try:
                found.append(look_at(remote))
            except WizardError as error:
                found.append(_ask_unread(target, error))
        # A yes to what could not be read says nothing of another remote, which was read.
        return next((one for one in found if one.state != "holds"), found[0])

    return Step(_NEWEST, title, "me", str(repository.top), wrap_blocking(look))


def _ask_unread(target: Target, error: WizardError) -> StepStatus:
    """Return whether the operator confirmed that this commit has the newest answers."""
    here = f"commit {(target.repository.head.commit or '')[:12]} of this clone"
    fix = f"{error.fix.text or 'make the remote readable'}; if its answers are the newest"
    return ask_identity(target.agreed, _NEWEST, here, error.message, fix)


def _check_newest(target: Target, remote: str, commit: str) -> StepStatus:
    git, branch = target.repository.git, target.answers.repository.branch
    folder, name = _own_folder(target), f"{remote}/{branch}"
    if git.read("diff", "--quiet", commit, "HEAD", "--", folder, ok=(0, 1)).code == 0:
        return StepStatus("holds", f"{name} has newer commits, but the same answers")
    return StepStatus(
        "blocked",
        f"{name} has other answers (commit {commit[:12]}) than this clone",
        Fix(
            f"run `git pull {remote} {branch}`, then run this again: the newer answers say what "
            "exists"
        ),
    )


def _check_existence(target: Target, remote: str, commit: str) -> StepStatus:
    branch = target.answers.repository.branch
    path, name = f"{_own_folder(target)}/answers.yaml", f"{remote}/{branch}"
    if target.repository.read_many([path], commit)[path] is not None:
        return StepStatus("holds", f"{name} has this installation too")
    # With -c, a merge counts too that deletes what all its parents have.
    log = ("log", "-1", "-c", "--no-patch", "--diff-filter=D", "--format=%H")
    removal = target.repository.git.read(*log, commit, "^HEAD", "--", path).text.strip()
    if not removal:
        return StepStatus("holds", f"{name} does not have this installation yet")
    return StepStatus(
        "blocked",
        f"commit {removal[:12]} of {name} removed the files of this installation, and this clone "
        "is older; nothing is changed",
        Fix(
            f"run `git pull {remote} {branch}`; to install it again, run `git revert "
            f"{removal[:12]}`, push the revert, then run this again"
        ),
    )


def _own_folder(target: Target) -> str:
    """Return the folder of the installation's answers, from the top of the repository."""
    return target.repository.full_path(state_folder(target.release.installation))


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

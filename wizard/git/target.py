"""Finds the target branch: the branch that changes of this repository are merged into.

What is committed there was reviewed, so it counts as evidence. The target is a fact of the
repository and of the machine, never of the files that are judged: a merge request could otherwise
name its own branch, and vouch for itself. In this order:

1. the option --target;
2. the variable of the CI system for the base branch of a merge request;
3. the variable of the CI system for the default branch;
4. `airflow-wizard.target` in the Git configuration of this clone, which no commit can change;
5. the remote's default branch, as `git clone` and `git remote set-head` record it;
6. where nothing was ever fetched from a remote: the local branch that git creates first
   (init.defaultBranch, main, master), the only local branch, or else the only one whose committed
   answers name themselves.

Which commit counts: in CI, only the remote-tracking branch, because CI systems check out merge
requests on local branches of any name (Drone merges them into a local `main`). On a person's
machine, the local branch counts, because its unpushed commits are that person's own; if it is only
behind the remote-tracking branch, that one counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.formats.messages import show_name
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

# GitHub, Gitea and Forgejo; GitLab; Azure; Bitbucket; Jenkins; Woodpecker; Buildkite; Drone, which
# sets its variable for pushes too: then it names the pushed branch itself.
_BASE_VARIABLES = (
    "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH", "CHANGE_TARGET", "CI_COMMIT_TARGET_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH", "DRONE_TARGET_BRANCH",
)  # fmt: skip
_ONLY_WITH = {"DRONE_TARGET_BRANCH": "DRONE_PULL_REQUEST"}
_DEFAULT_VARIABLES = (
    "CI_DEFAULT_BRANCH", "CI_REPO_DEFAULT_BRANCH", "DRONE_REPO_BRANCH",
    "BUILDKITE_PIPELINE_DEFAULT_BRANCH",
)  # fmt: skip
_CI_VARIABLES = (
    "CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID", "PROW_JOB_ID",
)  # fmt: skip
_NOT_IN_CI = frozenset({"", "0", "false", "no"})
TARGET_SETTING = "airflow-wizard.target"
_SETTINGS = (
    r"^(remote\..*\.url|checkout\.defaultremote|init\.defaultbranch|airflow-wizard\.target)$"
)
_HEADS, _REMOTES = "refs/heads/", "refs/remotes/"
_MOST_PUSHED = 20

# Words of which branches are named.
_USUAL = (
    "main", "master", "trunk", "develop", "development", "release", "stable", "production",
    "prod", "staging", "stage", "test", "feature", "hotfix", "env", "gitops", "work",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TargetBranch:
    """The target branch and how it is known; without a `name`, `reason` and `command` say why.

    `remote` is the remote that the repository was cloned from, empty if there is none or if it is
    not known. With `in_ci`, a local branch does not count if there is a remote.
    """

    name: str
    source: str
    remote: str = ""
    in_ci: bool = False
    reason: str = ""
    command: str = ""
    hidden: bool = False

    @property
    def shown(self) -> str:
        """The branch in messages; not by name if --target may hold a secret by mistake."""
        return "BRANCH" if self.hidden else escape_unprintable(self.name)


@dataclass(frozen=True, slots=True)
class TargetCommit:
    """The commit of the target branch that counts; None if it is not here, and why."""

    commit: str | None
    reason: str = ""
    command: str = ""


def find_target(
    repo: WorkTree,
    asked: str = "",
    named: Callable[[str], str] = lambda _commit: "",
    settings: Mapping[str, str] | None = None,
) -> TargetBranch:
    """Return the target branch; `settings` are those of `read_target_settings`, if known.

    `asked` is the value of --target; `named` returns the branch that the answers of a commit name.
    Raises UsageError if --target, the CI's variable or the setting is not the name of a branch.
    """
    settings = read_target_settings(repo) if settings is None else settings
    remote, remotes = _choose_remote(settings)
    in_ci = _is_ci() or bool(_read_variable(_BASE_VARIABLES)[0])
    in_ci = in_ci and bool(remotes)
    for source, name in (
        ("--target", asked),
        _read_variable(_BASE_VARIABLES),
        _read_variable(_DEFAULT_VARIABLES),
        (f"git config {TARGET_SETTING}", _read_own_target(repo, settings)),
    ):
        if name:
            branch = name.removeprefix(_HEADS)
            repo.require_branch_name(branch, source)
            hidden = source == "--target" and not _is_plain_name(repo, branch)
            return TargetBranch(branch, source, remote, in_ci, hidden=hidden)
    if remotes and not remote:
        return TargetBranch(
            "", "", "", in_ci,
            f"none of the remotes {', '.join(remotes)} is origin, so the target branch is unknown",
            "git config checkout.defaultRemote NAME",
        )  # fmt: skip
    if remote:
        default = _read_default_branch(repo, remote)
        if default:
            return TargetBranch(default, f"the default branch of {remote}", remote, in_ci)
        if in_ci or not _is_made_here(repo, remote):
            return TargetBranch(
                "", "", remote, in_ci,
                f"the default branch of {remote} is not known in this clone",
                f"git remote set-head {quote(remote)} --auto",
            )  # fmt: skip
    return _find_local_target(repo, settings.get("init.defaultbranch", ""), remote, named)


def _is_plain_name(repo: WorkTree, branch: str) -> bool:
    """Return whether the name is safe to repeat: made of the words of branches, and numbers."""
    listed = repo.git.read("for-each-ref", "--format=%(refname)", _HEADS, _REMOTES).text
    known = [*_USUAL, listed, *re.findall(r"[0-9]{1,4}", branch)]
    return all(show_name(part, known) for part in branch.split("/"))


def locate_target(repo: WorkTree, target: TargetBranch) -> TargetCommit:
    """Return the commit of the target branch that counts; see the module's description."""
    if not target.name:
        return TargetCommit(None, target.reason, target.command)
    name, remote = target.name, target.remote
    shown = target.shown
    if target.in_ci and _is_in_fork():
        return TargetCommit(
            None,
            f"this pipeline runs in the fork, so its {remote}/{shown} is not the branch merged "
            "into",
            "run the pipeline in the parent project",
        )
    copy = f"{_REMOTES}{remote}/{name}"
    local, seen = _read_commits(repo, name, copy if remote else "")
    if target.in_ci:
        local = ""
    if local and seen and local != seen and is_ancestor(repo, local, seen):
        local = seen
    if found := local or seen:
        return TargetCommit(found)
    if target.in_ci and not remote:
        return TargetCommit(
            None,
            f"the remote of {shown} is not known: none is called origin",
            "git config checkout.defaultRemote NAME",
        )
    if remote:
        return TargetCommit(
            None,
            f"{remote}/{shown} is not in this clone",
            f"git fetch {quote(remote)} {quote(f'{shown}:{_REMOTES}{remote}/{shown}')}",
        )
    return TargetCommit(None, f"there is no branch {shown} ({target.source})", "git branch --list")


def _read_commits(repo: WorkTree, name: str, copy: str) -> tuple[str, str]:
    """Return the commits of the local branch and of its remote-tracking branch; empty if missing.

    `copy` is the full name of the remote-tracking branch; empty without a remote.
    """
    refs = [f"{_HEADS}{name}", *([copy] if copy else [])]
    form = "--format=%(refname) %(objectname) %(objecttype) %(symref)"
    listed = repo.git.read("for-each-ref", form, *refs, ok=(0, 1, 128))
    found: dict[str, str] = {}
    for line in listed.text.splitlines() if listed.code == 0 else ():
        ref, commit, kind, alias = line.split(" ", 3)
        if kind == "commit":
            # A symbolic ref counts only if it leads to a local branch.
            found[ref] = (repo.resolve(name) or "") if alias and ref == refs[0] else commit
    return found.get(refs[0], ""), found.get(copy, "")


def read_target_settings(repo: WorkTree) -> dict[str, str]:
    """Return Git's settings that decide about the target: remotes and default branches."""
    listed = repo.git.read("config", "-z", "--get-regexp", _SETTINGS, ok=(0, 1)).text
    return dict(pair.partition("\n")[::2] for pair in listed.split("\0") if pair)


def _read_own_target(repo: WorkTree, settings: Mapping[str, str]) -> str:
    """Return the target branch in the configuration of this clone; empty if there is none.

    Included files do not count: teams include one that is in the repository (`include.path`).
    """
    if TARGET_SETTING not in settings:
        return ""
    options = ("--local", "--no-includes", "-z", "--get", TARGET_SETTING)
    return repo.git.read("config", *options, ok=(0, 1)).text.rstrip("\0")


def _choose_remote(settings: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the remote that the repository was cloned from (empty: unknown), and all remotes."""
    names = sorted(key[len("remote.") : -len(".url")] for key in settings if key[-4:] == ".url")
    wanted = settings.get("checkout.defaultremote", "")
    if wanted in names:
        return wanted, names
    if "origin" in names or len(names) == 1:
        return "origin" if "origin" in names else names[0], names
    return "", names


def _is_ci() -> bool:
    return any(os.environ.get(name, "").lower() not in _NOT_IN_CI for name in _CI_VARIABLES)


def _read_variable(names: tuple[str, ...]) -> tuple[str, str]:
    """Return the first of these variables that is set, and its value; empty without one."""
    for name in names:
        value = os.environ.get(name)
        if value and os.environ.get(_ONLY_WITH.get(name, name)):
            return name, value
    return "", ""


def _is_in_fork() -> bool:
    """Return whether a GitLab pipeline of a merge request runs in the project of the fork.

    Its `origin` is the fork, whose branches anyone who can open the merge request can write.
    Source: https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/
    """
    names = ("CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID")
    target, here = (os.environ.get(name, "") for name in names)
    return bool(target) and target != here


def _read_default_branch(repo: WorkTree, remote: str) -> str:
    name = f"{_REMOTES}{remote}/HEAD"
    found = repo.git.read("symbolic-ref", "--quiet", name, ok=(0, 1, 128)).text
    prefix = f"{_REMOTES}{remote}/"
    return found.removeprefix(prefix) if found.startswith(prefix) else ""


def _is_made_here(repo: WorkTree, remote: str) -> bool:
    """Return whether every branch of the remote that is known here was pushed from here.

    Then nothing of other people is here yet, as after `git init` and the first push.
    """
    listed = repo.git.read(
        "for-each-ref", "--format=%(refname)", f"--count={_MOST_PUSHED + 1}", f"{_REMOTES}{remote}"
    ).text.split()
    return len(listed) <= _MOST_PUSHED and all(_is_pushed_from_here(repo, ref) for ref in listed)


def _is_pushed_from_here(repo: WorkTree, ref: str) -> bool:
    log = repo.git.read("log", "--walk-reflogs", "--format=%gs", ref, "--", ok=(0, 128))
    lines = log.text.splitlines()
    return bool(lines) and lines[-1] == "update by push"


def _find_local_target(
    repo: WorkTree, first: str, remote: str, named: Callable[[str], str]
) -> TargetBranch:
    branches = dict(_local_branches(repo))
    for name in (first, "main", "master"):
        if name in branches:
            return TargetBranch(name, "the first branch of this repository", remote)
    if not branches:
        return TargetBranch("", "")
    loyal = [name for name, commit in branches.items() if named(commit) == name]
    for found, source in (
        (list(branches), "the only branch of this repository"),
        (loyal, "the only branch whose answers name it"),
    ):
        if len(found) == 1:
            return TargetBranch(found[0], source, remote)
    return TargetBranch(
        "", "", remote, reason="this repository has several branches, and no remote to ask",
        command="airflow-wizard --target BRANCH",
    )  # fmt: skip


def _local_branches(repo: WorkTree) -> Iterator[tuple[str, str]]:
    """Yield local branches and their commits, without symbolic refs."""
    form = "--format=%(refname) %(objectname) %(symref)"
    for line in repo.git.read("for-each-ref", form, _HEADS).text.splitlines():
        ref, commit, alias = line.split(" ", 2)
        if not alias:
            yield ref.removeprefix(_HEADS), commit


def is_ancestor(repo: WorkTree, one: str, other: str) -> bool:
    """Return whether a commit is in the history of another; false if one of them is not here."""
    asked = repo.git.read("merge-base", "--is-ancestor", one, other, ok=(0, 1, 128))
    return asked.code == 0

"""Pushing a branch with the person's own credentials and hooks, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import ConflictError, UsageError, WizardError
from wizard.git.command import GitOutput
from wizard.git.remotes import redact

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

PUSH_SECONDS = 300.0

# What git, ssh, curl and the hosts say, in lower case; "could not read from remote repository"
# follows every failure over ssh, so it is looked for last.
_LOGIN_TEXTS = (
    "permission denied",
    "authentication",
    "could not read username",
    "could not read pass",
)
_UNREACHABLE_TEXTS = (
    "could not resolve", "connection refused", "connection timed out", "no route to host",
    "network is unreachable", "failed to connect", "couldn't connect", "connection closed by",
)  # fmt: skip
_MISSING_TEXTS = (
    "does not appear to be a git repository", "does not exist", "not found", "no such file",
    "could not read from remote repository",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PushResult:
    """Where a branch went; `url` has no credentials, `output` is what the server printed."""

    remote: str
    url: str
    branch: str
    output: str
    up_to_date: bool


def find_remote(repo: WorkTree, branch: str) -> str:
    """The remote a plain `git push` would use for a branch; UsageError when none is configured."""
    wanted = "^(branch\\..*\\.(pushremote|remote)|remote\\.pushdefault)$"
    listed = repo.git.read("config", "-z", "--get-regexp", wanted, ok=(0, 1)).text
    settings = dict(pair.partition("\n")[::2] for pair in listed.split("\0") if pair)
    # Git gives section and key in lower case, and the branch as it is written.
    for key in (f"branch.{branch}.pushremote", "remote.pushdefault", f"branch.{branch}.remote"):
        if settings.get(key, ".") != ".":
            return settings[key]
    names = repo.git.read("remote").text.split()
    if "origin" in names or len(names) == 1:
        return "origin" if "origin" in names else names[0]
    raise UsageError(
        "there is no remote to push to" if not names else "which remote to push to is not set",
        "`git remote add origin URL`" if not names else "`git config remote.pushDefault NAME`",
    )


def remote_url(repo: WorkTree, remote: str) -> str:
    """The URL a remote is pushed to, without credentials; UsageError for an unknown remote."""
    asked = repo.git.read("remote", "get-url", "--push", "--", remote, ok=(0, 2, 128))
    if asked.code:
        raise UsageError(f"there is no remote {remote}", "`git remote -v` lists them")
    return redact(asked.text.splitlines()[0])


def push_branch(
    repo: WorkTree,
    branch: str,
    *,
    remote: str | None = None,
    options: Sequence[str] = (),
    terminal: bool = False,
) -> PushResult:
    """Push one branch to the branch of its name, and nothing else.

    `options` are server-side push options. ConflictError when the server's branch has commits
    that are not here, WizardError for every other failure; never forces.
    """
    name = remote or find_remote(repo, branch)
    url = remote_url(repo, name)
    extra = [part for option in options for part in ("--push-option", option)]
    ref = f"refs/heads/{branch}:refs/heads/{branch}"
    done = repo.git.act(
        "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", *extra, name, ref,
        network=True, terminal=terminal, seconds=PUSH_SECONDS,
    )  # fmt: skip
    if done.code:
        raise _failure(done, name, url, branch)
    return PushResult(name, url, branch, done.err, any(s.startswith("=") for s in _states(done)))


def is_ahead(repo: WorkTree, branch: str) -> bool:
    """Whether a local branch has commits that its remote was not yet seen to have.

    Looks at what the last fetch or push left here, not at the server. UsageError without a remote.
    """
    if repo.resolve(branch) is None:
        return False
    seen = f"refs/remotes/{find_remote(repo, branch)}/{branch}"
    counted = repo.git.read("rev-list", "--count", f"{seen}..refs/heads/{branch}", ok=(0, 128))
    # A branch that was never pushed has no such ref; nor has a remote that is fetched otherwise.
    return bool(counted.code) or counted.text != "0"


def _states(done: GitOutput) -> list[str]:
    """The lines of --porcelain that tell what became of a ref (a flag, a tab, the refs)."""
    return [line for line in done.display_text.splitlines() if "\\t" in line[:4]]


def _failure(done: GitOutput, remote: str, url: str, branch: str) -> WizardError:
    message = done.err or done.display_text
    states = " ".join(_states(done))
    if "(fetch first)" in states or "(non-fast-forward)" in states or "(stale info)" in states:
        return ConflictError(
            f"{url}: {branch} there has commits that are not here, so nothing was pushed",
            f"`git pull --rebase {remote} {branch}`, then run `airflow-wizard plan` again: the "
            "answers may lead to other files now",
        )
    if "[remote rejected]" in states:
        return WizardError(
            f"{url}: the server refused {branch}:\n{message}",
            "if the branch is protected, use one of your own: `--branch NAME --push --pr`",
        )
    lowered = message.lower()
    if "host key verification failed" in lowered:
        hint = "compare the server's host key with what its owner publishes, then add it with ssh"
    elif any(word in lowered for word in _LOGIN_TEXTS):
        hint = f"log in first: `git push {remote} {branch}` by hand shows what is asked for"
    elif any(word in lowered for word in _UNREACHABLE_TEXTS):
        hint = f"the server cannot be reached from here; push later: `git push {remote} {branch}`"
    elif any(word in lowered for word in _MISSING_TEXTS):
        hint = (
            "there is no repository at that address, or it is hidden from you: make it at the "
            f"server, correct the address (`git remote set-url {remote} URL`), or log in as "
            f"somebody who may see it; `git push {remote} {branch}` by hand shows more"
        )
    elif "hook" in lowered:
        hint = "the pre-push hook stopped it: correct what it says and push again"
    else:
        hint = f"push it later: `git push {remote} {branch}`"
    return WizardError(f"{url}: {branch} could not be pushed:\n{message}", hint)

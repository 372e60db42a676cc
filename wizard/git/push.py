"""Pushes a branch with the user's credentials and hooks, and explains failures."""

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

# Messages of git, ssh, curl and Git hosts, in lower case. "could not read from remote repository"
# follows every failure over ssh, so it is checked last.
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
    """The result of a push; `url` has no credentials, `output` is the server's text."""

    remote: str
    url: str
    branch: str
    output: str
    up_to_date: bool


def find_remote(repo: WorkTree, branch: str) -> str:
    """Return the remote that `git push` would use for a branch; UsageError if there is none."""
    return list_remotes(repo, branch)[0]


def list_remotes(repo: WorkTree, branch: str) -> list[str]:
    """Return the remotes to push a branch to and to pull it from, the former first.

    They differ where people push to a fork of their own. UsageError if there is none.
    """
    wanted = "^(branch\\..*\\.(pushremote|remote)|remote\\.pushdefault)$"
    listed = repo.git.read("config", "-z", "--get-regexp", wanted, ok=(0, 1)).text
    settings = dict(pair.partition("\n")[::2] for pair in listed.split("\0") if pair)
    # Git prints section and key in lower case, and the branch as written.
    keys = (f"branch.{branch}.pushremote", "remote.pushdefault", f"branch.{branch}.remote")
    found = [settings[key] for key in keys if settings.get(key, ".") != "."]
    if found:
        return list(dict.fromkeys(found))
    names = repo.git.read("remote").text.split()
    if "origin" in names or len(names) == 1:
        return ["origin" if "origin" in names else names[0]]
    raise UsageError(
        "there is no remote to push to" if not names else "the remote to push to is not set",
        "`git remote add origin URL`" if not names else "`git config remote.pushDefault NAME`",
    )


def remote_url(repo: WorkTree, remote: str, *, push: bool = True) -> str:
    """Return a remote's URL to push to, or to fetch from, without credentials.

    UsageError for an unknown remote.
    """
    way = ("--push",) if push else ()
    asked = repo.git.read("remote", "get-url", *way, "--", remote, ok=(0, 2, 128))
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
    """Push one branch to the remote branch of the same name, and nothing else.

    `options` are server-side push options. ConflictError if the remote branch has commits that are
    missing here, WizardError for every other failure; never forces.
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
    """Return whether a local branch has commits that the remote-tracking branch does not have.

    Uses the state of the last fetch or push, not the server. UsageError without a remote.
    """
    if repo.resolve(branch) is None:
        return False
    seen = f"refs/remotes/{find_remote(repo, branch)}/{branch}"
    counted = repo.git.read("rev-list", "--count", f"{seen}..refs/heads/{branch}", ok=(0, 128))
    # The ref is missing if the branch was never pushed, or if the fetch refspec is a different one.
    return bool(counted.code) or counted.text != "0"


def _states(done: GitOutput) -> list[str]:
    """Return the lines of --porcelain with the result of a ref (a flag, a tab, the refs)."""
    return [line for line in done.display_text.splitlines() if "\\t" in line[:4]]


def _failure(done: GitOutput, remote: str, url: str, branch: str) -> WizardError:
    message = done.err or done.display_text
    states = " ".join(_states(done))
    if "(fetch first)" in states or "(non-fast-forward)" in states or "(stale info)" in states:
        return ConflictError(
            f"{url}: {branch} has commits there that are missing here, so nothing was pushed",
            f"`git pull --rebase {remote} {branch}`, then run `airflow-wizard plan` again: the "
            "answers may render different files now",
        )
    if "[remote rejected]" in states:
        return WizardError(
            f"{url}: the server refused {branch}:\n{message}",
            "if the branch is protected, use a different branch: `--branch NAME --push --pr`",
        )
    lowered = message.lower()
    if "host key verification failed" in lowered:
        hint = (
            "compare the server's host key with the one its owner publishes, then add it with ssh"
        )
    elif any(word in lowered for word in _LOGIN_TEXTS):
        hint = f"log in first: run `git push {remote} {branch}` yourself to see the prompt"
    elif any(word in lowered for word in _UNREACHABLE_TEXTS):
        hint = f"the server cannot be reached from here; push later: `git push {remote} {branch}`"
    elif any(word in lowered for word in _MISSING_TEXTS):
        hint = (
            "the repository does not exist, or you may not see it: create it on the "
            f"server, correct the address (`git remote set-url {remote} URL`), or log in as "
            f"a user with access; run `git push {remote} {branch}` yourself for details"
        )
    elif "hook" in lowered:
        hint = "the pre-push hook stopped it: fix the reported problem and push again"
    else:
        hint = f"push it later: `git push {remote} {branch}`"
    return WizardError(f"{url}: {branch} could not be pushed:\n{message}", hint)

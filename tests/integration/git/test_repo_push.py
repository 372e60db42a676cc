"""Pushing one branch to real servers, and what is said when it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.repository import MESSAGE, GitFolder, change
from wizard.errors import ConflictError, UsageError, WizardError
from wizard.git.push import find_remote, push_branch, remote_url
from wizard.git.transaction import commit_changes

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> GitFolder:
    bare = GitFolder.init(tmp_path / "server.git", "--bare")
    bare.git("config", "receive.advertisePushOptions", "true")
    return bare


@pytest.fixture
def folder(tmp_path: Path, server: GitFolder) -> GitFolder:
    made = GitFolder.init(tmp_path / "r")
    made.commit({"a": "1\n"})
    made.git("remote", "add", "origin", server.path)
    made.git("push", "-q", "-u", "origin", "main")
    return made


def test_only_the_branch_is_pushed(folder: GitFolder, server: GitFolder) -> None:
    folder.git("tag", "-am", "tag", "v1")
    folder.git("branch", "other")
    folder.git("config", "push.followTags", "true")
    folder.git("config", "push.default", "matching")
    written = commit_changes(
        folder.repo, [change("b", None, "x")], MESSAGE, target="main", branch="work/b"
    )
    pushed = push_branch(folder.repo, "work/b")
    assert (pushed.remote, pushed.branch, pushed.up_to_date) == ("origin", "work/b", False)
    assert pushed.url == str(server.path)
    assert server.git("for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/main",
        "refs/heads/work/b",
    ]
    assert server.git("rev-parse", "work/b") == written.commit
    assert push_branch(folder.repo, "work/b").up_to_date


def test_push_options_reach_the_server(
    folder: GitFolder, server: GitFolder, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    hook = server.path / "hooks" / "pre-receive"
    hook.write_text(f'#!/bin/sh\necho "$GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1" > {seen}\n')
    hook.chmod(0o755)
    folder.commit({"a": "2\n"})
    push_branch(folder.repo, "main", options=["merge_request.create", "merge_request.title=a b; c"])
    assert seen.read_text() == "merge_request.create merge_request.title=a b; c\n"


def test_commits_on_the_server_are_a_conflict(folder: GitFolder, tmp_path: Path) -> None:
    subprocess.run(
        ["git", "clone", "-q", str(tmp_path / "server.git"), str(tmp_path / "o")], check=True
    )
    other = GitFolder(tmp_path / "o")
    other.commit({"theirs": "1"})
    other.git("push", "-q", "origin", "main")
    folder.commit({"a": "2\n"})
    for _ in range(2):  # the second time git knows the server's commits: another message
        with pytest.raises(ConflictError, match="missing here") as caught:
            push_branch(folder.repo, "main")
        assert "git pull --rebase origin main" in caught.value.hint
        folder.git("fetch", "-q")
    assert other.git("ls-remote", "origin", "main").startswith(other.git("rev-parse", "HEAD"))


def test_a_protected_branch(folder: GitFolder, server: GitFolder) -> None:
    hook = server.path / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'GL-HOOK-ERR: main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    folder.commit({"a": "2\n"})
    with pytest.raises(WizardError, match="main is protected") as caught:
        push_branch(folder.repo, "main")
    assert "--branch NAME --push --pr" in caught.value.hint


def test_the_persons_pre_push_hook_runs_without_secrets(
    folder: GitFolder, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", canary.secret("vault"))
    folder.hook("pre-push", f"env > {tmp_path}/seen; echo 'not on Fridays' >&2; exit 1")
    folder.commit({"a": "2\n"})
    with pytest.raises(WizardError, match="not on Fridays"):
        push_branch(folder.repo, "main")
    canary.assert_absent(tmp_path / "seen")


def test_credentials_in_the_url_never_show(folder: GitFolder, canary: Canary) -> None:
    folder.git("remote", "set-url", "origin", f"https://ada:{canary.marker}@127.0.0.1:9/a.git")
    assert remote_url(folder.repo, "origin") == "https://***@127.0.0.1:9/a.git"
    with pytest.raises(WizardError) as caught:
        push_branch(folder.repo, "main")
    canary.assert_absent(caught.value.message, caught.value.hint)
    assert "https://***@127.0.0.1:9" in caught.value.message


def test_nothing_can_ask_for_a_password(folder: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ASKPASS", "/bin/false")
    folder.git("config", "core.sshCommand", "sh -c 'test -t 0 || exec false' --")
    folder.git("remote", "set-url", "origin", "ssh://git@git.example.com/a.git")
    with pytest.raises(WizardError) as caught:
        push_branch(folder.repo, "main")
    assert "git push origin main" in caught.value.hint


def test_a_host_that_ssh_does_not_know(folder: GitFolder) -> None:
    folder.git(
        "config", "core.sshCommand", "sh -c 'echo Host key verification failed. >&2; exit 255' --"
    )
    folder.git("remote", "set-url", "origin", "ssh://git@git.example.com/a.git")
    with pytest.raises(WizardError, match="Host key verification failed") as caught:
        push_branch(folder.repo, "main")
    assert "host key" in caught.value.hint


def test_a_server_that_is_gone(folder: GitFolder, tmp_path: Path) -> None:
    folder.git("remote", "set-url", "origin", tmp_path / "none")
    with pytest.raises(WizardError, match="could not be pushed") as caught:
        push_branch(folder.repo, "main")
    assert "the repository does not exist" in caught.value.hint
    assert "git remote set-url origin" in caught.value.hint


def test_a_server_that_does_not_answer(folder: GitFolder) -> None:
    folder.git("remote", "set-url", "origin", "https://127.0.0.1:9/a.git")
    with pytest.raises(WizardError) as caught:
        push_branch(folder.repo, "main")
    assert "cannot be reached from here" in caught.value.hint


def test_which_remote(folder: GitFolder, server: GitFolder) -> None:
    repo = folder.repo
    assert find_remote(repo, "main") == "origin"
    folder.git("remote", "add", "fork", server.path)
    folder.git("config", "branch.Work.x.remote", "fork")
    assert find_remote(repo, "Work.x") == "fork"
    folder.git("config", "remote.pushDefault", "origin")
    assert find_remote(repo, "Work.x") == "origin"
    folder.git("config", "branch.Work.x.pushRemote", "fork")
    assert find_remote(repo, "Work.x") == "fork"
    folder.git("config", "--unset", "remote.pushDefault")
    folder.git("remote", "rename", "origin", "upstream")
    with pytest.raises(UsageError, match="not set"):
        find_remote(repo, "new")
    folder.git("remote", "remove", "fork")
    folder.git("remote", "remove", "upstream")
    with pytest.raises(UsageError, match="no remote"):
        find_remote(repo, "new")
    with pytest.raises(UsageError, match="no remote nothing"):
        push_branch(repo, "main", remote="nothing")
    with pytest.raises(UsageError, match="no remote --force"):
        push_branch(repo, "main", remote="--force")


def test_the_push_url_counts(folder: GitFolder, server: GitFolder) -> None:
    folder.git("remote", "set-url", "--push", "origin", "ssh://git@push.example.com/a")
    assert remote_url(folder.repo, "origin") == "ssh://git@push.example.com/a"

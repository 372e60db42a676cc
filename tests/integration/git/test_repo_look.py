"""Looking at repositories of every shape, and at hostile ones, without running anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import GitFolder, change
from wizard.errors import ConflictError, RefusedError, UsageError, WizardError
from wizard.git.objects import Head
from wizard.git.preconditions import examine_changes
from wizard.git.repository import WorkTree
from wizard.git.transaction import recover_interrupted_write

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    made = GitFolder.init(tmp_path / "r")
    made.commit({"apps/airflow/values.yaml": "a: 1\n", "README.md": "hello\n"})
    return made


def test_reads_what_is_committed_not_what_is_on_disk(folder: GitFolder) -> None:
    folder.put("README.md", "edited\n")
    repo = folder.repo
    assert repo.read("README.md") == b"hello\n"
    assert repo.read_from_disk("README.md") == b"edited\n"
    assert repo.read_many(["README.md", "none", "apps", "apps/airflow/values.yaml"]) == {
        "README.md": b"hello\n",
        "none": None,
        "apps": None,
        "apps/airflow/values.yaml": b"a: 1\n",
    }
    assert repo.head_tree() == {
        path: repo.blob_id(data) for path, data in repo.read_under().items()
    }
    assert repo.read_under("apps") == {"apps/airflow/values.yaml": b"a: 1\n"}
    assert repo.read_under("apps/air", "nowhere") == {}


def test_reads_a_branch_that_is_not_checked_out(folder: GitFolder) -> None:
    folder.git("branch", "old")
    folder.commit({"README.md": "newer\n"})
    repo = folder.repo
    assert repo.read("README.md", repo.resolve("old")) == b"hello\n"
    assert repo.resolve("none") is None


def test_strange_names_and_contents_are_read_exactly(folder: GitFolder) -> None:
    files: dict[str, str | bytes] = {
        "a b/ä ü*?[x].yaml": b"\xff\x00\r\n",
        "empty": b"",
        "no newline": b"x",
    }
    folder.commit(files)
    assert {path: folder.repo.read(path) for path in files} == files
    assert folder.repo.read_under("a b") == {"a b/ä ü*?[x].yaml": b"\xff\x00\r\n"}


def test_no_commit_yet(tmp_path: Path) -> None:
    repo = GitFolder.init(tmp_path / "r").repo
    assert repo.head == Head(None, "main")
    assert repo.read("x") is None
    assert repo.head_tree() == {}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_both_object_formats(tmp_path: Path, algorithm: str) -> None:
    folder = GitFolder.init(tmp_path / "r", f"--object-format={algorithm}")
    folder.commit({"apps/x": "x\n"})
    repo = folder.repo
    assert repo.blob_id(b"x\n") == folder.git("rev-parse", "HEAD:apps/x")
    assert repo.head_tree() == {"apps/x": repo.blob_id(b"x\n")}
    assert not examine_changes(repo, [change("apps/x", "x\n", "y\n")]).conflicts


def test_shallow_and_linked_work_trees(folder: GitFolder, tmp_path: Path) -> None:
    folder.commit({"README.md": "two\n"})
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", folder.path.as_uri(), str(tmp_path / "s")], check=True
    )
    assert WorkTree.open(tmp_path / "s").read("README.md") == b"two\n"
    folder.git("worktree", "add", "-q", "-b", "other", tmp_path / "w")
    linked = WorkTree.open(tmp_path / "w" / "apps")
    assert linked.root == tmp_path / "w"
    assert linked.head.branch == "other"
    assert linked.git_dir.parent.name == "worktrees"


def test_top_is_the_nearest_folder_with_answers(folder: GitFolder) -> None:
    below = folder.path / "infra" / "airflow" / "apps"
    below.mkdir(parents=True)
    assert WorkTree.open(below).prefix == ""
    (below.parent / ".airflow-wizard").mkdir()
    repo = WorkTree.open(below)
    assert repo.prefix == "infra/airflow"
    assert repo.top == below.parent
    assert WorkTree.open(below, prefix="").top == folder.path
    assert repo.with_prefix("infra/").full_path("x") == "infra/x"
    assert repo.with_prefix(".").full_path("x") == "x"
    assert repo.with_prefix("./infra").prefix == "infra"
    for wrong in ("../other", "/etc", "a/../b", ".git"):
        with pytest.raises(UsageError, match=r"repository\.path"):
            repo.with_prefix(wrong)


def test_prefix_is_taken_off_again(folder: GitFolder) -> None:
    repo = folder.repo.with_prefix("apps")
    assert repo.head_tree() == {"airflow/values.yaml": repo.blob_id(b"a: 1\n")}
    assert repo.read_under("airflow") == {"airflow/values.yaml": b"a: 1\n"}
    assert repo.read_from_disk("airflow/values.yaml") == b"a: 1\n"


# Places where there is nothing to work with


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        WorkTree.open(tmp_path / "none")


def test_not_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in a Git repository") as caught:
        WorkTree.open(tmp_path)
    assert "git init -b main" in caught.value.hint


def test_bare_repository_and_git_folder(folder: GitFolder, tmp_path: Path) -> None:
    GitFolder.init(tmp_path / "bare", "--bare")
    with pytest.raises(UsageError, match="bare repository") as caught:
        WorkTree.open(tmp_path / "bare")
    assert "git clone" in caught.value.hint
    with pytest.raises(UsageError, match="inside a Git folder"):
        WorkTree.open(folder.path / ".git" / "refs")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_repository(folder: GitFolder) -> None:
    os.chown(folder.path, 12345, 12345)
    os.chown(folder.path / ".git", 12345, 12345)
    with pytest.raises(RefusedError, match="another user") as caught:
        folder.repo  # noqa: B018
    assert "safe.directory" in caught.value.hint
    folder.git("config", "--global", "--add", "safe.directory", folder.path)
    assert folder.repo.read("README.md") == b"hello\n"


def test_work_tree_put_elsewhere_by_configuration(folder: GitFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.git("config", "core.worktree", elsewhere)
    with pytest.raises((RefusedError, UsageError)):
        folder.repo  # noqa: B018
    folder.git("config", "core.worktree", tmp_path)
    with pytest.raises(RefusedError, match="puts the work tree elsewhere"):
        folder.repo  # noqa: B018


def test_broken_repository_says_what_git_says(folder: GitFolder) -> None:
    (folder.path / ".git" / "config").write_text("[broken\n")
    with pytest.raises(WizardError, match="config"):
        folder.repo  # noqa: B018


def test_git_must_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from wizard.git import command

    command.find_git.cache_clear()
    (tmp_path / "git").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}/nowhere")
    try:
        with pytest.raises(WizardError, match="git is not installed"):
            WorkTree.open(tmp_path)
    finally:
        command.find_git.cache_clear()
    assert not (tmp_path / "ran").exists()


# A new repository


def test_init_runs_nobodys_template(tmp_path: Path, clean_environment: Path) -> None:
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    hook = template / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    subprocess.run(
        ["git", "config", "--global", "init.templateDir", str(template.parent)], check=True
    )
    repo = WorkTree.init(tmp_path / "a" / "b", "trunk")
    assert repo.head == Head(None, "trunk")
    assert not (repo.git_dir / "hooks" / "pre-commit").exists()


def test_init_only_where_nothing_is(folder: GitFolder, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="not empty"):
        WorkTree.init(tmp_path / "full")
    with pytest.raises(UsageError, match="is not a folder"):
        WorkTree.init(tmp_path / "full" / "x")
    with pytest.raises(UsageError, match="inside the repository"):
        WorkTree.init(folder.path / "new")
    with pytest.raises(UsageError, match="not a branch name"):
        WorkTree.init(tmp_path / "empty", "a..b")
    assert WorkTree.init(tmp_path / "empty").root == tmp_path / "empty"


# Hostile repositories


@pytest.fixture
def trap(folder: GitFolder, tmp_path: Path) -> Path:
    """A repository in which everything that git could start touches the file `ran`."""
    ran = tmp_path / "ran"
    script = tmp_path / "trap.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\ncat\n')
    script.chmod(0o755)
    folder.commit({".gitattributes": "*.yaml filter=evil diff=evil\n*.md diff=evil\n"})
    settings: dict[str, str | Path] = {
        "core.fsmonitor": script,
        "core.pager": script,
        "core.editor": script,
        "core.sshCommand": script,
        "core.askPass": script,
        "core.gitProxy": script,
        "core.alternateRefsCommand": script,
        "credential.helper": f"!{script}",
        "diff.external": script,
        "diff.evil.command": script,
        "diff.evil.textconv": script,
        "filter.evil.clean": script,
        "filter.evil.smudge": script,
        "filter.evil.process": script,
        "gpg.program": script,
        "gpg.ssh.program": script,
        "log.showSignature": "true",
        "commit.gpgSign": "true",
        "pager.ls-tree": script,
        "pager.config": script,
        "pager.var": script,
        "alias.ls-tree": f"!{script}",
        "alias.cat-file": f"!{script}",
        "alias.rev-parse": f"!{script}",
        "uploadpack.packObjectsHook": script,
        "interactive.diffFilter": script,
        "sequence.editor": script,
        "browser.evil.cmd": script,
        "remote.origin.url": f"ext::{script}",
        "remote.origin.uploadpack": script,
        "remote.origin.receivepack": script,
        "remote.origin.vcs": "evil",
        "protocol.ext.allow": "always",
    }
    for key, value in settings.items():
        folder.git("config", key, value)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "pre-commit", "post-checkout", "post-index-change", "reference-transaction",
        "fsmonitor-watchman", "pre-push", "post-commit", "commit-msg", "prepare-commit-msg",
    ):  # fmt: skip
        shutil.copy(script, hooks / name)
        shutil.copy(script, folder.path / ".git" / "hooks" / name)
    folder.git("config", "core.hooksPath", hooks)
    ran.unlink(missing_ok=True)
    return ran


def test_planning_runs_nothing_of_the_repository(folder: GitFolder, trap: Path) -> None:
    folder.put("README.md", "edited\n")
    (folder.path / "apps" / "airflow" / "values.yaml").touch()
    repo = folder.repo
    changes = [
        change("apps/airflow/values.yaml", "a: 1\n", "a: 2\n"),
        change("apps/new.yaml", None, "x\n"),
        change("README.md", "hello\n", "new\n"),
    ]
    repo.read_under()
    repo.read_from_disk("README.md")
    examine_changes(repo, changes)
    examine_changes(repo, changes, commit=False)
    repo.author()
    repo.require_idle()
    repo.require_branch("main")
    repo.require_branch("main", "work")
    assert recover_interrupted_write(repo) is None
    assert not trap.exists(), trap.read_text()


def test_the_trap_would_have_been_sprung(folder: GitFolder, trap: Path) -> None:
    folder.git("status", ok=(0, 1, 128))
    assert trap.exists()


def test_a_blob_missing_from_a_partial_clone_is_not_fetched(folder: GitFolder, trap: Path) -> None:
    folder.git("config", "core.repositoryFormatVersion", "1")
    folder.git("config", "extensions.partialClone", "origin")
    folder.git("config", "remote.origin.promisor", "true")
    folder.git("config", "remote.origin.url", folder.path)
    blob = folder.git("rev-parse", "HEAD:README.md")
    trap.unlink(missing_ok=True)
    (folder.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repo = folder.repo
    with pytest.raises(WizardError, match="missing in this clone") as caught:
        repo.read("README.md")
    assert "git fetch" in caught.value.hint
    with pytest.raises(WizardError, match="missing in this clone"):
        repo.read_under()
    assert not trap.exists(), trap.read_text()


def test_a_linked_folder_is_not_read_through(folder: GitFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("private")
    (folder.path / "link").symlink_to(tmp_path / "secret")
    (folder.path / "file").symlink_to(tmp_path / "secret" / "key")
    os.mkfifo(folder.path / "pipe")
    for path in ("link/key", "file", "pipe", "apps"):
        with pytest.raises(RefusedError, match="link"):
            folder.repo.read_from_disk(path)
    assert folder.repo.read_from_disk("none/x") is None


# Who, and which branch


def test_author_is_the_configured_one(folder: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(folder.repo.author()) == "Ada Example <ada@example.com>"
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Bo <Ex> Ample")
    assert folder.repo.author().name == "Bo Ex Ample"


@pytest.mark.parametrize(
    "config", ["", "[user]\n\tname = Ada\n", "[user]\n\temail = a@b.example\n"]
)
def test_nobody_configured(folder: GitFolder, clean_environment: Path, config: str) -> None:
    (clean_environment / "gitconfig").write_text(config)
    with pytest.raises(WizardError, match="who you are") as caught:
        folder.repo.author()
    assert caught.value.hint.splitlines() == [
        'git config --global user.name "Your Name"',
        "git config --global user.email you@example.com",
    ]


def test_head_elsewhere(folder: GitFolder) -> None:
    folder.repo.require_branch("main")
    folder.git("switch", "-q", "-c", "feature")
    with pytest.raises(UsageError, match=r"on branch feature, but repository\.branch") as c:
        folder.repo.require_branch("main")
    assert "git switch main" in c.value.hint
    folder.repo.require_branch("main", "work")
    folder.repo.require_branch("main", "feature")
    folder.commit({"x": "x"})
    folder.repo.require_branch("main", "feature")
    with pytest.raises(UsageError, match="not at the commit of main"):
        folder.repo.require_branch("main", "work")
    with pytest.raises(UsageError, match="no such local branch"):
        folder.repo.require_branch("trunk", "work")
    folder.git("switch", "-q", "main")
    with pytest.raises(UsageError, match="exists already"):
        folder.repo.require_branch("main", "feature")
    folder.git("switch", "-q", "--detach")
    with pytest.raises(UsageError, match="HEAD is detached"):
        folder.repo.require_branch("main")
    with pytest.raises(UsageError, match=r"is repository\.branch itself"):
        folder.repo.require_branch("main", "main")


@pytest.mark.parametrize("name", ["a..b", "-x", "a b", "x.lock", "@{-1}", "a\nb"])
def test_branch_names_are_checked(folder: GitFolder, name: str) -> None:
    with pytest.raises(UsageError, match="not a branch name"):
        folder.repo.require_branch("main", name)


def test_unborn_head_elsewhere(tmp_path: Path) -> None:
    repo = GitFolder.init(tmp_path / "r").repo
    repo.require_branch("main")
    with pytest.raises(UsageError) as caught:
        repo.require_branch("trunk")
    assert "git symbolic-ref HEAD refs/heads/trunk" in caught.value.hint
    with pytest.raises(UsageError, match="no commit yet"):
        repo.require_branch("main", "work")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("MERGE_HEAD", "a merge"),
        ("rebase-merge", "a rebase"),
        ("rebase-apply", "a rebase"),
        ("CHERRY_PICK_HEAD", "a cherry-pick"),
        ("REVERT_HEAD", "a revert"),
        ("BISECT_LOG", "a bisect"),
        ("index.lock", "another git command"),
    ],
)
def test_another_command_under_way(folder: GitFolder, name: str, what: str) -> None:
    folder.repo.require_idle()
    (folder.path / ".git" / name).touch()
    with pytest.raises(ConflictError, match=what) as caught:
        folder.repo.require_idle()
    assert caught.value.hint


def test_real_merge_and_rebase_are_noticed(folder: GitFolder) -> None:
    folder.git("switch", "-q", "-c", "other")
    folder.commit({"README.md": "theirs\n"})
    folder.git("switch", "-q", "main")
    folder.commit({"README.md": "ours\n"})
    folder.git("merge", "other", ok=(1,))
    with pytest.raises(ConflictError, match="a merge"):
        folder.repo.require_idle()
    folder.git("merge", "--abort")
    folder.git("rebase", "other", ok=(1,))
    with pytest.raises(ConflictError, match="a rebase"):
        folder.repo.require_idle()

"""Committing exactly the planned files, and refusing before anything is written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.repository import MESSAGE, GitFolder, change
from wizard.errors import ConflictError, RefusedError, UsageError, WizardError
from wizard.git.changes import FileChange
from wizard.git.preconditions import examine_changes
from wizard.git.repository import WorkTree
from wizard.git.transaction import commit_changes, write_changes

pytestmark = pytest.mark.integration

OLD = {"apps/a.yaml": "a: 1\n", "apps/gone/b.yaml": "b: 1\n", "mine.txt": "mine\n"}
CHANGES = [
    change("apps/a.yaml", "a: 1\n", "a: 2\n"),
    change("apps/gone/b.yaml", "b: 1\n", None),
    change("docs/deep/c.md", None, "new\n"),
]


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    made = GitFolder.init(tmp_path / "r")
    made.commit(dict(OLD))
    return made


def test_one_commit_with_exactly_the_changes(folder: GitFolder) -> None:
    written = commit_changes(folder.repo, CHANGES, MESSAGE, target="main")
    assert folder.git("status", "--porcelain") == ""
    assert (
        folder.git("log", "--format=%an <%ae>%n%B", "-1")
        == f"Ada Example <ada@example.com>\n{MESSAGE}"
    )
    assert folder.git("show", "--name-status", "--format=").splitlines() == [
        "M\tapps/a.yaml",
        "D\tapps/gone/b.yaml",
        "A\tdocs/deep/c.md",
    ]
    assert written.commit == folder.git("rev-parse", "HEAD")
    assert written.branch == "main"
    assert not written.altered
    assert not (folder.path / "apps" / "gone").exists()
    assert not folder.leftovers()
    written.require_unaltered()


def test_a_second_time_there_is_nothing_to_commit(folder: GitFolder) -> None:
    commit_changes(folder.repo, CHANGES, MESSAGE)
    before = folder.state()
    same = [change("apps/a.yaml", "a: 2\n", "a: 2\n"), change("docs/deep/c.md", "new\n", "new\n")]
    written = commit_changes(folder.repo, same, MESSAGE)
    assert written.commit is None
    assert written.paths == ()
    assert folder.state() == before


def test_everything_else_stays_as_the_person_left_it(folder: GitFolder) -> None:
    folder.commit({"staged.txt": "1\n", "both.txt": "1\n", "removed.txt": "1\n"})
    folder.put("staged.txt", "2\n")
    folder.put("both.txt", "2\n")
    folder.put("added.txt", "2\n")
    folder.git("add", "staged.txt", "both.txt", "added.txt")
    folder.put("both.txt", "3\n")
    folder.put("untracked.txt", "3\n")
    folder.put("mine.txt", "edited\n")
    folder.git("rm", "-q", "removed.txt")
    before = folder.git("status", "--porcelain")
    commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.git("status", "--porcelain") == before
    assert folder.git("show", ":both.txt") == "2"


def test_first_commit_of_a_repository(tmp_path: Path) -> None:
    repo = WorkTree.init(tmp_path / "r")
    written = commit_changes(repo, [change("a/b", None, "x\n")], MESSAGE, target="main")
    folder = GitFolder(tmp_path / "r")
    assert folder.git("log", "--format=%H") == written.commit
    assert not written.altered
    assert not folder.leftovers()


def test_first_commit_leaves_what_is_staged(tmp_path: Path) -> None:
    folder = GitFolder.init(tmp_path / "r")
    folder.put("mine", "1")
    folder.git("add", "mine")
    assert not commit_changes(folder.repo, [change("a", None, "x\n")], MESSAGE).altered
    assert folder.git("ls-tree", "-r", "--name-only", "HEAD") == "a"
    assert folder.git("status", "--porcelain") == "A  mine"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_monorepo_sub_folder(tmp_path: Path, algorithm: str) -> None:
    folder = GitFolder.init(tmp_path / "r", f"--object-format={algorithm}")
    folder.commit({"infra/airflow/apps/a.yaml": "a: 1\n", "apps/a.yaml": "other\n"})
    repo = folder.repo.with_prefix("infra/airflow")
    written = commit_changes(repo, [CHANGES[0], CHANGES[2]], MESSAGE)
    assert not written.altered
    assert written.paths == ("apps/a.yaml", "docs/deep/c.md")
    assert folder.git("show", "--name-only", "--format=").splitlines() == [
        "infra/airflow/apps/a.yaml",
        "infra/airflow/docs/deep/c.md",
    ]
    assert repo.read("docs/deep/c.md") == b"new\n"


def test_linked_work_tree(folder: GitFolder, tmp_path: Path) -> None:
    folder.git("worktree", "add", "-q", "-b", "other", tmp_path / "w")
    linked = GitFolder(tmp_path / "w")
    commit_changes(linked.repo, CHANGES, MESSAGE, target="other")
    assert linked.git("status", "--porcelain") == ""
    assert folder.git("log", "--format=%s", "main") == "files"
    assert (tmp_path / "w" / "docs/deep/c.md").read_text() == "new\n"
    assert not linked.leftovers()


def test_shallow_clone(folder: GitFolder, tmp_path: Path) -> None:
    folder.commit({"mine.txt": "2\n"})
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", folder.path.as_uri(), str(tmp_path / "s")], check=True
    )
    shallow = GitFolder(tmp_path / "s")
    assert not commit_changes(shallow.repo, CHANGES, MESSAGE).altered
    assert shallow.git("status", "--porcelain") == ""


def test_permissions_stay(folder: GitFolder) -> None:
    (folder.path / "apps/a.yaml").chmod(0o750)
    folder.git("commit", "-qam", "mode")
    commit_changes(folder.repo, [CHANGES[0]], MESSAGE)
    assert (folder.path / "apps/a.yaml").stat().st_mode & 0o777 == 0o750
    assert folder.git("ls-tree", "HEAD", "apps/a.yaml").startswith("100755")


def test_line_ends_on_disk_do_not_count_as_an_edit(folder: GitFolder) -> None:
    folder.git("config", "core.autocrlf", "true")
    (folder.path / "apps/a.yaml").unlink()
    folder.git("checkout", "apps/a.yaml")
    assert (folder.path / "apps/a.yaml").read_bytes() == b"a: 1\r\n"
    commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.repo.read("apps/a.yaml") == b"a: 2\n"


# Work tree only


def test_files_only_then_a_commit_of_them(folder: GitFolder) -> None:
    index = folder.git("ls-files", "-s")
    written = write_changes(folder.repo, CHANGES)
    assert written.commit is None
    assert folder.git("ls-files", "-s") == index
    assert folder.git("log", "--format=%s") == "files"
    assert (folder.path / "docs/deep/c.md").read_text() == "new\n"
    assert not folder.leftovers()
    folder.git("add", "--intent-to-add", "docs/deep/c.md")
    commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.git("status", "--porcelain") == ""
    assert folder.git("show", "--name-only", "--format=").count("\n") == 2


def test_files_only_and_staged_by_the_person(folder: GitFolder) -> None:
    write_changes(folder.repo, CHANGES)
    folder.git("add", "-A")
    assert not commit_changes(folder.repo, CHANGES, MESSAGE).altered
    assert folder.git("status", "--porcelain") == ""


def test_files_only_does_not_overwrite_edits(folder: GitFolder) -> None:
    folder.put("apps/a.yaml", "edited\n")
    before = folder.state()
    with pytest.raises(ConflictError, match=r"apps/a\.yaml"):
        write_changes(folder.repo, CHANGES)
    assert folder.state() == before


# Work branches


def test_work_branch_leaves_the_target_alone(folder: GitFolder) -> None:
    start = folder.git("rev-parse", "HEAD")
    written = commit_changes(folder.repo, CHANGES, MESSAGE, target="main", branch="work/a")
    assert written.branch == "work/a"
    assert folder.git("rev-parse", "main") == start
    assert folder.git("rev-parse", "work/a^") == start
    assert folder.git("status", "--porcelain") == ""
    commit_changes(folder.repo, [change("d", None, "d")], MESSAGE, target="main", branch="work/a")
    assert folder.git("rev-list", "--count", "main..work/a") == "2"


def test_work_branch_of_a_refused_commit_is_gone_again(folder: GitFolder) -> None:
    folder.hook("pre-commit", "exit 1")
    before = folder.state()
    with pytest.raises(WizardError, match="refused"):
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main", branch="work/a")
    assert folder.state() == before
    assert not folder.leftovers()


def test_work_branch_that_exists_at_the_same_commit_stays(folder: GitFolder) -> None:
    folder.git("branch", "work")
    folder.hook("pre-commit", "exit 1")
    before = folder.state()
    with pytest.raises(WizardError, match="refused"):
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main", branch="work")
    assert folder.state() == before


def test_wrong_branch_is_refused_before_anything(folder: GitFolder) -> None:
    folder.git("switch", "-q", "-c", "feature")
    before = folder.state()
    with pytest.raises(UsageError, match="on branch feature"):
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main")
    assert folder.state() == before


# Refused before anything is written


def refuse(
    folder: GitFolder, kind: type[WizardError], *changes: FileChange, **how: bool
) -> WizardError:
    before = folder.state()
    with pytest.raises(kind) as caught:
        commit_changes(folder.repo, [*changes, change("other/new", None, "x")], MESSAGE)
    assert folder.state() == before
    assert not folder.leftovers()
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "path",
    [".github/workflows/x.yml", ".gitlab-ci.yml", "a/../../x", "/etc/x", "Jenkinsfile", "a:b"],
)
def test_paths_that_are_never_written(folder: GitFolder, path: str) -> None:
    error = refuse(folder, RefusedError, change(path, None, "x"))
    assert path in error.message


def test_links_on_disk_and_in_the_commit(folder: GitFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder.path / "link").symlink_to(outside)
    (folder.path / "docs").symlink_to("../outside")
    assert (
        "link is a symbolic link"
        in refuse(folder, RefusedError, change("link/x", None, "x")).message
    )
    assert "docs is a symbolic link" in refuse(folder, RefusedError, CHANGES[2]).message
    (folder.path / "apps/l").symlink_to("a.yaml")
    refuse(folder, RefusedError, change("apps/l", None, "x"))
    folder.git("add", "link")
    folder.git("commit", "-qm", "link")
    error = refuse(folder, RefusedError, change("link/x", None, "x"))
    assert error.message.count("link is a symbolic link") == 1
    (folder.path / "link").unlink()
    refuse(folder, RefusedError, change("link/x", None, "x"))
    assert list(outside.iterdir()) == []


def test_submodules_and_nested_repositories(folder: GitFolder, tmp_path: Path) -> None:
    other = GitFolder.init(tmp_path / "other")
    other.commit({"x": "x"})
    folder.git("submodule", "--quiet", "add", other.path, "sub")
    folder.git("commit", "-qm", "sub")
    assert "submodule" in refuse(folder, RefusedError, change("sub/y", None, "y")).message
    GitFolder.init(folder.path / "nested")
    refuse(folder, RefusedError, change("nested/y", None, "y"))
    inner = WorkTree.open(folder.path / "sub")
    assert inner.root == folder.path / "sub"
    commit_changes(inner, [change("y", None, "y")], MESSAGE)


def test_attributes_that_change_what_git_stores(folder: GitFolder) -> None:
    folder.commit({".gitattributes": "*.yaml filter=lfs\n*.utf16 working-tree-encoding=UTF-16\n"})
    assert "filter=lfs" in refuse(folder, RefusedError, CHANGES[0]).message
    refuse(folder, RefusedError, change("x.utf16", None, "x"))


def test_paths_that_collide_with_each_other(folder: GitFolder) -> None:
    error = refuse(folder, RefusedError, change("x/A", None, "1"), change("X/b", None, "2"))
    assert "cannot exist together with" in error.message


def test_spelling_of_what_is_there(folder: GitFolder) -> None:
    error = refuse(folder, ConflictError, change("Apps/x", None, "x"))
    assert "differs only in spelling from apps" in error.message
    refuse(folder, ConflictError, change("MINE.txt", None, "x"))


def test_files_and_folders_in_the_way(folder: GitFolder) -> None:
    refused = refuse(folder, ConflictError, change("mine.txt/x", None, "x"))
    assert "conflicts with it" in refused.message
    assert "conflicts with it" in refuse(folder, ConflictError, change("apps", None, "x")).message
    (folder.path / "untracked").mkdir()
    refuse(folder, ConflictError, change("untracked", None, "x"))
    os.mkfifo(folder.path / "pipe")
    folder.git("status")
    error = examine_changes(folder.repo, [change("pipe", None, "x")]).conflicts
    assert "device or pipe" in error[0].reason


def test_ignored_paths(folder: GitFolder) -> None:
    folder.commit({".gitignore": "*.md\n!/README.md\n", "docs/kept.md": "1\n"})
    error = refuse(folder, ConflictError, CHANGES[2])
    assert ".gitignore:1: *.md" in error.message
    tracked = change("docs/kept.md", "1\n", "2\n")
    commit_changes(folder.repo, [tracked, change("README.md", None, "x\n")], MESSAGE)
    assert folder.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "rule",
    ["apps/", "clusters/prod/*", "prod/", "clusters/", "clusters/prod/apps/x/", "*.yaml", "**/x"],
)
def test_what_is_said_about_an_ignored_path_works(folder: GitFolder, rule: str) -> None:
    folder.commit({".gitignore": f"{rule}\n"})
    one = change("clusters/prod/apps/x/secrets/a.yaml", None, "a: 1\n")
    hint = refuse(folder, ConflictError, one).hint
    assert "at the end of .gitignore" in hint

    rules = "".join(f"{line.strip()}\n" for line in hint.splitlines()[1:])
    folder.commit({".gitignore": f"{rule}\n{rules}"})

    assert not commit_changes(folder.repo, [one], MESSAGE).altered


def test_an_ignored_path_below_a_folder_with_its_own_rules(folder: GitFolder) -> None:
    folder.commit({"clusters/.gitignore": "apps/\n", "clusters/apps/kept": "1\n"})
    one = change("clusters/apps/x/a.yaml", None, "a: 1\n")
    hint = refuse(folder, ConflictError, one).hint
    assert hint.splitlines() == [
        "remove that rule, or add these lines at the end of clusters/.gitignore and commit them:",
        "  !/apps/",
        "  /apps/*",
        "  !/apps/x/",
    ]
    (folder.path / ".git/info/exclude").write_text("*.md\n")
    assert "at the end of .gitignore" in refuse(folder, ConflictError, CHANGES[2]).hint


def test_a_full_disk_is_not_blamed_on_a_hook(folder: GitFolder) -> None:
    before = folder.state()
    folder.hook("pre-commit", "echo 'error: file write error: No space left on device' >&2; exit 1")
    with pytest.raises(WizardError, match="no disk space left") as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert "free disk space" in caught.value.hint
    assert "hook" not in caught.value.hint
    assert folder.state() == before


def test_sparse_checkout(folder: GitFolder) -> None:
    folder.commit({"far/x": "1\n", "near/in/x": "1\n"})
    folder.git("sparse-checkout", "set", "--cone", "near/in", "apps")
    assert "sparse" in refuse(folder, ConflictError, change("far/x", "1\n", "2\n")).message
    error = refuse(folder, ConflictError, change("far/new", None, "2\n"))
    assert "git sparse-checkout add far" in error.hint
    inside = [
        CHANGES[0],
        change("top", None, "x"),
        change("near/y", None, "x"),
        change("near/in/deep/y", None, "x"),
    ]
    assert not commit_changes(folder.repo, inside, MESSAGE).altered
    assert folder.git("status", "--porcelain") == ""


def test_sparse_checkout_by_patterns(folder: GitFolder) -> None:
    folder.commit({"far/x": "1\n"})
    folder.git("sparse-checkout", "set", "--no-cone", "/apps/", "/mine.txt")
    refuse(folder, ConflictError, change("far/x", "1\n", "2\n"))
    error = refuse(folder, WizardError, change("far/new", None, "2\n"))
    assert "sparse" in error.message


def test_uncommitted_edits(folder: GitFolder) -> None:
    folder.put("apps/a.yaml", "edited\n")
    assert "edits on disk" in refuse(folder, ConflictError, CHANGES[0]).message
    folder.git("add", "apps/a.yaml")
    folder.put("apps/a.yaml", "a: 1\n")
    error = refuse(folder, ConflictError, CHANGES[0])
    assert "staged edits" in error.message
    assert "git stash push -- apps/a.yaml" in error.hint
    folder.git("reset", "-q")
    (folder.path / "apps/gone/b.yaml").unlink()
    commit_changes(folder.repo, CHANGES, MESSAGE)


def test_every_edit_is_named_at_once(folder: GitFolder) -> None:
    folder.put("apps/a.yaml", "edited\n")
    folder.put("docs/deep/c.md", "theirs\n")
    error = refuse(folder, ConflictError, *CHANGES)
    assert "apps/a.yaml: has uncommitted edits on disk" in error.message
    assert "docs/deep/c.md: exists with different content" in error.message


def test_a_deleted_or_unmerged_or_frozen_file(folder: GitFolder) -> None:
    (folder.path / "apps/a.yaml").unlink()
    refuse(folder, ConflictError, CHANGES[0])
    folder.git("checkout", "-q", "apps/a.yaml")
    folder.git("rm", "-q", "--cached", "apps/a.yaml")
    refuse(folder, ConflictError, CHANGES[0])
    folder.git("reset", "-q")
    folder.git("update-index", "--assume-unchanged", "apps/a.yaml")
    error = refuse(folder, ConflictError, CHANGES[0])
    assert "git update-index --no-assume-unchanged apps/a.yaml" in error.hint


def test_a_plan_that_is_out_of_date(folder: GitFolder) -> None:
    folder.commit({"apps/a.yaml": "a: 7\n"})
    assert "since the plan" in refuse(folder, ConflictError, CHANGES[0]).message


def test_nobody_to_commit_as(folder: GitFolder, clean_environment: Path) -> None:
    (clean_environment / "gitconfig").write_text("")
    before = folder.state()
    with pytest.raises(WizardError, match="who you are"):
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.state() == before


def test_git_at_work(folder: GitFolder) -> None:
    (folder.path / ".git/index.lock").touch()
    before = folder.state()
    with pytest.raises(ConflictError, match=r"index\.lock"):
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.state() == before


# Hooks and signing


def test_hooks_get_no_secret_and_run_once(
    folder: GitFolder, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    for hook in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
        folder.hook(
            hook, f'env >> {seen}; cat /proc/$PPID/cmdline >> {seen}; echo "ran {hook}" >> {seen}'
        )
    for name in (
        "VAULT_TOKEN", "AIRFLOW_DB_PASSWORD", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY",
        "GIT_CONFIG_VALUE_0", "HTTPS_PROXY", "PYTHONPATH_X",
    ):  # fmt: skip
        monkeypatch.setenv(name, canary.secret(name))
    monkeypatch.setenv("SKIP", "yamllint")
    commit_changes(folder.repo, CHANGES, MESSAGE)
    canary.assert_absent(seen, folder.path)
    text = seen.read_text()
    assert text.count("ran pre-commit") == 1
    assert text.count("ran commit-msg") == 1
    assert "SKIP=yamllint" in text
    assert "GIT_LITERAL_PATHSPECS" not in text


@pytest.mark.parametrize("hook", ["pre-commit", "prepare-commit-msg", "commit-msg"])
def test_a_hook_that_refuses_leaves_no_trace(folder: GitFolder, hook: str) -> None:
    folder.hook(hook, 'echo "too long: apps/a.yaml" >&2; echo changed >> apps/a.yaml; exit 1')
    folder.put("staged.txt", "1")
    folder.git("add", "staged.txt")
    folder.put("mine.txt", "edited\n")
    before = folder.state()
    with pytest.raises(WizardError, match=r"too long: apps/a\.yaml") as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert "nothing was changed" in caught.value.message
    assert folder.state() == before
    assert not folder.leftovers()


def test_output_of_hooks_is_safe_to_show(folder: GitFolder, canary: Canary) -> None:
    folder.hook("pre-commit", f"printf '\\033[2J https://u:{canary.marker}@h/ \\n'; exit 1")
    with pytest.raises(WizardError) as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert "\x1b" not in caught.value.message
    assert "\\e[2J" in caught.value.message
    canary.assert_absent(caught.value.message)


def test_a_hook_that_changes_files_stops_before_push(folder: GitFolder) -> None:
    folder.hook("pre-commit", "echo '# ours' >> apps/a.yaml; git add apps/a.yaml; echo fixed")
    written = commit_changes(folder.repo, CHANGES, MESSAGE)
    assert written.commit
    assert written.output == "fixed"
    assert written.altered == ("apps/a.yaml: was committed with different content than planned",)
    with pytest.raises(ConflictError, match=r"apps/a\.yaml") as caught:
        written.require_unaltered()
    assert "git reset --keep HEAD~1" in caught.value.hint
    assert not folder.leftovers()


@pytest.mark.parametrize(
    ("hook", "script", "said"),
    [
        ("pre-commit", "echo x > extra; git add extra", "extra: was committed although"),
        ("post-commit", "echo x >> apps/a.yaml", "apps/a.yaml: was changed on disk"),
        ("commit-msg", 'echo theirs > "$1"', "the commit message"),
        ("post-commit", "test -e .git/once || { touch .git/once; echo y > docs/deep/c.md; "
         "git commit -q --amend -a --no-edit; }", "docs/deep/c.md: was committed with different"),
    ],
)  # fmt: skip
def test_whatever_a_hook_changes_is_reported(
    folder: GitFolder, hook: str, script: str, said: str
) -> None:
    folder.hook(hook, script)
    written = commit_changes(folder.repo, CHANGES, MESSAGE)
    assert said in "\n".join(written.altered)
    assert not folder.leftovers()


def test_first_commit_with_a_hook_that_adds_a_file(tmp_path: Path) -> None:
    folder = GitFolder.init(tmp_path / "r")
    folder.hook("pre-commit", "echo x > extra; git add extra")
    assert "extra" in commit_changes(folder.repo, [change("a", None, "x")], MESSAGE).altered[0]


def test_a_hook_that_leaves_a_process_behind(folder: GitFolder) -> None:
    folder.hook("post-commit", "sleep 20 & echo $! > .git/pid")
    commit_changes(folder.repo, CHANGES, MESSAGE)
    pid = int((folder.path / ".git/pid").read_text())
    os.kill(pid, 9)


def test_ssh_signing(folder: GitFolder, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "signers").write_text(f"ada@example.com {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "commit.gpgSign": "true",
        "gpg.ssh.allowedSignersFile": str(tmp_path / "signers"),
    }.items():
        folder.git("config", name, value)
    written = commit_changes(folder.repo, CHANGES, MESSAGE)
    assert not written.altered
    folder.git("verify-commit", "HEAD")


def test_a_signing_key_that_is_missing(folder: GitFolder, tmp_path: Path) -> None:
    folder.git("config", "gpg.format", "ssh")
    folder.git("config", "user.signingKey", tmp_path / "none")
    folder.git("config", "commit.gpgSign", "true")
    before = folder.state()
    with pytest.raises(WizardError, match="sign") as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert "signing key" in caught.value.hint
    assert folder.state() == before


@pytest.mark.parametrize(
    "settings",
    [
        {"commit.cleanup": "strip", "commit.template": "/nonexistent"},
        {"commit.verbose": "true", "commit.status": "true", "core.commentChar": "A"},
        {"core.editor": "false", "core.fsmonitor": "true", "core.untrackedCache": "true"},
        {"index.version": "4", "core.splitIndex": "true", "feature.manyFiles": "true"},
        {"core.quotePath": "true", "status.relativePaths": "false", "core.ignoreCase": "true"},
        {"core.precomposeUnicode": "true", "core.protectNTFS": "true", "core.protectHFS": "true"},
    ],
)
def test_under_other_configurations(folder: GitFolder, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        folder.git("config", name, value)
    extra = [change("ä/ü*[1].md", None, "x\n"), change("ä/ü1.md", None, "y\n")]
    written = commit_changes(folder.repo, [*CHANGES, *extra], MESSAGE)
    assert not written.altered
    assert folder.git("status", "--porcelain") == ""
    assert folder.git("log", "--format=%B", "-1") == MESSAGE


def test_many_files_at_once(folder: GitFolder) -> None:
    many = [change(f"many/{'x' * 60}/{n // 50}/{n}.yaml", None, f"{n}\n") for n in range(3000)]
    assert not commit_changes(folder.repo, many, MESSAGE).altered
    assert folder.git("ls-tree", "-r", "--name-only", "HEAD").count("many/") == 3000


def test_no_secret_in_the_object_store(
    folder: GitFolder, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret("db"))
    commit_changes(folder.repo, CHANGES, MESSAGE)
    objects = folder.git("cat-file", "--batch-all-objects", "--batch")
    assert "a: 2" in objects
    canary.assert_absent(objects, folder.path / ".git")

"""The target branch is a fact of the repository: a merge request cannot choose its own judge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_evidence import ANSWERS, KEY, OTHER, entry, file
from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw
from tests.support.repository import GitFolder
from wizard.workspace.workspace import Workspace

__all__ = ["aw", "file"]

VALUES_BASE = ".airflow-wizard/airflow/base/values.base"
IMAGE = ("--set", "dags.source=image", "--set", "installation.image.repository=r.example/a",
         "--set", "installation.image.tag=1")  # fmt: skip
UNPROVEN = f"nothing proves that this key is the host's; its fingerprint is {KEY.fingerprint}"


@pytest.fixture
def server(aw: Wizard, file: Callable[..., str]) -> Wizard:
    """A repository with an installation without host keys on main, and forged evidence on evil.

    Everything on evil is consistent: the wizard itself wrote it, for a target of that name.
    """
    aw.ok("commit", "--yes", "--answers", file(), *IMAGE, *ACCEPT_ALL)
    aw.git.git("switch", "-q", "-c", "evil")
    forged = file(entry(KEY), **{"repository.branch": "evil"})
    aw.ok("commit", "--yes", *ACCEPT_ALL, "--target", "evil", "--answers", forged,
          "--host-key-fingerprint", KEY.fingerprint)  # fmt: skip
    aw.ok("check", "--target", "evil")
    aw.git.git("switch", "-q", "main")
    return aw


@pytest.fixture
def proven(aw: Wizard, file: Callable[..., str]) -> Wizard:
    """A repository with typed evidence on main, and a harmless merge request on work."""
    typed = ("--host-key-fingerprint", KEY.fingerprint)
    aw.ok("commit", "--yes", "--answers", file(entry(KEY)), *typed, *ACCEPT_ALL)
    aw.git.git("switch", "-q", "-c", "work")
    aw.git.commit({"notes.txt": "a change\n"})
    aw.git.git("switch", "-q", "main")
    return aw


Clone = Callable[..., Wizard]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    def make(server: Wizard, *options: str) -> Wizard:
        where = tmp_path / f"clone{len(list(tmp_path.iterdir()))}"
        command = ["git", "clone", "-q", *options, server.folder.as_uri(), str(where)]
        subprocess.run(command, check=True)
        return Wizard(where, monkeypatch)

    return make


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """As CI systems clone: `git init`, and a fetch of what was asked for only."""

    def make(server: Wizard, *refspecs: str, options: tuple[str, ...] = ()) -> Wizard:
        where = tmp_path / f"fetched{len(list(tmp_path.iterdir()))}"
        made = Wizard(GitFolder.init(where).path, monkeypatch)
        made.git.git("remote", "add", "origin", server.folder.as_uri())
        made.git.git("fetch", "-q", *options, "origin", *refspecs)
        return made

    return make


def assert_unproven(wizard: Wizard, *words: str) -> None:
    for command in ("check", "plan"):
        done = wizard(command)
        assert done.code == 4, done
        assert UNPROVEN in done.out, done
        for word in words:
            assert word in done.out, done


def ci(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in {"CI": "true", **variables}.items():
        monkeypatch.setenv(name, value)


# A person's clone


@pytest.mark.parametrize("how", [["evil"], ["--detach", "origin/evil"]], ids=["branch", "detached"])
def test_a_merge_request_cannot_name_its_own_branch(
    server: Wizard, clone: Clone, how: list[str]
) -> None:
    judged = clone(server)
    judged.git.git("switch", "-q", *how)

    assert_unproven(judged)
    found = json.loads(judged("check", "--json").out)[0]["findings"]
    mismatch = next(one for one in found if one["rule"] == "repository.target")
    assert mismatch["question"] == "repository.branch"
    assert "main (the default branch of origin)" in mismatch["message"]
    assert "repository.branch" in judged("plan").out


def test_a_shallow_clone_proves_nothing_and_names_the_command(server: Wizard, clone: Clone) -> None:
    judged = clone(server, "--depth=1", "--branch=evil")

    assert_unproven(judged, "git remote set-head origin --auto")
    judged.git.git("remote", "set-head", "origin", "main", ok=(0, 1, 128))
    done = judged("check", "--target", "main")
    assert done.code == 4
    assert "`git fetch origin main:refs/remotes/origin/main`" in done.out
    # A text that may be a secret is not repeated.
    done = judged("check", "--target", "Xq7ZtokenV9w")
    assert "`git fetch origin BRANCH:refs/remotes/origin/BRANCH`" in done.out


def test_the_named_command_proves_what_main_has(proven: Wizard, clone: Clone) -> None:
    judged = clone(proven, "--depth=1", "--branch=work")
    assert judged("check", "--target", "main").code == 4

    judged.git.git("fetch", "-q", "origin", "main:refs/remotes/origin/main")

    judged.ok("check", "--target", "main")


def test_a_single_branch_that_was_fetched_is_not_the_default(
    server: Wizard, fetched: Clone
) -> None:
    judged = fetched(server, "evil:refs/remotes/origin/evil")
    judged.git.git("switch", "-q", "--detach", "origin/evil")

    assert_unproven(judged, "the default branch of origin is not known in this clone")


def test_the_first_push_needs_no_further_command(
    aw: Wizard, file: Callable[..., str], tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    aw.git.git("remote", "add", "origin", bare.as_uri())
    typed = ("--host-key-fingerprint", KEY.fingerprint)
    aw.ok("commit", "--yes", "--push", "--answers", file(entry(KEY)), *typed, *ACCEPT_ALL)

    aw.ok("check")
    aw.ok("set", "dags.depth=2", "--yes", "--branch", "work", "--push")
    aw.ok("check")


def test_unpushed_commits_on_main_are_the_persons_own(
    proven: Wizard, clone: Clone, file: Callable[..., str]
) -> None:
    mine = clone(proven)
    typed = ("--host-key-fingerprint", OTHER.fingerprint)
    mine.ok("commit", "--yes", "--answers", file(entry(OTHER)), *typed, *ACCEPT_ALL)

    mine.ok("check")
    mine.git.git("switch", "-q", "-c", "topic")
    mine.ok("check")


def test_what_others_merged_counts_without_a_pull(
    proven: Wizard, clone: Clone, file: Callable[..., str]
) -> None:
    mine = clone(proven)
    typed = ("--host-key-fingerprint", OTHER.fingerprint)
    proven.ok("commit", "--yes", "--answers", file(entry(OTHER)), *typed, *ACCEPT_ALL)
    mine.git.git("fetch", "-q")
    mine.git.git("switch", "-q", "--detach", "origin/main")

    mine.ok("check")


def test_another_name_for_the_remote(server: Wizard, clone: Clone) -> None:
    judged = clone(server, "--origin=upstream")
    judged.git.git("switch", "-q", "evil")
    assert_unproven(judged)

    judged.git.git("remote", "add", "other", "https://git.example.com/other.git")
    assert_unproven(judged, "git config checkout.defaultRemote NAME")
    judged.git.git("config", "checkout.defaultRemote", "upstream")
    assert "git config checkout" not in judged("check").out


def test_without_a_remote_the_first_branch_judges(server: Wizard) -> None:
    server.git.git("switch", "-q", "evil")

    assert_unproven(server)


def test_without_a_remote_and_main_two_branches_that_name_themselves_prove_nothing(
    server: Wizard, file: Callable[..., str]
) -> None:
    server.git.git("branch", "-q", "-m", "main", "trunk")
    server.git.git("switch", "-q", "trunk")
    server.ok("set", "repository.branch=trunk", "--yes", "--target", "trunk")
    server.git.git("switch", "-q", "evil")

    assert_unproven(server, "--target BRANCH")
    assert UNPROVEN in server("check", "--target", "trunk").out


def test_a_linked_work_tree_and_a_foreign_environment(
    server: Wizard, clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = clone(server)
    judged.git.git("worktree", "add", "-q", tmp_path / "linked", "evil")
    monkeypatch.setenv("GIT_DIR", str(server.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(server.folder))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "checkout.defaultRemote")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "evil")

    assert_unproven(Wizard(tmp_path / "linked", monkeypatch))


def test_replaced_and_grafted_commits_do_not_count(server: Wizard, clone: Clone) -> None:
    judged = clone(server)
    git = judged.git.git
    git("switch", "-q", "evil")
    main, evil = git("rev-parse", "origin/main"), git("rev-parse", "evil")
    git("replace", "-f", main, evil)
    (judged.folder / ".git/info/grafts").write_text(f"{evil} {main}\n")

    assert_unproven(judged)


def test_a_target_that_is_no_branch_name(proven: Wizard) -> None:
    for name in ("-x", "a..b", "refs/heads/"):
        done = proven("check", f"--target={name}")
        assert done.code == 64, done
        assert "--target: " in done.err


# A setting of the clone

SETTING = "airflow-wizard.target"


@pytest.fixture
def staging(server: Wizard, clone: Clone, file: Callable[..., str]) -> Wizard:
    """A clone on staging, the branch that is delivered; the remote's default branch is main."""
    server.git.git("branch", "-q", "staging", "main")
    mine = clone(server)
    mine.git.git("switch", "-q", "staging")
    given = file(entry(KEY), **{"repository.branch": "staging"})
    typed = ("--host-key-fingerprint", KEY.fingerprint, "--target", "staging")
    mine.ok("commit", "--yes", "--answers", given, *typed, *ACCEPT_ALL)
    return mine


def test_a_clone_remembers_its_target_branch(staging: Wizard) -> None:
    found = staging("check")
    assert found.code == 4
    assert found.out.count(f"`git config {SETTING} BRANCH`") == 1

    staging.git.git("config", SETTING, "staging")

    assert "repository.branch" not in staging.ok("check").out
    staging.ok("set", "executor.workers.replicas=3", "--yes")
    staging.ok("plan")
    staging.git.git("switch", "-q", "-c", "topic")
    staging.ok("set", "executor.workers.replicas=4", "--yes", "--branch", "topic")
    staging.ok("check")


def test_missing_evidence_names_the_setting(server: Wizard, clone: Clone) -> None:
    judged = clone(server, "--depth=1", "--branch=evil")

    assert_unproven(judged, f"`git config {SETTING} BRANCH` for this clone")


def test_an_option_and_the_variables_of_ci_outrank_the_setting(
    server: Wizard, clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = clone(server)
    judged.git.git("switch", "-q", "evil")
    judged.git.git("config", SETTING, "evil")
    judged.ok("check")

    assert UNPROVEN in judged("check", "--target", "main").out
    ci(monkeypatch, GITHUB_BASE_REF="main")
    assert_unproven(judged)


def test_no_file_of_the_repository_sets_the_target(
    server: Wizard, clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.git.git("switch", "-q", "evil")
    server.git.commit({".gitconfig": "[airflow-wizard]\n\ttarget = evil\n"})
    server.git.git("switch", "-q", "main")
    judged = clone(server)
    judged.git.git("switch", "-q", "evil")
    judged.git.git("config", "include.path", "../.gitconfig")
    assert judged.git.git("config", SETTING) == "evil"

    assert_unproven(judged)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(judged.folder / ".gitconfig"))
    assert_unproven(judged)
    judged.git.git("config", SETTING, "main")
    assert_unproven(judged)


def test_a_setting_that_is_no_branch(proven: Wizard) -> None:
    for name in ("-x", "a..b"):
        proven.git.git("config", SETTING, name)
        done = proven("check")
        assert done.code == 64, done
        assert f"git config {SETTING}: " in done.err
    proven.git.git("config", SETTING, "gone")
    assert "there is no branch gone (git config airflow-wizard.target)" in proven("check").out


# CI


BASES = {
    "github": {"GITHUB_BASE_REF": "main"},
    "gitlab": {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
    "azure": {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
    "bitbucket": {"BITBUCKET_PR_DESTINATION_BRANCH": "main"},
    "jenkins": {"CHANGE_TARGET": "main"},
    "woodpecker": {"CI_COMMIT_TARGET_BRANCH": "main"},
    "buildkite": {"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"},
    "drone": {"DRONE_TARGET_BRANCH": "main", "DRONE_PULL_REQUEST": "7"},
    "gitlab branch pipeline": {"CI_DEFAULT_BRANCH": "main"},
    "drone push": {"DRONE_TARGET_BRANCH": "evil", "DRONE_REPO_BRANCH": "main"},
}


@pytest.mark.parametrize("variables", BASES.values(), ids=BASES)
def test_ci_names_the_branch_that_judges(
    server: Wizard,
    fetched: Clone,
    monkeypatch: pytest.MonkeyPatch,
    variables: Mapping[str, str],
) -> None:
    judged = fetched(server, "evil:refs/remotes/origin/evil", "main:refs/remotes/origin/main")
    judged.git.git("switch", "-q", "--detach", "origin/evil")
    ci(monkeypatch, **variables)

    assert_unproven(judged)
    assert "differs from the target branch main" in judged("check").out


def test_a_merge_commit_of_a_pull_request_is_judged_by_its_base(
    proven: Wizard, fetched: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = proven.git.git
    git("switch", "-q", "--detach", "main")
    git("merge", "-q", "--no-ff", "-m", "merge", "work")
    git("update-ref", "refs/pull/7/merge", "HEAD")
    git("switch", "-q", "main")
    judged = fetched(proven, "refs/pull/7/merge:refs/remotes/pull/7/merge", options=("--depth=1",))
    judged.git.git("switch", "-q", "--detach", "refs/remotes/pull/7/merge")
    ci(monkeypatch, GITHUB_BASE_REF="main")

    done = judged("check")
    assert done.code == 4
    assert "`git fetch origin main:refs/remotes/origin/main`" in done.out
    judged.git.git("fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    judged.ok("check")


@pytest.mark.parametrize("how", [{"DRONE_PULL_REQUEST": "7", "DRONE_TARGET_BRANCH": "main"}, {}])
def test_a_local_main_of_ci_is_the_merge_request_itself(
    server: Wizard, fetched: Clone, monkeypatch: pytest.MonkeyPatch, how: Mapping[str, str]
) -> None:
    judged = fetched(server, "main:refs/remotes/origin/main")
    judged.git.git("remote", "set-head", "origin", "main")
    judged.git.git("switch", "-q", "-C", "main", "origin/main")
    judged.git.git("fetch", "-q", "origin", "evil")
    judged.git.git("merge", "-q", "FETCH_HEAD")
    ci(monkeypatch, **how)

    assert_unproven(judged)


def test_a_pipeline_in_the_fork_proves_nothing(
    server: Wizard, fetched: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = fetched(server, "evil:refs/remotes/origin/main")
    judged.git.git("switch", "-q", "--detach", "origin/main")
    ci(
        monkeypatch,
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        CI_MERGE_REQUEST_PROJECT_ID="1",
        CI_PROJECT_ID="2",
    )

    assert_unproven(judged, "this pipeline runs in the fork")


# What counts on the target


def test_a_key_in_a_comment_of_the_base_is_no_evidence(
    aw: Wizard, file: Callable[..., str]
) -> None:
    aw.ok("commit", "--yes", "--answers", file(), *IMAGE, *ACCEPT_ALL)
    base = (aw.folder / VALUES_BASE).read_text()
    given = Path(file(entry(KEY))).read_text()
    line = KEY.known_hosts_line("git.example.com", 2222)
    other = ".airflow-wizard/airflow/base/runbook.base"
    for text in (f"# {line}\n", f'env:\n  - name: "A"\n    value: "{line}"\n'):
        aw.git.commit({ANSWERS: given, VALUES_BASE: base + text, other: f"{line}\n"})

        done = aw("plan")

        assert done.code in {4, 5}
        assert UNPROVEN in done.out, done


def test_a_part_of_a_rendered_key_is_no_evidence(aw: Wizard, file: Callable[..., str]) -> None:
    typed = ("--host-key-fingerprint", KEY.fingerprint)
    aw.ok("commit", "--yes", "--answers", file(entry(KEY)), *typed, *ACCEPT_ALL)
    aw.edit(ANSWERS, "git.example.com:2222", "git.example.com:2223")

    done = aw("plan")

    assert done.code in {4, 5}
    assert UNPROVEN in done.out, done


def test_a_bundles_keys_stay_proven(aw: Wizard, file: Callable[..., str]) -> None:
    typed = ("--host-key-fingerprint", KEY.fingerprint)
    aw.ok(
        "commit",
        "--yes",
        "--answers",
        file(entry(KEY), **{"dags.source": "bundle"}),
        *typed,
        *ACCEPT_ALL,
    )

    aw.ok("check")
    aw.ok("set", "executor.workers.replicas=2", "--yes")
    aw.ok("check")


def test_a_published_host_needs_no_target(
    aw: Wizard, clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"dags.repo": "ssh://git@github.com/example/dags.git"}
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "a.yaml", given)))
    aw.git.git("branch", "work")
    judged = clone(aw, "--depth=1", "--branch=work")
    ci(monkeypatch)

    judged.ok("check")


def test_consent_is_asked_of_the_target(server: Wizard, clone: Clone) -> None:
    judged = clone(server)
    judged.git.git("switch", "-q", "evil")
    answers = Workspace.open(judged.folder).target_answers("airflow")

    assert answers["dags"]["source"] == "image"
    assert "host_keys" not in answers["dags"]


# Symbolic refs


def test_check_and_set_follow_a_symbolic_ref(server: Wizard) -> None:
    git = server.git.git
    git("branch", "-q", "-m", "main", "trunk")
    git("symbolic-ref", "refs/heads/main", "refs/heads/trunk")
    git("switch", "-q", "trunk")
    server.ok("check")
    server.ok("set", "executor.workers.replicas=2", "--yes")
    assert git("rev-parse", "main") == git("rev-parse", "trunk")
    git("switch", "-q", "main")
    server.ok("set", "executor.workers.replicas=3", "--yes")
    server.ok("check")


def test_a_work_branch_that_is_the_target_in_disguise(server: Wizard) -> None:
    git = server.git.git
    git("symbolic-ref", "refs/heads/work", "refs/heads/main")
    before = git("rev-parse", "main")

    done = server("set", "executor.workers.replicas=2", "--yes", "--branch", "work")

    assert done.code == 64, done
    assert "symbolic ref" in done.err
    assert git("rev-parse", "main") == before


def test_a_symbolic_ref_out_of_the_branches_is_no_branch(server: Wizard, clone: Clone) -> None:
    mine = clone(server)
    git = mine.git.git
    git("switch", "-q", "--detach", "origin/evil")
    git("update-ref", "-d", "refs/heads/main")
    git("symbolic-ref", "refs/heads/main", "refs/remotes/origin/evil")

    assert_unproven(mine)
    assert mine("set", "dags.depth=2", "--yes").code in {4, 64}


def test_a_push_goes_to_the_name_of_the_target(server: Wizard, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    git = server.git.git
    git("branch", "-q", "-m", "main", "trunk")
    git("symbolic-ref", "refs/heads/main", "refs/heads/trunk")
    git("switch", "-q", "main")
    git("remote", "add", "origin", bare.as_uri())

    server.ok("set", "executor.workers.replicas=2", "--yes", "--push")

    assert git("ls-remote", "--heads", "origin").split()[1::2] == ["refs/heads/main"]

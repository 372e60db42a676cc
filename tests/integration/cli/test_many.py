"""Several installations, folders of a monorepo, branches, remotes, and repositories of others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.cli import ACCEPT_ALL, LOCAL, Wizard, answers_file, aw, local
from tests.support.repository import GitFolder
from tests.support.scenarios import host_key
from wizard.errors import UsageError

__all__ = ["aw", "local"]

SCALE = "executor.workers.replicas=3"


@pytest.fixture
def two(local: Wizard) -> Wizard:
    """A repository with the installations `airflow` and `second`."""
    local.ok(*LOCAL, "--set", "installation.name=second")
    return local


def test_one_of_several_has_to_be_named(two: Wizard) -> None:
    for args in (["plan"], ["check", "--live"], ["set", SCALE, "--yes"], ["commit", "--yes"]):
        done = two(*args)
        assert done.code == 64
        assert "--installation: airflow, second" in done.err
    two.ok("set", SCALE, "--yes", "--installation", "second")

    assert two("plan", "--detailed-exitcode", "--installation", "airflow").code == 0
    assert "replicas: 3" in two.git.git("show", "HEAD:apps/second/airflow-values.yaml")
    assert "replicas: 1" in two.git.git("show", "HEAD:apps/airflow/airflow-values.yaml")


def test_all_of_them_at_once(two: Wizard) -> None:
    plans = json.loads(two.ok("plan", "--all", "--json").out)
    checks = json.loads(two.ok("check", "--all", "--json").out)

    assert json.loads(two.ok("check", "--json").out) == checks
    assert [plan["installation"] for plan in plans] == ["airflow", "second"]
    assert [check["installation"] for check in checks] == ["airflow", "second"]
    assert "airflow:\n" in two.ok("plan", "--all").out


def test_one_that_cannot_be_read_does_not_hide_the_others(two: Wizard, tmp_path: Path) -> None:
    two.git.commit({".airflow-wizard/airflow/answers.yaml": "broker: 3\nadmin: 4\n"})
    out = tmp_path / "plans.json"

    done = two("plan", "--all", "--detailed-exitcode", "--set", SCALE, "--out", str(out))

    assert done.code == 3
    assert "broker: give a mapping" in done.err
    assert "admin: give a mapping" in done.err
    assert "second:\n~ apps/second/airflow-values.yaml" in done.out
    first, second = json.loads(out.read_text())
    assert first == {"installation": "airflow", "error": "the answers are not valid"}
    assert second["differs"] is True


def test_all_worst_codes_win(two: Wizard) -> None:
    two.edit("apps/second/airflow-values.yaml", "useHelmHooks: false", "useHelmHooks: true")

    assert two("plan", "--all").code == 5
    assert two("check", "--all").code == 5


def test_a_folder_of_a_monorepo(aw: Wizard) -> None:
    aw.git.commit({"README.md": "ours\n", "other/file": "x\n"})
    made = aw.ok(*LOCAL, "--set", "repository.path=platform/airflow")
    assert "next: follow platform/airflow/docs/airflow/RUNBOOK.md" in made.err
    folder = aw.folder / "platform" / "airflow"

    assert (folder / "apps/airflow/airflow-values.yaml").exists()
    assert aw.git.git("log", "--format=%s", "-1") == "Add Airflow installation airflow"
    done = aw("plan")
    assert done.code == 64
    assert str(folder) in done.err
    for inside in (folder, folder / "apps", folder / "apps" / "airflow"):
        aw.ok("plan", "--detailed-exitcode", "--repo", str(inside))
    aw.ok("set", SCALE, "--yes", "--repo", str(folder))
    refused = aw("apply", "--yes", "--repo", str(folder))
    assert "the commands in platform/airflow/docs/airflow/RUNBOOK.md" in refused.err
    # The Secrets are made in the cluster, which this run cannot log in to.
    refused = aw("secrets", "--yes", "--repo", str(folder))
    assert refused.code == 1
    assert "no Kubernetes credentials found" in refused.err
    assert "secrets --installation airflow" in refused.err
    again = aw(*LOCAL, "--set", "repository.path=platform/airflow")
    assert again.code == 64
    assert "already exists in platform/airflow" in again.err
    # A second installation goes beside the first.
    aw.ok(*LOCAL, "--set", "installation.name=second", "--repo", str(folder))
    assert (folder / "apps/second/airflow-values.yaml").exists()
    assert aw.git.git("status", "--porcelain") == ""


@pytest.fixture
def spread(aw: Wizard, tmp_path: Path) -> Wizard:
    """A monorepo: installations below clusters/prod and clusters/laptop, none at its top."""
    file = answers_file(tmp_path / "a.yaml", {"repository.path": "clusters/prod"})
    aw.ok("commit", "--yes", "--answers", str(file))
    aw.ok(*LOCAL, "--set", "repository.path=clusters/laptop", "--set", "installation.name=mine")
    return aw


@pytest.mark.parametrize("every", [[], ["--all"]])
def test_check_at_the_top_of_a_monorepo_checks_every_folder(
    spread: Wizard, every: list[str]
) -> None:
    done = spread.ok("check", *every)
    assert [line.partition(":")[0] for line in done.out.splitlines()] == [
        "mine in clusters/laptop",
        "airflow in clusters/prod",
    ]
    notes = [line for line in done.err.splitlines() if line.startswith("note: chart ")]
    assert notes, "what the next chart drops is said"
    assert len(notes) == len(set(notes)), "and once for all installations"

    spread.git.commit({"README.md": "x\n", "argocd/root.yaml": "kind: ConfigMap\n"})
    assert "files outside the installations: ok, 2 files checked" in spread.ok("check", *every).out
    results = json.loads(spread.ok("check", "--json", *every).out)
    assert [one.get("folder", "") for one in results] == ["clusters/laptop", "clusters/prod", ""]
    (one,) = json.loads(spread.ok("check", "--json", "--installation", "mine").out)
    assert one["folder"] == "clusters/laptop"
    missing = spread("check", "--installation", "none")
    assert missing.code == 64
    assert str(spread.folder / "clusters/prod") in missing.err


def test_a_smuggled_host_key_is_found_from_the_top(spread: Wizard) -> None:
    path = "clusters/prod/apps/airflow/airflow-values.yaml"
    text = (spread.folder / path).read_text()
    line = next(one for one in text.splitlines() if "github.com ssh-ed25519" in one)
    spread.edit(path, line, re.sub("AAAA[^ ]*", host_key(9).key, line))

    done = spread("check")

    assert done.code in {4, 5}
    assert "airflow in clusters/prod: not ok" in done.out
    assert "mine in clusters/laptop: ok" in done.out


def test_what_is_foreign_is_found_beside_the_folders(spread: Wizard) -> None:
    spread.git.commit({"other/values.yaml": "executor: CeleryExecutor\nfernetKey: abcdefgh\n"})

    done = spread("check")

    assert done.code == 4
    assert "files outside the installations: not ok" in done.out
    assert "error: other/values.yaml" in done.out
    assert spread("check", "--repo", str(spread.folder / "clusters/prod")).code == 0


def test_plan_all_at_the_top_of_a_monorepo_and_the_folders_elsewhere(spread: Wizard) -> None:
    done = spread.ok("plan", "--all", "--detailed-exitcode")
    assert "mine in clusters/laptop:\n" in done.out
    plans = json.loads(spread.ok("plan", "--all", "--json").out)
    assert [one["folder"] for one in plans] == ["clusters/laptop", "clusters/prod"]

    for args in (["set", SCALE, "--yes"], ["plan"], ["commit", "--yes"], ["apply"]):
        refused = spread(*args)
        assert refused.code == 64
        assert f"installations are in {spread.folder}/clusters/laptop, " in refused.err
    new = spread.ok(*LOCAL)
    assert f"this is a new installation; installations are in {spread.folder}/clusters" in new.err
    # With one at the top too, all of them are checked, and each is planned.
    top = json.loads(spread.ok("check", "--json").out)
    assert [one.get("folder", "") for one in top] == ["", "clusters/laptop", "clusters/prod"]
    assert len(json.loads(spread.ok("plan", "--all", "--json").out)) == 3


def test_the_screens_and_ask_name_the_folders(spread: Wizard) -> None:
    from wizard.cli.interactive import require_start
    from wizard.cli.options import Options
    from wizard.cli.selection import open_workspace_read_only

    given = Options(repo=str(spread.folder))
    with pytest.raises(UsageError) as caught:
        require_start(given, open_workspace_read_only(given))
    assert str(spread.folder / "clusters/prod") in caught.value.hint


def test_a_second_installation_takes_nothing_from_the_first(aw: Wizard, tmp_path: Path) -> None:
    file = str(answers_file(tmp_path / "a.yaml", {}))
    aw.ok("commit", "--yes", "--answers", file)
    name = ("--set", "installation.name=two")
    before = aw.git.state()

    done = aw("commit", "--yes", "--answers", file, *name)

    assert done.code == 3
    assert aw.git.state() == before
    assert "release airflow in namespace airflow belongs to installation airflow" in done.err
    assert "AppProject airflow belongs to installation airflow" in done.err
    assert "Vault role external-secrets-airflow with its policy belongs" in done.err
    (options,) = [one for one in done.err.splitlines() if "add --set" in one]
    given = options[options.index("--set") :].split()
    aw.ok("commit", "--yes", "--answers", file, *name, *given)
    aw.ok("check", "--all")
    # Both keep what they have: nothing is taken, and nothing is refused.
    aw.ok("set", SCALE, "--yes", "--installation", "airflow")
    aw.ok("plan", "--all", "--detailed-exitcode")
    back = aw("set", "installation.namespace=airflow", "--installation", "two", "--yes")
    assert back.code == 3
    assert "installation.namespace" in back.err
    again = aw("commit", "--yes", "--answers", file, "--preset", "local", "--installation", "two")
    assert again.code == 64
    assert "--set secrets.vault.role=external-secrets-NAME" in again.err


def test_one_that_cannot_be_read_does_not_stop_a_new_one(local: Wizard) -> None:
    local.git.commit({".airflow-wizard/broken/answers.yaml": "a: [\n"})
    local.ok(*LOCAL, "--set", "installation.name=second")


@pytest.mark.parametrize("path", ["../up", "/etc", ".git", "a/../../b", ".GIT/x", "~", "-x"])
def test_a_folder_outside_the_repository_is_refused(aw: Wizard, path: str) -> None:
    state = aw.git.state()

    done = aw(*LOCAL, "--set", f"repository.path={path}")

    assert done.code == 3
    assert "repository.path" in done.err
    assert aw.git.state() == state


def test_an_empty_folder_of_a_repository_is_that_repository(aw: Wizard) -> None:
    inside = aw.folder / "inside"
    inside.mkdir()

    aw.ok(*LOCAL, "--repo", str(inside))

    assert not (inside / ".git").exists()
    assert (aw.folder / "apps").is_dir()


def test_a_work_branch_and_a_push_with_a_merge_request(local: Wizard, tmp_path: Path) -> None:
    remote = GitFolder.init(tmp_path / "remote.git", "--bare")
    local.git.git("remote", "add", "origin", remote.path)
    assert "next: git push origin main" in local.ok("set", SCALE, "--yes").err

    done = local.ok("set", "executor.workers.replicas=4", "--yes", "--branch", "scale", "--push",
                    "--pr", "--message", "Scale the workers")  # fmt: skip

    assert "pushed scale to origin" in done.err
    assert remote.git("log", "--format=%s", "-1", "scale") == "Scale the workers"
    assert "merge of scale into main" in done.err
    assert local.git.git("symbolic-ref", "--short", "HEAD") == "scale"
    local.ok("set", "executor.workers.replicas=5", "--yes", "--branch", "scale")


def test_a_push_that_failed_is_caught_up(local: Wizard, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    local.git.git("remote", "add", "origin", remote)

    done = local("set", SCALE, "--yes", "--push")

    assert done.code == 1
    made = local.git.git("rev-parse", "--short=12", "HEAD")
    assert f"committed {made}, but not pushed: {remote}" in done.err
    assert "the repository does not exist" in done.err
    bare = GitFolder.init(remote, "--bare")
    assert "pushed" not in local.ok("set", SCALE, "--yes").err
    assert "pushed main to origin" in local.ok("set", SCALE, "--yes", "--push").err
    assert bare.git("rev-parse", "--short=12", "main") == made
    again = local.ok("set", SCALE, "--yes", "--push")
    assert "nothing to change" in again.err
    assert "pushed" not in again.err


def test_a_recorded_wish_to_push_is_caught_up_too(local: Wizard, tmp_path: Path) -> None:
    remote = GitFolder.init(tmp_path / "remote.git", "--bare")
    local.ok("set", "repository.push=true", "--yes", "--no-commit")
    local.git.git("add", "-A")
    local.git.git("commit", "-qm", "by hand")
    local.git.git("remote", "add", "origin", remote.path)

    assert "pushed main to origin" in local.ok("commit", "--yes").err
    assert remote.git("rev-parse", "main") == local.git.git("rev-parse", "HEAD")


def test_no_remote_no_advice_to_push(local: Wizard) -> None:
    done = local.ok("set", SCALE, "--yes")

    assert "git push" not in done.err
    assert local("set", "executor.workers.replicas=4", "--yes", "--push").code == 64


def test_written_without_a_commit_and_then_committed(local: Wizard) -> None:
    local.ok("set", SCALE, "--yes", "--no-commit")
    assert "replicas: 3" in (local.folder / "apps/airflow/airflow-values.yaml").read_text()
    plan = local.ok("plan")
    assert "answers.yaml has uncommitted edits" in plan.out

    local.ok("set", SCALE, "--yes")

    assert local.git.git("status", "--porcelain") == ""


def test_a_first_installation_that_was_only_written(aw: Wizard) -> None:
    aw.ok(*LOCAL, "--no-commit")
    file = aw.folder / ".airflow-wizard/airflow/answers.yaml"

    done = aw("plan")

    assert done.code == 64
    assert f"{file} is not committed: commit it, or give it as --answers" in done.err
    aw.ok("commit", "--yes", "--answers", str(file))
    assert aw.git.git("status", "--porcelain") == ""


def test_edited_answers_are_taken_by_name(local: Wizard) -> None:
    path = local.folder / ".airflow-wizard/airflow/answers.yaml"
    path.write_text(path.read_text().replace("replicas: 1", "replicas: 2"))
    plain = local("plan", "--detailed-exitcode")
    assert plain.code == 0
    assert f"--answers {path}" in plain.out

    local.ok("commit", "--yes", "--answers", str(path))

    assert local.git.git("status", "--porcelain") == ""
    assert "replicas: 2" in local.git.git("show", "HEAD:apps/airflow/airflow-values.yaml")


def test_answers_replace_the_committed_ones(local: Wizard, tmp_path: Path) -> None:
    local.ok("set", SCALE, "environment.reloader=true", "--yes", *ACCEPT_ALL)
    file = tmp_path / "answers.yaml"
    file.write_text(local.git.git("show", "HEAD~1:.airflow-wizard/airflow/answers.yaml"))

    local.ok("commit", "--yes", "--answers", str(file), "--set", "executor.workers.replicas=2")

    saved = (local.folder / ".airflow-wizard/airflow/answers.yaml").read_text()
    assert "reloader: false" in saved
    assert "replicas: 2" in saved


def test_what_was_set_and_does_not_count_is_said(local: Wizard) -> None:
    done = local.ok("set", "database.host=", "--yes")

    assert "database.host has no effect: it is used with an external database" in done.err


def test_the_paths_move_with_their_answer(local: Wizard) -> None:
    local.ok("set", "repository.paths.apps=deploy", "--yes")

    files = local.git.git("ls-files").splitlines()
    assert "deploy/airflow/airflow-values.yaml" in files
    assert not [file for file in files if file.startswith("apps/")]


def test_a_repository_of_others_is_checked_as_it_is(aw: Wizard) -> None:
    aw.git.commit({"README.md": "nothing here\n"})
    told = aw.ok("check").out.splitlines()
    assert told[0].startswith("warning: (repository): not judged: no Helm values of")
    state = "ok as far as it can be judged here"
    assert told[1:] == [f"no installation of the wizard: {state}, 1 file checked"]
    aw.git.commit({"values.yaml": "executor: CeleryExecutor\nfernetKey: abcdefgh\n"})

    done = aw("check", "--json")

    assert done.code == 4
    (result,) = json.loads(done.out)
    assert {"secret.inline-value"} <= {finding["rule"] for finding in result["findings"]}
    assert "abcdefgh" not in done.out
    assert aw("check", "--installation", "airflow").code == 64


def test_committed_answers_that_were_not_rendered_are_noted(local: Wizard) -> None:
    local.edit(".airflow-wizard/airflow/answers.yaml", "replicas: 1", "replicas: 2")

    done = local.ok("check")

    assert "airflow-values.yaml: differs from the rendered file" in done.out
    assert local("plan", "--detailed-exitcode").code == 2


def test_a_conflict_does_not_make_other_files_look_wrong(aw: Wizard, tmp_path: Path) -> None:
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "a.yaml", {})))
    aw.edit("apps/airflow/airflow-values.yaml", "replicas: 1", "replicas: 2")

    plan = json.loads(aw("plan", "--json", "--set", SCALE).out)

    assert [one["path"] for one in plan["conflicts"]] == ["apps/airflow/airflow-values.yaml"]
    assert [one for one in plan["findings"] if one["severity"] == "error"] == []
    # The way out is told of what is in conflict, and of nothing else.
    assert "--on-conflict" in plan["conflicts"][0]["hint"]
    assert "--on-conflict" not in json.dumps({**plan, "conflicts": []})

"""Committed files that are not read: too large, links and submodules. Each is a finding."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.cli import LOCAL, Wizard, aw, local
from tests.support.rendered import rendering
from tests.support.repository import GitFolder
from wizard.checks.foreign import inspect_links, inspect_repository
from wizard.git import foreign_files
from wizard.git.foreign_files import find_unsafe_links
from wizard.git.repository import WorkTree
from wizard.workspace.surroundings import read_surroundings

__all__ = ["aw", "local"]

LIMIT = 100_000


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_files, "MAX_FILE", LIMIT)


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder.init(tmp_path / "config")


def link(folder: GitFolder, path: str, target: str) -> None:
    place = folder.path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    folder.git("add", "--", path)


def test_a_large_file_is_named_and_not_read(
    folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.commit({
        "a.yaml": "#" * (LIMIT + 1), "b.md": "#" * (LIMIT + 1), "c.yaml": "a: 1\n",
        "d.yaml": "#" * LIMIT,
    })  # fmt: skip
    monkeypatch.setattr(foreign_files, "MAX_TOTAL", LIMIT + 50)
    read = WorkTree.read_many
    seen: list[str] = []

    def record(self: WorkTree, paths: list[str]) -> dict[str, bytes | None]:
        seen.extend(paths)
        return read(self, paths)

    monkeypatch.setattr(WorkTree, "read_many", record)
    count, found = inspect_repository(folder.repo)
    assert count == 2
    assert set(seen) == {"c.yaml", "d.yaml"}
    grades = {one.path: one.severity for one in found if one.rule == "check.unjudged"}
    assert grades == {"a.yaml": "error", "b.md": "warning"}
    assert "not judged: it is larger than" in str(found)
    monkeypatch.setattr(foreign_files, "MAX_TOTAL", LIMIT - 50)
    _, found = inspect_repository(folder.repo)
    assert {one.path for one in found if "files before" in one.message} == {"d.yaml"}


def test_nothing_is_ok_that_nobody_read(folder: GitFolder) -> None:
    """Values as a template or encrypted as a whole are named, also beside no other file."""
    names = ["airflow/values.yaml.gotmpl", "helmfile.yaml.gotmpl", "values.yaml.enc", "v/x.yaml.x"]
    folder.commit(dict.fromkeys(names, "executor: {{ .Values.executor }}\n"))
    count, found = inspect_repository(folder.repo)
    assert count == 0
    named = {(one.path, one.severity) for one in found if one.rule == "check.unjudged"}
    assert named == {(path, "warning") for path in names[:3]}
    assert "check.no-values" in {one.rule for one in found}
    assert inspect_repository(folder.repo, ours=["airflow", "v"])[1] != []


def test_what_a_kustomization_names_is_read_or_named(folder: GitFolder) -> None:
    resources = "resources: [big.yaml, link.yaml, ../shared, missing.yaml]\n"
    folder.commit({
        "apps/airflow/kustomization.yaml": resources,
        "apps/airflow/big.yaml": "#" * (LIMIT + 1),
        "other/kustomization.yaml": "resources: []\n",
    })  # fmt: skip
    link(folder, "apps/airflow/link.yaml", "../../other/x.yaml")
    link(folder, "apps/airflow/Kustomization", "kustomization.yaml")
    link(folder, "argocd/airflow/more.yaml", "../../other/x.yaml")
    link(folder, "apps/shared", "../other")
    folder.git("commit", "-qm", "links")
    files = {"apps/airflow/kustomization.yaml": resources.encode()}
    found = read_surroundings(folder.repo, rendering(), files)
    assert set(found.data) == set(files)
    assert set(found.skipped) == {
        "apps/airflow/big.yaml", "apps/airflow/link.yaml", "apps/airflow/Kustomization",
        "argocd/airflow/more.yaml", "apps/shared",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("links", "unsafe"),
    [
        ({"a/b": "../c"}, {}),
        ({"a/b": "../../c"}, {"a/b": "leaves"}),
        ({"a": "/etc/passwd"}, {"a": "leaves"}),
        ({"a": "a"}, {"a": "itself"}),
        ({"a": "b/c", "b": "a"}, {"a": "itself", "b": "itself"}),
        ({"a/b": "../c/d", "c": ".."}, {"a/b": "leaves", "c": "leaves"}),
        ({"a": "b", "b": "c/../d/./e"}, {}),
        ({"x/y/up": "..", "z": "x/y/up/up/../../../etc"}, {"z": "leaves"}),
        ({"x/y/up": "../..", "z": "x/y/up/z2", "z2": "x"}, {}),
    ],
)
def test_links_that_leave_or_never_end_are_found(
    links: dict[str, str], unsafe: dict[str, str]
) -> None:
    found = find_unsafe_links(links)
    assert set(found) == set(unsafe)
    assert all(unsafe[path] in why for path, why in found.items())


def test_unsafe_links_are_findings_wherever_they_are(folder: GitFolder) -> None:
    folder.commit({"team/a.yaml": "a: 1\n"})
    link(folder, "out", "../..")
    link(folder, "team/fine", "a.yaml")
    folder.git("commit", "-qm", "links")
    assert [one.path for one in inspect_links(folder.repo)] == ["out"]
    inner = folder.repo.with_prefix("team")
    assert [(one.path, one.severity) for one in inspect_links(inner)] == [("../out", "error")]


def submodule(folder: GitFolder, path: str) -> None:
    commit = folder.git("rev-parse", "HEAD")
    folder.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")


def test_links_and_submodules_are_followed_or_named(folder: GitFolder) -> None:
    folder.commit({
        "base/values.yaml": "executor: CeleryExecutor\nfernetKeyy: a\n",
        "chart/Chart.yaml": "name: w\ndependencies: [{name: airflow, version: 1.22.0}]\n",
    })  # fmt: skip
    link(folder, "prod/values.yaml", "../base/values.yaml")
    link(folder, "shared", "base")
    link(folder, "gone.yaml", "nowhere.yaml")
    submodule(folder, "charts")
    folder.git("commit", "-qm", "links")
    _, found = inspect_repository(folder.repo)
    named = {one.path: one for one in found if one.rule == "check.unjudged"}
    assert set(named) == {"gone.yaml", "charts"}
    assert "another repository" in named["charts"].message
    assert "smaller" not in named["charts"].fix.text
    # A followed link does not repeat the findings of its target.
    unknown = [one.path for one in found if one.rule == "values.unknown-key"]
    assert unknown == ["base/values.yaml"]


def test_unsafe_links_count_once_and_only_where_a_controller_reads(aw: Wizard) -> None:
    aw.ok(*LOCAL)
    aw.ok(*LOCAL, "--set", "installation.name=two", "--set", "installation.namespace=two")
    link(aw.git, "out", "/etc")
    aw.git.git("commit", "-qm", "link")
    done = aw("check", "--all")
    assert (done.code, done.out.count("a symbolic link that is not safe")) == (0, 1), done
    assert "warning: out: " in done.out


def test_what_is_only_on_disk_makes_no_run_hang(local: Wizard) -> None:
    os.mkfifo(local.folder / "apps/airflow/pipe.yaml")
    assert local("check").code == 0
    values = local.folder / "apps/airflow/airflow-values.yaml"
    values.unlink()
    os.mkfifo(values)
    for command in ("check", "plan"):
        done = local(command)
        assert done.code in {0, 4, 5}, str(done)
    done = local("set", "environment.timezone=Europe/Berlin", "--yes")
    assert done.code in {4, 5}, str(done)
    values.unlink()
    with values.open("wb") as file:
        file.truncate(3 << 30)
    assert local("check").code == 0
    done = local("set", "environment.timezone=Europe/Berlin", "--yes")
    assert done.code in {4, 5}, str(done)

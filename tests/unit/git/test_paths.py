"""Which paths are never written, and which cannot stand side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.git.paths import find_overlaps, fold_path, parent_folders, path_problem


@pytest.mark.parametrize(
    "path",
    [
        "apps/airflow/airflow-values.yaml",
        ".airflow-wizard/airflow/answers.yaml",
        "argocd/airflow/bootstrap/project.yaml",
        "image/airflow/Dockerfile",
        "a b/ä/漢.md",
        "docs/git/x.gitignore",
        "x/digits~1",
        "jenkins/file",
    ],
)
def test_ordinary_paths_pass(path: str) -> None:
    assert path_problem(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "not a path below"),
        ("/etc/passwd", "not a path below"),
        ("../x", "not a plain path"),
        ("a/../../x", "not a plain path"),
        ("a//b", "not a plain path"),
        ("./a", "not a plain path"),
        ("a/", "not a plain path"),
        ("a\\b", "backslash or colon"),
        ("C:/x", "backslash or colon"),
        ("a/.git::$INDEX_ALLOCATION/x", "backslash or colon"),
        ("a/file:stream", "backslash or colon"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("a/\u202egnp.yaml", "control"),
        (".g\u200cit/config", "control"),
        ("a./b", "ends in a dot"),
        ("a /b", "ends in a dot"),
        (".git/config", "belongs to Git"),
        (".GIT/config", "belongs to Git"),
        ("x/.Git", "belongs to Git"),
        (".git ", "ends in a dot"),
        (".git.", "ends in a dot"),
        ("git~1/config", "belongs to Git"),
        ("GIT~2", "belongs to Git"),
        ("gi7eba~1", "belongs to Git"),
        ("gitmod~1", "belongs to Git"),
        ("a/.gitmodules", "belongs to Git"),
        ("a/.gitattributes", "belongs to Git"),
        (".gitignore", "belongs to Git"),
        (".github/workflows/x.yml", "belongs to Git"),
        (".gitlab-ci.yml", "belongs to Git"),
        (".gitea/workflows/x", "belongs to Git"),
        (".G\u0130T/x", ""),
        ("Jenkinsfile", "CI system"),
        ("ci/jenkinsfile.groovy", "CI system"),
        (".circleci/config.yml", "CI system"),
        ("azure-pipelines.yml", "CI system"),
        ("azure-pipelines-release.yaml", "CI system"),
        ("bitbucket-pipelines.yml", "CI system"),
        (".drone.yml", "CI system"),
        (".woodpecker/x.yml", "CI system"),
        (".woodpecker.yml", "CI system"),
        (".buildkite/pipeline.yml", "CI system"),
        (".forgejo/workflows/x", "CI system"),
        (".travis.yml", "CI system"),
        (".pre-commit-config.yaml", "CI system"),
        (".husky/pre-commit", "CI system"),
        (".envrc", "CI system"),
        ("x" * 256, "more than 255 bytes"),
        ("ä" * 128, "more than 255 bytes"),
    ],
)
def test_these_are_never_written(path: str, why: str) -> None:
    assert why in path_problem(path)


@given(st.text(max_size=30))
def test_what_passes_stays_below_the_top(path: str) -> None:
    if not path_problem(path):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert path.isprintable()
        assert ".git" not in [fold_path(part)[:4] for part in path.split("/")]


def test_parents_from_the_top() -> None:
    assert list(parent_folders("a/b/c")) == ["a", "a/b"]
    assert list(parent_folders("a")) == []


@pytest.mark.parametrize(
    ("paths", "pairs"),
    [
        (["a/b", "a/c"], []),
        (["a/b", "A/b"], [("A/b", "a/b"), ("A", "a/b")]),
        (["x/Values", "x/values"], [("x/Values", "x/values")]),
        (["a", "a/b"], [("a", "a/b")]),
        (["\u00e4", "a\u0308"], [("a\u0308", "\u00e4")]),
        (["stra\u00dfe", "strasse"], [("strasse", "stra\u00dfe")]),
    ],
)
def test_paths_that_some_systems_take_for_one(
    paths: list[str], pairs: list[tuple[str, str]]
) -> None:
    assert find_overlaps(paths) == pairs

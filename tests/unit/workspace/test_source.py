"""What the answers record as the repository's name where nothing else names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.rendered import answers
from tests.support.repository import GitFolder
from wizard.answers.files import validate_answers
from wizard.manifests.ownership import owner_id
from wizard.plan.derive import derive_release
from wizard.workspace.source import with_source

HELM = {"delivery.kind": "helm"}


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("ssh://git@git.example.com/team/airflow.git", "git.example.com/team/airflow"),
        ("git@git.example.com:team/airflow.git", "git.example.com/team/airflow"),
        ("https://git.example.com/team/airflow", "git.example.com/team/airflow"),
        ("https://ada:sEcReT@git.example.com/team/airflow", "git.example.com/team/airflow"),
        ("/srv/git/air flow.git", "srv/git/air-flow"),
        ("airflow.git", "remote/airflow"),
    ],
)
def test_the_remote_names_it_without_credentials(tmp_path: Path, url: str, source: str) -> None:
    git = GitFolder.init(tmp_path / "repository")
    git.git("remote", "add", "origin", url)
    found = with_source(answers("production", HELM), git.repo)
    assert found.repository.source == source
    # It is valid where it is read again, and the same for every spelling.
    assert not validate_answers(found.model_dump(by_alias=True)).problems
    assert derive_release(found).owner_id == owner_id(source, ".", "airflow")


def test_without_a_remote_it_is_the_first_commit_of_every_clone(tmp_path: Path) -> None:
    git = GitFolder.init(tmp_path / "repository")
    given = answers("production", HELM)
    git.commit({"a": "1"})
    git.repo.refresh()
    first = with_source(given, git.repo).repository.source
    assert first.startswith("commit/")
    git.commit({"a": "2"})
    git.repo.refresh()
    assert with_source(given, git.repo).repository.source == first
    other = GitFolder.init(tmp_path / "other")
    other.commit({"a": "other"})
    other.repo.refresh()
    assert with_source(given, other.repo).repository.source not in {first, ""}


def test_the_first_commit_of_a_new_repository_names_it_too(tmp_path: Path) -> None:
    given = answers("production", HELM)
    folders = [GitFolder.init(tmp_path / name) for name in ("one", "two")]
    names = [with_source(given, git.repo).repository.source for git in folders]
    assert names == [with_source(given, git.repo).repository.source for git in folders]
    assert len(set(names)) == 2
    for git, name in zip(folders, names, strict=True):
        assert name.startswith("new/")
        found = with_source(given, git.repo)
        assert not validate_answers(found.model_dump(by_alias=True)).problems
        assert derive_release(found).owner_id == f"{name}#airflow"
        # Once it is recorded, it stays.
        git.commit({"a": "1"})
        git.repo.refresh()
        assert with_source(found, git.repo) is found


def test_what_is_named_already_stays(tmp_path: Path) -> None:
    git = GitFolder.init(tmp_path / "repository")
    git.git("remote", "add", "origin", "git@git.example.com:team/airflow.git")
    for given in (
        answers(),
        answers("production", {**HELM, "repository.source": "git.example.com/old/place"}),
        answers("local"),
    ):
        assert with_source(given, git.repo) is given


def test_a_repository_that_moves_keeps_its_name() -> None:
    before = derive_release(answers()).owner_id
    new = {"delivery.argocd.repo_url": "ssh://git@new.example.com/platform/k8s-infra.git"}
    assert derive_release(answers("production", new)).owner_id != before
    kept = {**new, "repository.source": "git.example.com/platform/k8s-infra"}
    assert derive_release(answers("production", kept)).owner_id == before

"""What this machine suggests: from Git remotes and variables, never with a secret."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wizard.formats.addresses import parse_git_url
from wizard.git.repository import WorkTree
from wizard.workspace.suggestions import Suggestion, find_suggestions

CONFIG = "ssh://git@git.example.com:2222/platform/k8s-infra.git"
REPO_URL, DAGS = "delivery.argocd.repo_url", "dags.repo"


@pytest.fixture
def repository(tmp_path: Path) -> WorkTree:
    return WorkTree.init(tmp_path)


def add(repository: WorkTree, name: str, url: str) -> None:
    subprocess.run(["git", "-C", repository.top, "remote", "add", name, url], check=True)


def test_the_remote_is_the_config_repository_and_has_the_host_of_the_dags(
    repository: WorkTree,
) -> None:
    add(repository, "origin", CONFIG)
    found = find_suggestions(repository, {})
    assert found[REPO_URL] == Suggestion(CONFIG, "git remote origin")
    assert found[DAGS] == Suggestion(
        "ssh://git@git.example.com:2222/", "the host of git remote origin", partial=True
    )
    with pytest.raises(ValueError, match="path after the host"):
        parse_git_url(found[DAGS].value)


def test_a_remote_named_after_dags_is_the_repository_of_the_dags(repository: WorkTree) -> None:
    add(repository, "origin", CONFIG)
    add(repository, "upstream", "git@git.example.com:data/airflow-dags.git")
    found = find_suggestions(repository, {})
    assert found[REPO_URL].value == CONFIG
    assert found[DAGS] == Suggestion(
        "git@git.example.com:data/airflow-dags.git", "git remote upstream"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:hunter2@git.example.com/platform/k8s-infra.git",
        "https://token@git.example.com/platform/k8s-infra.git",
        "../k8s-infra.git",
        "/srv/git/k8s-infra.git",
        "http://git.example.com/platform/k8s-infra.git",
        "work:platform/k8s-infra.git",
    ],
)
def test_a_url_with_a_secret_or_that_pods_cannot_clone_is_not_suggested(
    repository: WorkTree, url: str
) -> None:
    add(repository, "origin", url)
    assert find_suggestions(repository, {}) == {}


def test_variables_of_vault_are_suggested_if_their_questions_take_them(
    repository: WorkTree, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    variables = {
        "VAULT_ADDR": "https://vault.example.internal:8200",
        "VAULT_CACERT": str(ca),
        "VAULT_NAMESPACE": "team-a",
        "VAULT_TOKEN": "hvs.sentinel",
    }
    found = find_suggestions(repository, variables)
    assert found["secrets.vault.server"] == Suggestion(variables["VAULT_ADDR"], "$VAULT_ADDR")
    assert found["secrets.vault.ca.file"] == Suggestion(str(ca), "$VAULT_CACERT")
    assert found["secrets.vault.namespace"] == Suggestion("team-a", "$VAULT_NAMESPACE")
    assert "sentinel" not in str(found)


@pytest.mark.parametrize(
    "variables",
    [
        {"VAULT_ADDR": "http://127.0.0.1:8200"},
        {"VAULT_ADDR": "https://localhost:8200"},
        {"VAULT_CACERT": "/does/not/exist.pem"},
        {"VAULT_NAMESPACE": " "},
        {},
    ],
)
def test_addresses_of_this_machine_alone_are_not_suggested(
    repository: WorkTree, variables: dict[str, str]
) -> None:
    assert find_suggestions(repository, variables) == {}

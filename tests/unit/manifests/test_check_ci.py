"""The job that checks changes is the same for every installation, sound, and without secrets."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import findings, rendering
from wizard import __version__
from wizard.clients.forge_pages import find_kind

FORGES = ("github", "gitlab", "azure")


def job(forge: str, **more: object) -> str:
    made = rendering("production", {"repository.check_ci": forge, **more})
    assert not findings(made)
    file = made.tree.by_logical("check-ci")
    assert file.path == f"{made.release.paths.docs}/ci/{forge}.yml"
    return file.text


def script_of(found: Any) -> str:
    """The text that the job runs, wherever the forge has it."""
    texts = [one for one in _texts(found) if "airflow-wizard" in one and "\n" in one]
    assert len(texts) == 1
    return texts[0]


def _texts(node: Any) -> list[str]:
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node] if isinstance(node, str) else [text for one in below for text in _texts(one)]


@pytest.mark.parametrize("forge", FORGES)
def test_the_job_is_sound_and_pinned(forge: str, tmp_path: Path) -> None:
    text = job(forge)
    script = script_of(yaml.safe_load(text))
    for program in (["sh", "-n"], ["bash", "-n"], ["shellcheck", "-s", "sh", "-S", "warning"]):
        if shutil.which(program[0]):
            path = tmp_path / "job.sh"
            path.write_text(script)
            done = subprocess.run([*program, path], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"*' {__version__}')" in script
    assert "airflow-wizard check --all" in script
    assert all(re.fullmatch(r"[0-9a-f]{40}", one) for one in re.findall(r"uses: \S+@(\S+)", text))
    assert not re.search(r"secrets\.|pip\" install[^\n]* airflow-wizard\b", text)


@pytest.mark.parametrize("forge", FORGES)
def test_all_installations_have_the_same_job(forge: str) -> None:
    other = {"installation.name": "other", "repository.path": "clusters/one",
             "repository.branch": "live"}  # fmt: skip
    assert job(forge) == job(forge, **other)


@pytest.mark.parametrize(
    ("url", "forge"),
    [
        ("ssh://git@github.com/acme/infra.git", "github"),
        ("https://gitlab.com/acme/data/infra.git", "gitlab"),
        ("ssh://git@gitlab.example.com/acme/infra.git", "gitlab"),
        ("ssh://git@ssh.dev.azure.com/v3/acme/data/infra", "azure"),
        ("https://acme.visualstudio.com/data/_git/infra", "azure"),
        ("ssh://git@git.example.com/acme/infra.git", ""),
        ("https://bitbucket.org/acme/infra.git", ""),
    ],
)
def test_the_forge_is_that_of_the_address(url: str, forge: str) -> None:
    changes: dict[str, object] = {"delivery.argocd.repo_url": url}
    tree = rendering("production", changes).tree
    files = [path for path in tree if path.startswith("docs/airflow/ci/")]
    assert files == ([f"docs/airflow/ci/{forge}.yml"] if forge else [])
    runbook = tree.by_logical("runbook").text
    assert ("## Check of changes" in runbook) is bool(forge)
    none = rendering("production", {**changes, "repository.check_ci": "none"}).tree
    assert not [path for path in none if "/ci/" in path]


def test_a_host_is_told_by_its_name() -> None:
    assert find_kind("ssh.github.com") == "github"
    assert find_kind("vs-ssh.visualstudio.com") == "azure"
    assert find_kind("git.example.com") == ""
    assert find_kind("") == ""

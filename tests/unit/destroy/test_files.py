"""Whether an installation was destroyed, from the history of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import GitFolder
from wizard.destroy.files import find_destroy_commit
from wizard.errors import ConflictError
from wizard.git.trailer import format_trailer

PATH = ".airflow-wizard/airflow/answers.yaml"


def remove(git: GitFolder, message: str) -> None:
    """Commit a tree without the wizard's folder."""
    git.git("rm", "-q", "-r", "--", ".airflow-wizard")
    git.git("commit", "-qm", message)


def test_only_the_commit_of_destroy_says_that_it_is_destroyed(tmp_path: Path) -> None:
    git = GitFolder.init(tmp_path / "repository")
    git.commit({"a": "1"})
    git.repo.refresh()
    assert find_destroy_commit(git.repo, "airflow") == ""
    git.commit({PATH: "schema: 1\n"})
    remove(git, "Remove it by hand")
    git.repo.refresh()
    with pytest.raises(ConflictError, match="not by destroy") as found:
        find_destroy_commit(git.repo, "airflow")
    assert "git revert" in found.value.hint
    git.commit({PATH: "schema: 1\n"})
    remove(git, f"Remove it\n\n{format_trailer('sha256:' + '0' * 64)}")
    git.repo.refresh()
    assert find_destroy_commit(git.repo, "airflow") == git.git("rev-parse", "HEAD").strip()


def test_a_merge_that_deletes_the_files_is_not_an_earlier_destroy(tmp_path: Path) -> None:
    """Destroyed, restored and applied again; then somebody removed the files while merging."""
    git = GitFolder.init(tmp_path / "repository")
    git.commit({PATH: "schema: 1\n"})
    remove(git, f"Remove it\n\n{format_trailer('sha256:' + '0' * 64)}")
    destroyed = git.git("rev-parse", "HEAD").strip()
    git.git("branch", "destroyed")
    git.git("revert", "--no-edit", "HEAD")
    git.git("checkout", "-qb", "side")
    git.commit({"b": "1"})
    git.git("checkout", "-q", "main")
    git.commit({"c": "1"})
    git.git("merge", "-q", "--no-ff", "--no-commit", "side")
    remove(git, "Merge side")
    git.repo.refresh()
    with pytest.raises(ConflictError, match="not by destroy") as found:
        find_destroy_commit(git.repo, "airflow")
    assert "git revert -m 1" in found.value.hint
    # A merge that only brings the commit of destroy is no deletion of its own.
    git.git("checkout", "-q", "-b", "target", f"{destroyed}^")
    git.commit({"d": "1"})
    git.git("merge", "-q", "--no-ff", "-m", "Merge destroyed", "destroyed")
    git.repo.refresh()
    assert find_destroy_commit(git.repo, "airflow") == destroyed

"""Whether an installation was destroyed, from the history of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import GitFolder
from wizard.destroy.files import find_destroy_commit
from wizard.errors import ConflictError
from wizard.git.trailer import format_trailer

PATH = ".airflow-wizard/airflow/answers.yaml"


def test_only_the_commit_of_destroy_says_that_it_is_destroyed(tmp_path: Path) -> None:
    git = GitFolder.init(tmp_path / "repository")
    git.commit({"a": "1"})
    git.repo.refresh()
    assert find_destroy_commit(git.repo, "airflow") == ""
    git.commit({PATH: "schema: 1\n"})
    git.git("rm", "-q", "-r", "--", ".airflow-wizard")
    git.git("commit", "-qm", "Remove it by hand")
    git.repo.refresh()
    with pytest.raises(ConflictError, match="not by destroy") as found:
        find_destroy_commit(git.repo, "airflow")
    assert "git revert" in found.value.hint
    git.commit({PATH: "schema: 1\n"})
    git.git("rm", "-q", "-r", "--", ".airflow-wizard")
    git.git("commit", "-qm", f"Remove it\n\n{format_trailer('sha256:' + '0' * 64)}")
    git.repo.refresh()
    assert find_destroy_commit(git.repo, "airflow") == git.git("rev-parse", "HEAD").strip()

"""An Application of somebody else for the same installation, committed after ours."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Wizard, answers_file, aw
from tests.unit.workspace.test_rivals import RIVALS

__all__ = ["aw"]


def test_a_plan_without_changes_names_it(aw: Wizard, tmp_path: Path) -> None:
    answers = answers_file(tmp_path / "answers.yaml", {})
    aw.ok("commit", "--yes", "--answers", str(answers))
    assert "second time" not in aw.ok("plan").out
    aw.git.commit({"clusters/mine.yaml": RIVALS["chart"]}, "by hand")
    done = aw("plan")
    assert done.code == 4, done
    assert "clusters/mine.yaml" in done.out + done.err
    assert "applies this installation a second time" in done.out + done.err

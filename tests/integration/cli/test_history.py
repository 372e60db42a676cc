"""What Git does between two runs: squashes, rebases, picks, reverts, shallow clones, merges.

And what may happen to the merge base: deleted, edited, of another installation or version. The
worst outcome is a question or a refusal that says what to do.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
import yaml

from tests.support.cli import Wizard, aw, local
from wizard import __version__

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
BASE = ".airflow-wizard/airflow/base"
COPY = f"{BASE}/values.base"
FIVE = ("set", "executor.workers.concurrency=5", "--yes")
MARKED = f"{'<' * 7} HEAD\n{{}}=======\n{{}}{'>' * 7} theirs\n"


def concurrency(aw: Wizard) -> tuple[int, int]:
    """The answer, and the value in effect."""
    answers = yaml.safe_load((aw.folder / ANSWERS).read_text())
    values = yaml.safe_load((aw.folder / VALUES).read_text())
    return answers["executor"]["workers"]["concurrency"], int(
        values["config"]["celery"]["worker_concurrency"]
    )


def refused(aw: Wizard, code: int, *args: str) -> str:
    """What a command said that refused, and changed nothing."""
    before = aw.git.state()
    done = aw(*args)
    assert done.code == code, done
    assert aw.git.state() == before
    return done.err


def require_consistent(aw: Wizard, wanted: int) -> None:
    assert concurrency(aw) == (wanted, wanted)
    assert aw.ok("plan", "--detailed-exitcode").out.startswith("No file changes.")
    aw.ok("check")


@pytest.fixture
def branched(local: Wizard) -> Wizard:
    """Two commits on a branch, a run and an edit by hand, beside another edit on main."""
    git = local.git.git
    local.ok(*FIVE, "--branch", "work")
    git("checkout", "-q", "work")
    local.edit(VALUES, "triggerer:\n", "# On the branch.\ntriggerer:\n")
    git("checkout", "-q", "main")
    local.edit(VALUES, "scheduler:\n", "# On main.\nscheduler:\n")
    return local


@pytest.mark.parametrize(
    "commands",
    [
        ("merge -q --squash work", "commit -qm Tuned"),
        ("rebase -q main work", "checkout -q main", "merge -q --ff-only work"),
        ("cherry-pick main..work",),
        ("merge -q --no-edit work",),
    ],
    ids=["squash", "rebase", "cherry-pick", "merge"],
)
def test_a_run_arrives_on_main_in_another_way(branched: Wizard, commands: tuple[str, ...]) -> None:
    for command in commands:
        branched.git.git(*command.split())
    assert concurrency(branched) == (5, 5)
    done = branched.ok("set", "executor.workers.concurrency=6", "--yes")
    assert f"~ {VALUES} (+1 -1; hand edit kept)" in done.out
    text = (branched.folder / VALUES).read_text()
    assert "# On the branch.\n" in text
    assert "# On main.\n" in text
    branched.ok("check")


def test_a_run_that_git_reverted_can_be_repeated(local: Wizard) -> None:
    local.ok(*FIVE)
    local.git.git("revert", "--no-edit", "HEAD")
    require_consistent(local, 4)
    local.ok(*FIVE)
    require_consistent(local, 5)


def test_only_the_picked_files_of_a_run_are_a_hand_edit(local: Wizard) -> None:
    local.ok(*FIVE, "--branch", "work")
    local.git.git("checkout", "-q", "main")
    local.git.git("checkout", "work", "--", VALUES)
    local.git.git("commit", "-qm", "only the values")
    assert "hand edit kept" in local.ok("plan").out
    local.ok(*FIVE)
    require_consistent(local, 5)


def test_a_shallow_clone_is_enough_for_a_change(
    local: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ok(*FIVE)
    local.edit(VALUES, "triggerer:\n", "# Kept.\ntriggerer:\n")
    shallow = local.folder.parent / "shallow"
    command = ["git", "clone", "-q", "--depth=1", f"file://{local.folder}", str(shallow)]
    subprocess.run(command, check=True)
    clone = Wizard(shallow, monkeypatch)
    clone.ok("set", "executor.workers.concurrency=6", "--yes")
    assert "# Kept.\n" in (shallow / VALUES).read_text()
    assert concurrency(clone) == (6, 6)
    # Without its base, it has no history to restore it from.
    clone.git.git("rm", "-rq", BASE)
    clone.git.git("commit", "-qm", "gone")
    assert "git fetch --unshallow" in refused(clone, 5, *FIVE)


def test_a_deleted_base_is_written_again_or_named(local: Wizard) -> None:
    local.git.git("rm", "-rq", BASE)
    local.git.git("commit", "-qm", "gone")
    gone = local.git.git("rev-parse", "--short", "HEAD")
    local.git.git("branch", "untouched")
    local.edit(VALUES, "triggerer:\n", "# Mine.\ntriggerer:\n")
    for side in ((), ("--on-conflict", "new")):
        said = refused(local, 5, *FIVE, *side)
        assert f"which was deleted from {BASE}" in said
        assert f"git checkout {gone}~1 -- {BASE}" in said
    local.git.git("checkout", f"{gone}~1", "--", BASE)
    local.git.git("commit", "-qm", "restored")
    local.ok(*FIVE)
    assert "# Mine.\n" in (local.folder / VALUES).read_text()
    # What differs nowhere from the rendering needs no base.
    local.git.git("checkout", "-q", "-B", "main", "untouched")
    local.ok("commit", "--yes")
    local.ok(*FIVE)
    require_consistent(local, 5)


def test_an_edited_base_hides_no_change(local: Wizard) -> None:
    """Someone replaced a text in all files: nothing says that it was a person; a plan shows it."""
    for path in (VALUES, COPY):
        local.edit(path, "worker_concurrency: 4", "worker_concurrency: 9")
    shown = local.ok("plan").out
    assert "-    worker_concurrency: 9\n+    worker_concurrency: 4" in shown
    assert local("plan", "--detailed-exitcode").code == 2
    assert concurrency(local) == (4, 9)


def test_a_base_of_another_installation_is_one_refusal(local: Wizard) -> None:
    names = ("name", "namespace", "release")
    more = [part for name in names for part in ("--set", f"installation.{name}=second")]
    local.ok("commit", "--preset", "local", "--yes", *more)
    shutil.rmtree(local.folder / BASE)
    shutil.copytree(local.folder / ".airflow-wizard/second/base", local.folder / BASE)
    local.git.git("add", "-A")
    local.git.git("commit", "-qm", "copied")
    copied = local.git.git("rev-parse", "--short", "HEAD")
    said = refused(local, 5, "commit", "--yes", "--installation", "airflow")
    assert f"{BASE}/index: lists only files that the answers of airflow do not lead to" in said
    assert f"git checkout {copied}~1 -- {BASE}" in said
    assert "git rm" not in said
    local.git.git("checkout", f"{copied}~1", "--", BASE)
    local.git.git("commit", "-qm", "restored")
    local.ok("check")


def test_a_newer_base_is_left_alone(local: Wizard) -> None:
    for old, new in ((f"version {__version__}", "version 99.0.0"), ("format 1", "format 9")):
        local.edit(f"{BASE}/index", old, new)
        for command in (FIVE, ("plan",), ("check",), ("commit", "--yes")):
            assert "newer Airflow Wizard" in refused(local, 5, *command)


def test_markers_of_a_merge_are_named_wherever_they_are(local: Wizard) -> None:
    """Two people's branches, and someone committed the file without resolving it."""
    lines = ("    concurrency: 8\n", "    concurrency: 9\n")
    state = local.git.git("rev-parse", "HEAD")
    text = (local.folder / "docs/airflow/RUNBOOK.md").read_text()
    for path, line, code, command in (
        (ANSWERS, "    concurrency: 4\n", 3, FIVE),
        (VALUES, "    worker_concurrency: 4\n", 5, FIVE),
        (VALUES, "    worker_concurrency: 4\n", 5, ("plan",)),
        (VALUES, "    worker_concurrency: 4\n", 5, ("check",)),
        (COPY, "    worker_concurrency: 4\n", 5, ("plan",)),
        (f"{BASE}/index", "format 1\n", 5, ("plan",)),
        ("docs/airflow/RUNBOOK.md", text.splitlines(keepends=True)[2], 4, ("check",)),
    ):
        text = (local.folder / path).read_text()
        local.git.commit({path: text.replace(line, MARKED.format(*lines), 1)}, "unresolved")
        done = local(*command)
        said = done.out + done.err
        assert done.code == code, (path, done)
        assert path in said
        assert "unresolved merge by Git" in said, said
        assert "cannot be kept" not in said
        local.git.git("reset", "-q", "--hard", state)


def test_a_conflict_that_people_resolved_wrongly_is_shown(local: Wizard) -> None:
    """Two branches set one answer; each file is resolved for either side."""
    git = local.git.git
    files = (ANSWERS, VALUES, COPY)
    for branch, wanted in (("left", 5), ("right", 6)):
        local.ok("set", f"executor.workers.concurrency={wanted}", "--yes", "--branch", branch)
        git("checkout", "-q", "main")
    for sides in list(itertools.product(("left", "right"), repeat=3))[:4]:
        git("checkout", "-q", "-B", "merged", "left")
        git("merge", "-q", "--no-commit", "right", ok=(0, 1))
        for path, side in zip(files, sides, strict=True):
            git("checkout", "-q", side, "--", path)
        git("commit", "-qm", "merged")
        git("branch", "-f", "main", "merged")
        git("checkout", "-q", "main")
        answer, value = concurrency(local)
        done = local.ok("plan")
        if answer != value:
            # It is shown either as an edit that stays, or as a line that changes.
            kept = f"{VALUES} (unchanged; hand edit kept)" in done.out
            changes = f"-    worker_concurrency: {value}\n" in done.out
            assert kept != changes, done.out
            assert kept == (sides[0] == sides[2])
        else:
            assert "No file changes." in done.out
        git("checkout", "-q", "-B", "main", "left")


def test_answers_edited_beside_the_values_are_a_question(local: Wizard) -> None:
    local.edit(ANSWERS, "concurrency: 4", "concurrency: 8")
    local.edit(VALUES, "worker_concurrency: 4", "worker_concurrency: 6")
    said = refused(local, 5, "commit", "--yes")
    assert f"{VALUES}: config.celery.worker_concurrency was changed by hand and by the ans" in said
    local.ok("commit", "--yes", "--adopt", "config.celery.worker_concurrency")
    require_consistent(local, 6)
    local.edit(ANSWERS, "concurrency: 6", "concurrency: 8")
    local.edit(VALUES, "worker_concurrency: 6", "worker_concurrency: 8")
    local.ok("commit", "--yes")
    require_consistent(local, 8)

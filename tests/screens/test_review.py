"""The review: it reports what blocks a commit, and commits exactly what it shows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from screens.pages.diff_view import MAX_LINES, render_diff
from screens.pages.result import ResultScreen
from screens.pages.review import ReviewScreen
from screens.steps import HOST_KEYS
from screens.widgets.dialogs import MessageDialog
from screens.widgets.prompts import ConfirmListDialog, PromptDialog
from tests.screens.support import (
    ADA,
    COMPLETE,
    SELF_HOSTED,
    answers,
    done,
    jump,
    opened,
    page,
    press,
    reopened,
    type_text,
    wizard,
)
from tests.support.screens import settled
from wizard.errors import Fix, RefusedError
from wizard.plan.diff import DiffLine

VALUES = "apps/airflow/airflow-values.yaml"


def git(top: Path, *args: str) -> str:
    command = ["git", "-C", str(top), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def committed(folder: Path) -> Path:
    """Return a repository with the committed installation of the local preset."""
    workspace = opened(folder)
    workspace.commit(workspace.propose(answers("local")))
    return folder / "k8s-infra"


async def test_a_missing_answer_is_one_key_away(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "! 4 answers missing or invalid: enter goes there" in shown
        await press(pilot, "down", "down", "enter")
        assert page(pilot).page_name == "secrets"
        assert page(pilot).focused_row.item.key == "secrets.vault.server"  # type: ignore[attr-defined]


async def test_missing_evidence_counts_as_an_answer_and_enter_goes_to_its_page(
    tmp_path: Path,
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "! 1 answer missing, enter goes there: DAGs: Host keys" in shown
        await press(pilot, "enter")
        assert page(pilot).page_name == HOST_KEYS
        await press(pilot, "escape")
        assert isinstance(page(pilot), ReviewScreen)
    assert list((tmp_path / "k8s-infra").iterdir()) == [tmp_path / "k8s-infra" / ".git"]


async def test_enter_on_a_refusal_leads_to_the_question_that_settles_it(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s")
        review = page(pilot)
        assert isinstance(review, ReviewScreen)
        # Most checks have such a question, but every front end refuses the answer before.
        review.refusal = RefusedError("a check failed", Fix("choose another", "dags.ref"))
        review.block_reason = "! cannot commit"
        shown = await press(pilot, "enter")
        assert "a check failed" in shown
        assert "> go to DAGs: Ref" in shown
        await press(pilot, "enter")
        assert page(pilot).focused_key == "dags.ref"


def edited_by_hand(tmp_path: Path) -> Path:
    """A committed installation in whose values somebody wrote another concurrency."""
    top = committed(tmp_path)
    values = top / VALUES
    values.write_text(values.read_text().replace("worker_concurrency: 4", "worker_concurrency: 5"))
    git(top, "commit", "-qam", "by hand")
    return top


async def test_a_conflicting_hand_edit_is_shown(tmp_path: Path) -> None:
    top = edited_by_hand(tmp_path)
    values, app = top / VALUES, reopened(top)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        shown = await press(pilot, "ctrl+s")
        assert "! conflict airflow-values.yaml" in shown
        assert "! cannot commit, enter shows details: one file needs a decision" in shown
        for line in ("written last:", "by hand:", "from the answers:", "a  make the hand edit"):
            assert line in shown
        await press(pilot, "m")
        shown = await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        await settled(pilot)
    assert "worker_concurrency: 5" in values.read_text()
    assert "concurrency: 6" in (top / ".airflow-wizard/airflow/answers.yaml").read_text()


async def test_a_third_value_settles_a_conflict(tmp_path: Path) -> None:
    top = edited_by_hand(tmp_path)
    values, app = top / VALUES, reopened(top)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        assert "e edit" in await press(pilot, "ctrl+s")
        assert "value [ 5" in await press(pilot, "e")
        assert "not readable YAML" in await press(pilot, "end", "ctrl+u", "paste:[", "enter")
        await press(pilot, "end", "ctrl+u", "9", "enter")
        assert "the value that you typed counts" in await settled(pilot)
        await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        await settled(pilot)
    assert "worker_concurrency: 9\n" in values.read_text()
    assert "concurrency: 6" in (top / ".airflow-wizard/airflow/answers.yaml").read_text()


async def test_a_hand_edit_becomes_the_answer(tmp_path: Path) -> None:
    top = edited_by_hand(tmp_path)
    app = reopened(top)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        await press(pilot, "ctrl+s", "n")
        shown = await press(pilot, "u")
        assert "! conflict airflow-values.yaml" in shown
        await press(pilot, "a")
        assert page(pilot).draft.answers.executor.workers.concurrency == 5


async def test_a_dirty_file_blocks_the_commit_and_the_review_stays(tmp_path: Path) -> None:
    top = committed(tmp_path)
    app = reopened(top)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        await press(pilot, "ctrl+s")
        (top / VALUES).write_text("dirty: true\n")
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, MessageDialog)
        assert "airflow-values.yaml" in shown
        await press(pilot, "escape")
        assert isinstance(page(pilot), ReviewScreen)
    assert (top / VALUES).read_text() == "dirty: true\n"


async def test_enter_in_the_diff_commits_too_but_ctrl_n_never(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s", "ctrl+n", "right", "down", "pagedown")
        assert isinstance(page(pilot), ReviewScreen)
        await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        shown = await settled(pilot)
        assert "Create the cluster and install Airflow" in shown
        assert VALUES in shown
        await press(pilot, "ctrl+q")
    top = tmp_path / "k8s-infra"
    assert git(top, "rev-parse", "HEAD").strip() == done(app).commit


async def test_keys_say_what_enter_does_and_nothing_is_changed_after_the_commit(
    tmp_path: Path,
) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "enter commit" not in shown
        assert " enter question  esc back" in shown
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x")
        shown = await press(pilot, "ctrl+s")
        assert shown.splitlines()[0].endswith("changed")
        assert " enter commit  esc back" in shown
        shown = await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        assert not shown.splitlines()[0].endswith("changed")
        assert not app.draft.has_changes
        assert app.draft.answers.installation.name == "airflowx"
        await press(pilot, "ctrl+q")
    again = reopened(tmp_path / "k8s-infra", "airflowx")
    async with again.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "nothing to commit" in shown
        assert " a apply  esc back" in shown


async def test_enter_twice_commits_once(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s")
        review = page(pilot)
        assert isinstance(review, ReviewScreen)
        assert review.proposal is not None
        app.commit(review.proposal)
        app.commit(review.proposal)
        app.leave()
        await settled(pilot)
        assert isinstance(page(pilot), ResultScreen)
    assert git(tmp_path / "k8s-infra", "rev-list", "--count", "HEAD").strip() == "1"


async def test_a_bug_is_shown_by_its_type_without_its_text(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")

    def broken() -> object:
        raise LookupError("the text may hold a value")

    app.propose = broken  # type: ignore[assignment, method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "a bug (LookupError)" in shown
        assert "may hold a value" not in shown
        await press(pilot, "enter")
        assert app.is_running


def test_a_long_diff_is_cut_and_its_text_is_not_markup() -> None:
    lines = [DiffLine("add", "+[/x]")] * (MAX_LINES + 5)
    text = render_diff(lines, "hand edit kept").plain
    assert text.startswith("hand edit kept\n+[/x]\n")
    assert text.endswith("... 5 more lines")


async def test_a_blocked_commit_is_reported_before_enter(tmp_path: Path) -> None:
    top = committed(tmp_path)
    git(top, "switch", "-q", "-c", "feature")
    app = reopened(top)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        shown = await press(pilot, "ctrl+s")
        assert "! cannot commit" in shown
        assert "HEAD is on branch feature" in shown
        await press(pilot, "enter")
        assert isinstance(app.screen, MessageDialog)
        await press(pilot, "escape")
        git(top, "switch", "-q", "main")
        assert "enter commits" in await press(pilot, "f5")


async def test_a_commit_goes_to_the_work_branch_of_the_command_line(tmp_path: Path) -> None:
    top = committed(tmp_path)
    app = reopened(top)
    app.branch = "more"
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "end", "backspace", "6")
        assert "to more" in await press(pilot, "ctrl+s")
        await press(pilot, "enter")
    assert git(top, "symbolic-ref", "HEAD").strip() == "refs/heads/more"


async def test_a_missing_chart_is_reported(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local", chart=tmp_path / "none.tgz")
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
    assert "cannot be read as a Helm chart" in shown


async def test_a_migration_asks_for_a_backup(tmp_path: Path) -> None:
    top = committed(tmp_path)
    head = git(top, "rev-parse", "HEAD")
    app = reopened(top)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "installation.airflow")
        await type_text(pilot, "3.3.0")
        await press(pilot, "ctrl+s")
        assert "name a backup, then commit" in await press(pilot, "enter")
        await press(pilot, "down", "enter")
        assert isinstance(pilot.app.screen, PromptDialog)
        for text, complaint in (("2026-13-01", "no such date"), ("none", "neither a date nor a")):
            assert complaint in await press(pilot, *text, "enter")
            await press(pilot, *["backspace"] * len(text))
        await press(pilot, "escape")
        assert git(top, "rev-parse", "HEAD") == head
        await press(pilot, "enter", "down", "enter", *ADA.date, "enter")
        assert isinstance(page(pilot), ResultScreen)
        await settled(pilot)
    assert f"Backup of the database: {ADA.date}" in git(top, "log", "-1", "--format=%B")


async def test_a_big_change_needs_a_second_key(tmp_path: Path) -> None:
    top = committed(tmp_path)
    head = git(top, "rev-parse", "HEAD")
    app = reopened(top)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "installation.airflow")
        await type_text(pilot, "2.11.0")
        shown = await press(pilot, "ctrl+s")
        assert "irreversible" in shown
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ConfirmListDialog)
        # The key that commits everything else does not accept this.
        await press(pilot, "enter")
        assert git(top, "rev-parse", "HEAD") == head
        await press(pilot, "enter", "down", "enter")
        assert isinstance(page(pilot), ResultScreen)
        await settled(pilot)
    assert "irreversible (downgrade): " in git(top, "log", "-1", "--format=%B")

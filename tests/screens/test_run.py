"""From a new repository to a commit, with real keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

from screens.pages.preset import PresetScreen
from screens.pages.result import ResultScreen
from screens.pages.review import ReviewScreen
from screens.steps import REVIEW, START
from tests.screens.support import (
    COMPLETE,
    answers,
    app_of,
    done,
    opened,
    page,
    press,
    reopened,
    wizard,
)
from tests.support.canary import Canary
from tests.support.screens import send, settled
from wizard.answers.files import parse_answers
from wizard.workspace.workspace import Workspace

MOST_KEYS = 150


def git(top: Path, *args: str) -> str:
    command = ["git", "-C", str(top), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_enter_alone_leads_from_the_local_preset_to_a_commit(tmp_path: Path) -> None:
    app = wizard(tmp_path, pick_preset=True)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        assert isinstance(page(pilot), PresetScreen)
        while "> Laptop" not in await press(pilot, "down"):
            pass
        seen = []
        for _ in range(MOST_KEYS):
            await send(pilot, "enter")
            if isinstance(page(pilot), ReviewScreen):
                await settled(pilot)
            if isinstance(page(pilot), ResultScreen):
                break
            if page(pilot).page_name not in seen:
                seen.append(page(pilot).page_name)
        assert seen == [START, REVIEW]
        await press(pilot, "enter")
    committed = done(app)
    top = tmp_path / "k8s-infra"
    assert git(top, "rev-parse", "HEAD").strip() == committed.commit
    assert git(top, "status", "--porcelain") == ""
    assert set(committed.paths) <= set(git(top, "ls-files").split())


async def test_the_committed_answers_replay_to_the_same_tree(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, "installation.name=prod")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s")
        review = page(pilot)
        assert isinstance(review, ReviewScreen)
        assert review.proposal is not None
        shown = review.proposal.rendering.tree.digest()
        await press(pilot, "enter")
        await press(pilot, "enter")
    top = tmp_path / "k8s-infra"
    text = (top / ".airflow-wizard/prod/answers.yaml").read_text()
    again = Workspace.open(top, today="2027-01-01")
    replayed = again.propose(parse_answers(text, "answers.yaml"), existing="prod")
    assert replayed.rendering.tree.digest() == shown
    assert not replayed.plan.differs
    empty = Workspace.open(tmp_path / "other", create=True, today="2026-11-21")
    empty.identity = app.workspace.identity
    elsewhere = empty.propose(parse_answers(text, "answers.yaml"))
    assert elsewhere.rendering.tree.digest() == shown


async def test_moving_between_pages_loses_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "end", "x", "ctrl+n", "right", "ctrl+n", "ctrl+n", "escape", "escape")
        kind = app.draft.answers.executor.kind
        shown = await press(pilot, "escape")
        assert "[airflowx" in shown
        assert app.draft.answers.executor.kind == kind == "KubernetesExecutor"
        assert app.draft.answers.installation.name == "airflowx"


async def test_a_secret_in_the_wrong_place_reaches_neither_git_nor_a_message(
    tmp_path: Path, canary: Canary
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app_of(pilot).go_to_question("database.password")
        await settled(pilot)
        await press(pilot, "enter", "end", "ctrl+u")
        await press(pilot, f"paste:{canary.secret()}")
        await press(pilot, "enter")
        # It shows only in its own field, and only while it is typed.
        canary.assert_absent(await press(pilot, "ctrl+s"), await press(pilot, "enter", "f5"))
        # Saved answers must not contain it either.
        assert app.draft.has_changes
        canary.assert_absent(repr(app.draft.legible_data))
    canary.assert_absent(tmp_path)


async def test_a_committed_installation_is_changed_by_one_question(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.commit(first.propose(answers("local")))
    app = reopened(tmp_path / "k8s-infra")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        assert "nothing to commit" in await press(pilot, "ctrl+s")
        shown = await press(pilot, "ctrl+p", *"tasks per worker", "enter")
        assert "[4 " in shown
        await press(pilot, "end", "backspace", "6")
        shown = await press(pilot, "ctrl+s")
        assert "~ changed airflow-values.yaml" in shown
        assert "+    worker_concurrency: 6" in shown
        await press(pilot, "enter")
        await press(pilot, "enter")
    assert "worker_concurrency: 6" in git(tmp_path / "k8s-infra", "show", done(app).commit)

"""The apply page: nothing runs before consent, steps are shown live, and a run can be stopped."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from screens import app as screens_app
from screens.draft.exit_report import ExitReport
from screens.pages.apply.page import ApplyScreen
from screens.pages.apply.progress import fit_text, format_clock, format_seconds
from screens.pages.apply.run_page import StepList
from screens.pages.result import ResultScreen
from screens.pages.review import ReviewScreen
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.prompts import PromptDialog
from tests.screens.applying import STEPS, Stage, app, page_of, scripted, until
from tests.screens.support import (
    FINGERPRINT,
    commit_preset,
    done,
    jump,
    opened,
    page,
    press,
    reopened,
)
from tests.support.canary import Canary
from tests.support.cluster.kubeconfigs import written
from tests.support.screens import settled
from wizard.apply.progress import RunSummary
from wizard.cli import interactive, unsaved_answers
from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.errors import ExitCode, UsageError
from wizard.systems.database.admin import Admin
from wizard.workspace.proposal import CommitResult

SIZE = (80, 24)


async def test_nothing_runs_before_consent(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.open(pilot)
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        assert "as  Vault at https://vault.example.internal:8200 (VAULT_ADDR)" in shown
        await press(pilot, "enter")
        assert stage.plan.runs == []
        await press(pilot, "enter", "escape")
        assert stage.plan.runs == []
        await press(pilot, "enter", "down", "enter")
        assert [run.dry_run for run in stage.plan.runs] == [False]
        assert screen.phase == "running"


async def test_a_dry_run_leads_to_the_real_one_of_the_same_plan(tmp_path: Path) -> None:
    wizard = app(tmp_path)
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        await stage.open(pilot)
        await press(pilot, "d")
        assert stage.run.dry_run
        for number in range(len(STEPS)):
            await stage.tell(number, "would change", "it is not there")
        shown = await stage.end(pilot)
        assert "apply --dry-run" in shown
        assert "dry run: 14 steps would change something, nothing was kept" in shown
        assert wizard.exit_report.applied is not None
        assert "dry run: nothing was changed" in wizard.exit_report.applied.lines
        await press(pilot, "enter", "down", "enter")
        assert [run.dry_run for run in stage.plan.runs] == [True, False]
        assert "--dry-run" not in await settled(pilot)


async def test_consent_covers_only_the_shown_plan(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.begin(pilot)
        await stage.tell(0, "failed", "no", "do this")
        assert "! stopped: a step failed" in await stage.end(pilot)
        await press(pilot, "r")
        assert len(stage.plan.runs) == 2, "the same plan starts without a new confirmation"
        await stage.tell(0, "failed", "no", "do this")
        await stage.end(pilot)

        first, stage.plan = stage.plan, scripted(identities=["cluster: another one"])
        await press(pilot, "r")
        assert screen.phase == "plan"
        assert (len(first.runs), len(stage.plan.runs)) == (2, 0)
        assert "another one" in await settled(pilot)


async def test_other_steps_can_be_selected_during_a_run(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.begin(pilot)
        await stage.tell(0, "holds", "the first thing")
        await stage.tell(1, "changing", "the second thing")
        assert "the second thing" in await settled(pilot)
        assert "the first thing" in await press(pilot, "up")
        await stage.tell(1, "changed", "made it", seconds=3)
        await stage.tell(2, "waiting", "not yet", "look there")
        shown = await settled(pilot)
        assert "the first thing" in shown
        assert "changed      Mount KV version 2 at secret" in shown
        assert "3 s" in shown
        assert not screen.is_following
        shown = await press(pilot, "down", "down")
        assert screen.is_following
        assert "meanwhile: look there" in shown
        assert "`airflow-wizard apply` continues from here" in shown
        stage.clock.at += 65
        screen.tick()
        assert "1:05" in await settled(pilot)
        await stage.tell(3, "checking")
        assert "checking" in await settled(pilot)
        assert screen.query_one("#actions").highlighted == 3


HOSTILE = "[/x] [@click=app.quit]free[/] \x1b[31mred\x1b[0m \u202eright \x9b2J"


async def test_steps_can_be_selected_after_a_retry(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        stage.refusal = UsageError("no such context", "choose one")
        screen = await stage.open(pilot)
        stage.refusal = None
        await press(pilot, "r")
        assert screen.phase == "plan"
        await press(pilot, "down", "down")
        assert screen.query_one(StepList).highlighted == 2


async def test_text_from_outside_is_neither_markup_nor_control_characters(tmp_path: Path) -> None:
    steps = [(name, title + HOSTILE, o, p + HOSTILE) for name, title, o, p in STEPS]
    plan = scripted(steps, [HOSTILE])
    async with app(tmp_path).run_test(size=(140, 45), notifications=True) as pilot:
        await settled(pilot)
        stage = Stage(plan)
        await stage.open(pilot)
        frames = [await settled(pilot), await press(pilot, "enter")]
        await press(pilot, "down", "enter")
        for state in ("changing", "waiting", "failed"):
            await stage.tell(0, state, HOSTILE, HOSTILE, f"-{HOSTILE}\n+{HOSTILE}")
            frames.append(await settled(pilot))
        stage.run.notes.append(HOSTILE)
        frames.append(await stage.end(pilot))
        assert pilot.app.is_running
    for shown in frames:
        assert "[@click=app.quit]free[/]" in shown
        assert not {"\x1b", "\u202e", "\x9b"} & set(shown)


async def test_quitting_during_a_run_asks_and_stops_it(tmp_path: Path) -> None:
    wizard = app(tmp_path)
    made = CommitResult("0" * 40, ["a"], [], [])
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.begin(pilot, made)
        await stage.tell(0, "holds")
        await stage.tell(1, "changing")
        await press(pilot, "ctrl+q")
        await press(pilot, "enter")
        assert screen.phase == "running", "continue is the default"
        await press(pilot, "escape", "down", "enter")
        shown = await until(pilot, lambda _: screen.phase == "ended")
        assert stage.run.closed
        assert "stopped; completed steps stay" in shown
        assert "interrupted during the change, which may have completed" in shown
        assert wizard.is_running, "escape stops the run and stays on the page"
        await press(pilot, "escape")
        assert isinstance(page(pilot), ResultScreen)
        screen = await stage.begin(pilot, made)
        await press(pilot, "ctrl+c", "ctrl+q")
        assert screen.phase == "running", "ctrl+q never confirms"
        await press(pilot, "ctrl+c", "down", "enter")
    assert stage.run.closed
    assert done(wizard) == made
    assert wizard.exit_report.applied is not None
    assert wizard.exit_report.applied.outcome == ExitCode.INTERRUPTED


async def test_a_run_that_ends_behind_the_dialog_stays_ended(tmp_path: Path) -> None:
    wizard = app(tmp_path)
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        await stage.begin(pilot)
        await press(pilot, "escape")
        stage.run.script.put_nowait(None)
        screen = wizard.screen_stack[-2]
        await until(pilot, lambda _: screen.phase == "ended")  # type: ignore[attr-defined]
        await press(pilot, "down", "enter")
        assert wizard.exit_report.applied is not None
        assert wizard.exit_report.applied.outcome == ExitCode.DONE
        assert not stage.run.past_events


async def test_enter_on_a_failed_step_opens_its_question(tmp_path: Path) -> None:
    wizard = reopened(commit_preset(tmp_path))
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        # Uncommitted answers must not be kept.
        await jump(pilot, "database.name")
        await press(pilot, "end", "x")
        assert wizard.draft.has_changes
        stage = Stage()
        await stage.begin(pilot)
        await stage.tell(0, "failed", "no", "see it", question="secrets.vault.audience")
        shown = await stage.end(pilot)
        assert "enter goes to: Secrets store: Audience" in shown
        assert "no question" not in await press(pilot, "down", "enter")
        assert page_of(pilot).phase == "ended", "a step that did not run has no question"
        await press(pilot, "up", "enter")
        await settled(pilot)
        assert page(pilot).focused_row.item.key == "secrets.vault.audience"  # type: ignore[attr-defined]
        assert wizard.existing == "airflow"
        assert not wizard.draft.has_changes
    assert wizard.exit_report.applied is not None
    assert wizard.exit_report.applied.outcome == ExitCode.PARTIAL


async def test_it_is_not_offered_where_people_install_by_hand(tmp_path: Path) -> None:
    wizard = reopened(commit_preset(tmp_path, "local"))
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        shown = await press(pilot, "ctrl+s")
        assert "nothing to commit: the repository is up to date" in shown
        assert "a apply" not in shown
        await press(pilot, "a")
        assert isinstance(page(pilot), ReviewScreen)
        await press(pilot, "ctrl+p", *"tasks per worker", "enter", "6", "ctrl+s")
        await press(pilot, "a")
        assert isinstance(page(pilot), ReviewScreen), "the commit comes first"
        shown = await press(pilot, "enter")
        assert isinstance(page(pilot), ResultScreen)
        assert "installed by hand" in await press(pilot, "a")
        await press(pilot, "escape")
        assert isinstance(page(pilot), ResultScreen)
        await press(pilot, "ctrl+q")
    assert done(wizard).commit


async def test_missing_credentials_are_reported_with_a_hint(tmp_path: Path) -> None:
    wizard = reopened(commit_preset(tmp_path))
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s")
        shown = await press(pilot, "a")
    assert "no credentials found, neither for Vault nor for a cluster" in shown
    assert "export VAULT_TOKEN" in shown


async def test_a_database_administrator_is_named_and_the_password_prompted_for(
    tmp_path: Path, canary: Canary
) -> None:
    wizard = reopened(commit_preset(tmp_path))
    frames = []
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await press(pilot, "ctrl+s")
        await press(pilot, "a")
        await press(pilot, "b")
        shown = await press(pilot, "paste: postgres", "enter")
        assert "as  PostgreSQL at pg.example.internal:5432: postgres in database postgres" in shown
        assert "password from the terminal" in shown
        assert "cluster skipped: no kubeconfig context" in shown
        await press(pilot, "d")
        assert isinstance(pilot.app.screen, PromptDialog), "a missing password is prompted for"
        await press(pilot, "escape")
        shown = await until(pilot, lambda _: page_of(pilot).phase == "refused")
        assert "password of postgres: no value typed; nothing was sent" in shown
        await press(pilot, "r")
        await press(pilot, "d")
        secret = canary.secret("administrator")
        frames.append(await press(pilot, f"paste:{secret}"))
        assert "•" in frames[-1]
        screen = wizard.screen_stack[-2]
        assert isinstance(screen, ApplyScreen)
        given = screen.prepared
        assert given is not None
        assert isinstance(given.target.database, Admin)
        await press(pilot, "ctrl+q")
        assert given.target.database.login_password is None
        await until(pilot, lambda _: page_of(pilot).phase == "refused")
        await press(pilot, "b", "ctrl+u", "enter")
        assert "no credentials found" in await settled(pilot)
    canary.assert_absent(*frames)


async def test_a_shown_diff_is_taken_over_after_confirmation(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        screen = await stage.begin(pilot)
        name = STEPS[0][0]
        fix = f"ask them, or: airflow-wizard apply --take-over {name}@0123456789ab"
        await stage.tell(0, "blocked", "it is another's", fix, "-theirs\n+ours")
        shown = await stage.end(pilot)
        assert "t takes over exactly this difference" in shown
        assert "t take over  r run again" in shown.splitlines()[-1]
        assert "t take over" not in (await press(pilot, "down")).splitlines()[-1]
        await press(pilot, "up")
        await press(pilot, "t", "enter")
        assert screen.apply_options.take_over == []
        await press(pilot, "t", "down", "enter")
        assert screen.apply_options.take_over == [f"{name}@0123456789ab"]
        assert len(stage.plan.runs) == 2
        await stage.tell(0, "failed", "no", "ask them")
        await stage.end(pilot)
        await press(pilot, "t")
        assert page_of(pilot) is screen, "there is nothing to take over"


async def test_a_different_context_can_be_selected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"server": "https://127.0.0.1:1", "certificate-authority-data": ""}
    files = [
        written(tmp_path / name, place, {"token": "x"}, name) for name in ("dev", "hub", "prod")
    ]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    wizard = app(tmp_path)
    wizard.context = "prod"
    async with wizard.run_test(size=SIZE) as pilot:
        await settled(pilot)
        stage = Stage()
        stage.refusal = UsageError("no such context", "choose one")
        await stage.open(pilot)
        shown = await press(pilot, "c")
        assert "> prod" in shown
        assert "the current context" in shown
        await press(pilot, "up", "up", "enter")
        stage.refusal = None
        assert "c, h context" in await press(pilot, "r")
        await press(pilot, "h", "escape", "h", "down", "down", "enter")
        assert stage.contexts == [("prod", ""), ("dev", ""), ("dev", ""), ("dev", "hub")]
        assert page_of(pilot).phase == "plan"
        assert stage.plan.runs == []


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (ExitReport(), 0, ["nothing was written"]),
        (ExitReport(None, RunSummary(ExitCode.DONE, ("3 holds",))), 0, ["3 holds"]),
        (ExitReport(None, RunSummary(ExitCode.CONFLICT, ("blocked  A", "1 blocked"))), 5,
         ["blocked  A", "1 blocked"]),
        (ExitReport(CommitResult("f" * 40, ["a"], [], []),
                    RunSummary(ExitCode.PARTIAL, ("1 failed",))), 6,
         ["committed ffffffffffff: 1 file", "1 failed"]),
        (ExitReport(None, RunSummary(ExitCode.INTERRUPTED, ("4 left",))), 130, ["4 left"]),
    ],
    ids=["nothing", "done", "blocked", "failed", "stopped"],
)  # fmt: skip
def test_the_outcome_is_printed_after_the_screens_close(
    ending: ExitReport, code: int, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path)
    monkeypatch.setattr(interactive, "require_terminal", lambda *_: None)
    monkeypatch.setattr(screens_app, "run", lambda *_: replace(ending))
    err = io.StringIO()
    options = Options(repo=str(tmp_path / "k8s-infra"))
    assert interactive.run_screens(options, Console(io.StringIO(), err)) == code
    assert err.getvalue().splitlines() == said


def test_answers_are_saved_to_a_file_that_the_next_start_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "k8s-infra"
    opened(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interactive, "require_terminal", lambda *_: None)
    ending = ExitReport(uncommitted=({"installation": {"name": "kept"}}, (FINGERPRINT,)))
    monkeypatch.setattr(screens_app, "run", lambda *_: ending)
    err = io.StringIO()
    options = Options(repo=str(top))
    assert interactive.run_screens(options, Console(io.StringIO(), err)) == 0
    assert "name: kept" in (tmp_path / "airflow-answers.yaml").read_text()
    found = unsaved_answers.find_saved_answers(tmp_path)
    assert found is not None
    assert found.data["installation"] == {"name": "kept"}
    assert FINGERPRINT in err.getvalue().splitlines()[-1]


async def test_any_size_will_do(tmp_path: Path) -> None:
    async with app(tmp_path).run_test(size=(5, 2)) as pilot:
        await settled(pilot)
        stage = Stage()
        await stage.begin(pilot)
        await stage.tell(0, "blocked", "something is there " * 9, "do this " * 9, "-a\n+b")
        await stage.end(pilot)
        for width, height in ((20, 5), (40, 10), (200, 60), (80, 24)):
            await pilot.resize_terminal(width, height)
            shown = await settled(pilot)
            assert len(shown.splitlines()) == height
            assert max(map(len, shown.splitlines())) <= width
        assert "blocked" in await settled(pilot)


def test_times_and_widths_in_words() -> None:
    assert [format_seconds(s) for s in (0.4, 1, 59.9, 60, 3725)] == [
        "",
        "1 s",
        "59 s",
        "1:00",
        "1:02:05",
    ]
    assert format_clock(5) == "0:05"
    assert fit_text("管理者", 4) == "管 …"
    assert fit_text("ab\x1bc", 20) == "ab\\ec".ljust(20)
    assert fit_text("abc", 0) == ""

"""The pre-flight page: the list of probes, one consent, one line per probe, fixes of failures."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from screens.pages.form import FormScreen
from screens.pages.preflight import PreflightScreen
from screens.pages.review import ReviewScreen
from screens.steps import PREFLIGHT
from screens.widgets.dialogs import MessageDialog
from screens.widgets.prompts import ConfirmListDialog
from tests.screens.looks import HOST, many, named_probe, source
from tests.screens.support import (
    ADA,
    COMPLETE,
    ED25519,
    FINGERPRINT,
    SELF_HOSTED,
    field,
    jump,
    page,
    paste,
    press,
    showing,
    type_text,
    wizard,
)
from tests.support.screens import frame, processed, send, settled
from wizard.engine.probes import Probe, ProbeResult, fail_result, pass_result, unknown_result
from wizard.hostkeys.keys import HostKey
from wizard.probes.catalogue import SOURCES
from wizard.state.unverified import UnverifiedHistory


async def test_it_lists_the_probes_and_runs_none_by_itself(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.checks.sources = SOURCES
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        shown = await settled(pilot)
        assert f"Database   {HOST}" in shown
        assert "Secrets store   vault.example.internal:8200" in shown
        assert re.search(r"- +answers", shown)
        assert "enter runs the probes after you confirm; ^n skips them" in shown
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ConfirmListDialog)
        for place in (HOST, "vault.example.internal:8200", "airflow.apache.org", "github.com"):
            assert place in shown
        assert "env:AIRFLOW_DB_PASSWORD" in shown
        await press(pilot, "escape")
        assert app.session.results(app.draft) == []
        await press(pilot, "ctrl+n")
        assert isinstance(page(pilot), ReviewScreen)


async def test_enter_goes_to_the_question_that_fixes_a_failure(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.checks.sources = many()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await settled(pilot)
        await press(pilot, "enter")
        shown = await press(pilot, "enter")
        # The first failure is highlighted and shown in full.
        assert re.search(r"> +FAILED +rights +cannot create tables in schema public", shown)
        assert 'ALTER DATABASE "airflow" OWNER TO "airflow"' in shown
        assert "1 FAILED" in shown
        await press(pilot, "enter")
        assert isinstance(page(pilot), FormScreen)
        assert page(pilot).focused is field(pilot, "database.user")
        assert "! rights: cannot create tables" in await settled(pilot)


async def test_a_failure_without_a_question_is_shown_in_full(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    fault = named_probe(
        "cluster.version", "Cluster: version", fail_result("Kubernetes 1.20", "upgrade")
    )
    app.checks.sources = [source("Cluster", "delivery", fault)]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await press(pilot, "f5")
        await press(pilot, "enter")
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, MessageDialog)
        assert "Kubernetes 1.20" in shown
        assert "upgrade" in shown


async def test_unverified_probes_block_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    silent = named_probe(
        "database.login", "Database: login", unknown_result("no route to host [/x]")
    )
    app.checks.sources = [source("Database", "database", silent)]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await press(pilot, "f5")
        shown = await press(pilot, "enter")
        assert re.search(r"unverified +login +no route to host \[/x\]", shown)
        assert "1 unverified; enter goes on to the review" in shown
        assert " enter next  ^n next" in shown
        shown = await press(pilot, "enter")
        assert isinstance(page(pilot), ReviewScreen)
        assert "enter commits" in shown
        assert " ok Pre-flight" in await press(pilot, "escape", "escape")
        # Recorded with the commit, and reported again until it is verified.
        await press(pilot, "ctrl+s")
        await press(pilot, "enter")
        (left,) = UnverifiedHistory(app.workspace.repository, "airflow").remaining_probes()
        assert (left.id, left.since) == ("database.login", ADA.date)


async def test_probing_one_page_does_not_complete_pre_flight(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.checks.sources = [one for one in many() if one.section != "database"]
    app.checks.sources += [
        source(
            "Database",
            "database",
            named_probe("database.login", "Database: login", unknown_result("no route")),
        )
    ]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        await jump(pilot, "database.user")
        await press(pilot, "f5")
        shown = await press(pilot, "enter")
        assert " probes: 1 unverified: login: no route; ok, no check failed" in shown
        assert "ok Pre-flight" not in shown


async def test_missing_answers_come_first(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    app.checks.sources = SOURCES
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        shown = await settled(pilot)
        assert "missing or invalid: enter goes there" in shown
        assert " enter question  ^n next" in shown
        await press(pilot, "enter")
        assert isinstance(page(pilot), FormScreen)


async def test_a_round_goes_on_while_other_pages_are_shown_and_shows_its_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    over, began = asyncio.Event(), asyncio.Event()

    async def run() -> ProbeResult:
        began.set()
        await over.wait()
        return pass_result("at last")

    slow = Probe("database.login", "Database: login", f"{HOST}:5432", run)
    app.checks.sources = [source("Database", "database", slow)]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await press(pilot, "f5")
        await send(pilot, "enter")
        await asyncio.wait_for(began.wait(), 10)
        await processed(pilot)
        since = app.session.running["database.login"]
        monkeypatch.setitem(app.session.running, "database.login", since - 7)
        app.show_lookups()
        await processed(pilot)
        assert re.search(r"> +[78] s +login", frame(app))
        assert "1 still running" in frame(app)
        app.go("executor")
        await processed(pilot)
        over.set()
        app.go(PREFLIGHT)
        assert re.search(r"> +ok +login +at last", await settled(pilot))
        app.session.agreements.clear()
        await jump(pilot, "database.name")
        await type_text(pilot, "other")
        app.go(PREFLIGHT)
        shown = await settled(pilot)
        assert re.search(r"> +- +login", shown)
        assert "at last" not in shown


async def test_the_git_hosts_keys_are_scanned_in_every_round(tmp_path: Path) -> None:
    """A cached scan would never notice a change."""
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    app.checks.sources = SOURCES[:1]
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.host_keys")
        await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        app.scanner = showing(HostKey("ssh-ed25519", ED25519))
        app.go(PREFLIGHT)
        assert "Git host   git.example.com" in await settled(pilot)
        await press(pilot, "f5")
        assert re.search(r"ok +keys +ssh-ed25519 as recorded", await press(pilot, "enter"))
        app.scanner = showing(HostKey("ssh-ed25519", ED25519[:-4] + "AAAA"))
        shown = await press(pilot, "f5")
        assert re.search(r"FAILED +keys +the host presents a different ssh-ed25519 key", shown)
        await press(pilot, "ctrl+s")
        assert "The server's identity is not proven" in await press(pilot, "enter")


def test_the_page_is_a_step_before_review(tmp_path: Path) -> None:
    steps = [step.name for step in wizard(tmp_path, "local").draft.pages]
    assert steps[-2:] == [PREFLIGHT, "review"]
    assert PreflightScreen.page_name == PREFLIGHT

"""Probes from the forms: reachability while typing, logins with f5 after consent."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WizardApp
from screens.background import reachability
from screens.background.probe_round import find_required_probes
from screens.pages.result import ResultScreen
from screens.pages.review import ReviewScreen
from screens.steps import PREFLIGHT
from screens.widgets.prompts import ConfirmListDialog
from tests.screens.looks import QUESTIONS
from tests.screens.support import COMPLETE, app_of, jump, page, press, type_text, wizard
from tests.support.canary import MARKER, Canary
from tests.support.process import Terminal
from tests.support.screens import frame, processed, send, settled
from tests.testbed.databases import Postgres
from wizard.answers.questions import field_spec
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    make_finished_probe,
    pass_result,
    unknown_result,
    warn_result,
)
from wizard.probes.catalogue import ProbeSource, probe_database
from wizard.systems.network import check_connection
from wizard.systems.situation import Situation

HOST = "pg.example.internal"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pause after a key very short."""
    monkeypatch.setattr(reachability, "PAUSE_SECONDS", 0.001)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve names to this machine; answers may not name it directly."""
    real = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        there = isinstance(host, str) and host.endswith(".internal")
        return real("127.0.0.1" if there else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


class Reached:
    """Records the requested addresses and returns a fixed result."""

    def __init__(self, answer: ProbeResult) -> None:
        self.calls: list[tuple[str, int]] = []
        self.answer = answer

    def __call__(self, host: str, port: int) -> ProbeResult:
        self.calls.append((host, port))
        return self.answer


async def rested(pilot: Pilot[Any]) -> str:
    """Return the frame after the pause and the check that follows it."""
    await asyncio.sleep(0.02)
    return await settled(pilot)


async def test_a_typed_host_is_checked_after_a_pause_and_shown_in_its_row(
    tmp_path: Path, hasty: None, named: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = wizard(tmp_path, "production", f"database.port={port}")
        app.reach = check_connection
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await jump(pilot, "database.host")
            await type_text(pilot, HOST)
            shown = await rested(pilot)
            assert f"[{HOST}          ] ok" in shown
            assert "ok, TCP connection to 127.0.0.1" in shown
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(1) == b""
            await type_text(pilot, "pg.example.invalid")
            shown = await rested(pilot)
            assert "[pg.example.invalid           ] no name" in shown
            assert "? the name pg.example.invalid does not resolve here" in shown
            assert "!" not in shown.splitlines()[4]
            assert app.draft.problem_keys("database") == []
        listener.close()
    assert check_connection(HOST, port).word == "closed"


async def test_an_untouched_address_is_not_checked(tmp_path: Path, hasty: None) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.reach = calls = Reached(pass_result("TCP connection to 10.0.0.1"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        await press(pilot, "ctrl+n", "ctrl+n")
        await rested(pilot)
        assert calls.calls == []
        await jump(pilot, "secrets.vault.server")
        shown = await rested(pilot)
        assert calls.calls == [("vault.example.internal", 8200)]
        assert "ttps://vault.example.internal:8200" in shown, "the field scrolls to its end"
        assert "] ok" in shown
        await press(pilot, "down", "up")
        await rested(pilot)
        assert len(calls.calls) == 1


async def test_wrong_and_in_cluster_addresses_are_not_checked(tmp_path: Path, hasty: None) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.reach = calls = Reached(pass_result("TCP connection to 10.0.0.1"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "delivery.argocd.destination")
        await rested(pilot)
        await jump(pilot, "database.host")
        for wrong in ("two words", "localhost", "127.0.0.1", ""):
            await type_text(pilot, wrong)
            await rested(pilot)
        await jump(pilot, "database.port")
        await type_text(pilot, "70000")
        await rested(pilot)
        assert [call for call in calls.calls if call[0] != HOST] == []
        assert (HOST, 70000) not in calls.calls
        await jump(pilot, "dags.repo")
        await type_text(pilot, "git@git.example.com:team/dags.git")
        await rested(pilot)
        assert calls.calls[-1] == ("git.example.com", 22)


async def test_fast_keys_cause_one_check_and_a_change_cancels_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = wizard(tmp_path, "production")
    over, asked = threading.Event(), []

    def hangs(host: str, port: int) -> ProbeResult:
        asked.append((host, port))
        if host == "a.example.com":
            over.wait(20)
        return pass_result("TCP connection to 10.0.0.1")

    app.reach = hangs
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        monkeypatch.setattr(reachability, "PAUSE_SECONDS", 60)
        await jump(pilot, "database.host")
        await send(pilot, *"a.example.co")
        assert asked == []
        monkeypatch.setattr(reachability, "PAUSE_SECONDS", 0.001)
        await send(pilot, "m")
        await asyncio.sleep(0.05)
        await processed(pilot)
        assert asked == [("a.example.com", 5432)]
        assert "] .." in frame(app)
        await send(pilot, "x")
        assert "] .." not in frame(app)
        await asyncio.sleep(0.05)
        assert "] ok" in await settled(pilot)
        assert [host for host, _ in asked] == ["a.example.com", "a.example.comx"]
        over.set()
        monkeypatch.setattr(reachability, "PAUSE_SECONDS", 60)
        await send(pilot, "y")
        assert "] ok" not in frame(app)


# --- logins, on a real server


@pytest.fixture
def role(postgres: Postgres, canary: Canary) -> Iterator[str]:
    """A role with its own database; its password is a canary."""
    name = f"screens_{time.time_ns()}"
    postgres.create_role(name, canary.hostile())
    # The database has a different owner, so that a good login still ends with a failure.
    postgres.create_database(name, "postgres")
    yield name
    postgres.sql(f"DROP DATABASE {name}")
    postgres.sql(f"DROP ROLE {name}")


def on_database(folder: Path, postgres: Postgres, role: str, password: str) -> WizardApp:
    """Return the wizard with answers that name the test's server."""
    app = wizard(
        folder,
        "production",
        *COMPLETE,
        f"database.port={postgres.port}",
        f"database.name={role}",
        f"database.user={role}",
        f"database.password={password}",
        "database.sslmode=prefer",
        "database.pgbouncer.mode=off",
        "executor.kind=LocalExecutor",
    )
    app.reach = check_connection
    app.checks.sources = [
        ProbeSource("Database", "database", probe_database, ("database", "executor"))
    ]
    return app


async def test_f5_logs_in_after_consent_and_a_wrong_password_is_shown_everywhere(
    tmp_path: Path,
    named: None,
    postgres: Postgres,
    role: str,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret("wrong"))
    app = on_database(tmp_path, postgres, role, "{env: AIRFLOW_DB_PASSWORD}")
    endpoint = f"{HOST}:{postgres.port}"
    frames = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.host")
        frames.append(await press(pilot, "f5"))
        assert "Run these probes from this machine? They only read." in frames[-1]
        assert f"{endpoint} with" in frames[-1]
        assert "env:AIRFLOW_DB_PASSWORD" in frames[-1]
        await press(pilot, "escape")
        assert app.session.results(app.draft) == []
        await press(pilot, "f5")
        frames.append(await press(pilot, "enter"))
        assert "! 1 probe failed: login: " in frames[-1]
        assert 'password authentication failed for user "' in frames[-1]
        assert "[AIRFLOW_DB_PASSWORD ] !" in frames[-1]
        await jump(pilot, "executor.kind")
        frames.append(await settled(pilot))
        assert " !  Database" in frames[-1]
        assert " !  Pre-flight" in frames[-1]

        monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.hostile())
        await jump(pilot, "database.host")
        # Consent is not asked for again.
        frames.append(await press(pilot, "f5"))
        version = postgres.sql("SHOW server_version").split()[0]
        assert f"] ok {version}" in frames[-1]
        assert "! 1 probe failed: login" not in frames[-1]
        assert app.session.find_result(app.draft, "database.login").result.status == "pass"  # type: ignore[union-attr]
        # A different endpoint for the same password needs a new consent.
        app.draft = app.draft.with_answer(field_spec("database.host"), "other.example.internal")
        assert app.session.results(app.draft) == []
        assert "other.example.internal" in await press(pilot, "f5")
        assert isinstance(pilot.app.screen, ConfirmListDialog)
    canary.assert_absent(*frames, repr(app.draft), tmp_path)


async def test_a_typed_password_is_masked_used_and_found_nowhere(
    tmp_path: Path,
    named: None,
    postgres: Postgres,
    role: str,
    canary: Canary,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = on_database(tmp_path, postgres, role, "{prompt: true}")
    frames = []
    text = f"database.password for {HOST}:{postgres.port}"
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.user")
        frames.append(await press(pilot, "f5"))
        assert "database.password, which you type" in frames[-1].replace("│\n", "")
        frames.append(await press(pilot, "enter"))
        assert f"{text} (hidden)" in frames[-1]
        await press(pilot, "escape")
        login = app.session.find_result(app.draft, "database.login")
        assert login is not None
        assert (login.result.status, "not typed" in login.result.detail) == ("unknown", True)

        # A refused password is dropped; a good one is kept for the session.
        await press(pilot, "f5")
        await press(pilot, "paste:one\ntwo")
        frames.append(await press(pilot, "enter"))
        login = app.session.find_result(app.draft, "database.login")
        assert login is not None
        assert "has more than one line" in login.result.detail
        assert app.session.secret_values == {}
        await press(pilot, "f5")
        await press(pilot, f"paste:{canary.secret('wrong')}")
        frames.append(frame(app))
        frames.append(await press(pilot, "enter"))
        assert "password authentication failed" in frames[-1]
        assert app.session.secret_values == {}
        assert app.session.mark(app.draft) == "!"
        await press(pilot, "f5")
        await press(pilot, f"paste:{canary.hostile()}")
        frames.append(frame(app))
        frames.append(await press(pilot, "enter"))
        login = app.session.find_result(app.draft, "database.login")
        assert login is not None
        assert login.result.status == "pass", login
        rights = app.session.find_result(app.draft, "database.rights")
        assert rights is not None
        assert rights.result.status == "fail"
        assert list(app.session.secret_values) == [text]
        frames.append(await press(pilot, "f5"))
        assert not isinstance(pilot.app.screen, ConfirmListDialog)
        await press(pilot, "ctrl+s")
        frames.append(await press(pilot, "enter"))
        assert isinstance(pilot.app.screen, ConfirmListDialog), "it asks for a confirmation"
    canary.assert_absent(
        *frames, repr(app.draft), repr(vars(app.session)), str(app.session.results(app.draft)),
        caplog.text, tmp_path,
    )  # fmt: skip


async def test_leaving_a_finished_section_probes_again_only_with_consent(
    tmp_path: Path,
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    app.checks.sources = [
        faulty := ProbeSource("Database", "database", told(pass_result("as before")), ("database",))
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        await press(pilot, "ctrl+n")
        assert app.session.results(app.draft) == []
        await press(pilot, "escape")
        await press(pilot, "f5")
        await press(pilot, "enter")
        assert len(app.session.results(app.draft)) == 1
        await jump(pilot, "database.name")
        await type_text(pilot, "other")
        assert app.session.results(app.draft) == []
        await press(pilot, "ctrl+n")
        assert [one.source for one in app.session.results(app.draft)] == [faulty]


# --- failed probes block the commit


def told(*results: ProbeResult, name: str = "database.rights") -> Callable[..., Iterator[Probe]]:
    """Return a source whose probes end with these results, all at one endpoint."""

    def probes(_: object) -> Iterator[Probe]:
        for number, result in enumerate(results):

            async def run(result: ProbeResult = result) -> ProbeResult:
                return result

            more = f".{number}" if number else ""
            yield Probe(f"{name}{more}", f"Database: rights{more}", f"{HOST}:5432", run,
                        question=QUESTIONS[name], proves_peer=name == "dags.host_keys")  # fmt: skip

    return probes


async def test_a_failed_probe_blocks_the_commit_until_it_is_confirmed(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    fault = fail_result(
        "cannot create tables in schema public", "ALTER DATABASE airflow OWNER TO x"
    )
    source = ProbeSource(
        "Database", "database", told(fault, unknown_result("no answer")), ("database",)
    )
    app.checks.sources = [source]
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await press(pilot, "enter", "enter")
        shown = await press(pilot, "ctrl+s")
        assert "! 1 probe failed, enter shows details: Database: rights" in shown
        assert "! Database: rights: cannot create tables in schema public" in shown
        shown = await press(pilot, "enter")
        assert "1 probe failed. Commit anyway?" in shown
        assert "ALTER DATABASE airflow OWNER TO x" in shown
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ReviewScreen)
        # The failure does not apply to different answers.
        app.session.agreements.clear()
        await jump(pilot, "database.name")
        await type_text(pilot, "other")
        assert "enter commits" in await press(pilot, "ctrl+s")
        await jump(pilot, "database.name")
        await type_text(pilot, "airflow")
        assert "! 1 probe failed" in await press(pilot, "ctrl+s")
        await press(pilot, "enter", "down", "enter")
        assert isinstance(pilot.app.screen, ResultScreen)


async def test_the_probes_of_a_cluster_see_the_files_that_would_be_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them, the screens did not look for what Argo CD would overwrite."""
    app = wizard(tmp_path, "production", *COMPLETE)
    seen: list[Situation] = []

    def probes(situation: Situation) -> Iterator[Probe]:
        seen.append(situation)
        yield make_finished_probe("cluster.x", "x", "there", pass_result("x"))

    monkeypatch.setattr("wizard.probes.draft.open_probe_cluster", lambda *_: (object(), None))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        source = ProbeSource("Cluster", "delivery", probes, ("delivery",), kube=True)
        await find_required_probes(app, [source])
    proposal = seen[0].proposal
    assert proposal is not None
    assert "argocd/application" in {one.logical for one in proposal.plan.changes}


async def test_an_unproven_identity_blocks_the_commit(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    fault = fail_result(
        "shows another ssh-ed25519 key: SHA256:b instead of SHA256:a", "ask its owner"
    )
    app.checks.sources = [
        ProbeSource("Git host", "dags", told(fault, name="dags.host_keys"), ("dags",))
    ]
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await press(pilot, "f5")
        await press(pilot, "enter")
        await press(pilot, "ctrl+s")
        shown = await press(pilot, "enter")
        assert "The server's identity is not proven" in shown
        assert "> go to DAGs: Host keys" in shown
        assert "commit anyway" not in shown
        await press(pilot, "down", "enter")
        assert isinstance(page(pilot), ReviewScreen)
        await press(pilot, "enter")
        assert "Host keys of github.com" in await press(pilot, "enter")
        app.checks.sources = [
            ProbeSource(
                "Git host",
                "dags",
                told(warn_result("as recorded"), name="dags.host_keys"),
                ("dags",),
            )
        ]
        app.go(PREFLIGHT)
        await press(pilot, "f5")
        assert "enter commits" in await press(pilot, "ctrl+s")


# --- quitting


SCRIPT = """
import socket, sys, threading
from pathlib import Path
from screens import app as module
from screens.draft.start import InitialAnswers
from tests.screens.support import COMPLETE, answers
from wizard.clients.postgres import client
from wizard.engine.probes import PROBE_TIMEOUT, Probe
from wizard.systems.database import probes
from wizard.workspace.workspace import Workspace

def look_up(host, *more, **options):
    if sys.argv[3] == "name":
        threading.Event().wait()
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(sys.argv[2])))]

socket.getaddrinfo = look_up
probes.SECONDS = 3600.0
client.SECONDS = 3600
made = Probe.__init__
made.__defaults__ = tuple(3600.0 if one == PROBE_TIMEOUT else one for one in made.__defaults__)
workspace = Workspace.open(Path(sys.argv[1]), create=True, today="2026-11-21")
given = answers("production", [*COMPLETE, "database.sslmode=prefer"])
module.run(workspace, lambda: InitialAnswers(given))
"""


@pytest.mark.parametrize("where", ["name", "server"])
def test_quitting_does_not_wait_for_a_hung_probe(
    tmp_path: Path,
    pty_run: Callable[..., Terminal],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", "a-good-password-1")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "top").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        terminal = pty_run([sys.executable, script, tmp_path / "top", port, where])
        terminal.wait_for("^s review")
        terminal.send("\x10")
        terminal.wait_for("Find a question")
        terminal.send("database.host")
        terminal.wait_for("Database > Host")
        terminal.send("\r")
        terminal.wait_for("] .." if where == "name" else "] ok")
        terminal.send("\x1b[15~")
        terminal.wait_for("Run these probes from this machine?")
        terminal.send("\r")
        terminal.wait_for("esc stops")
        terminal.send("\x11")
        # No probe ends before: the name is never found, and the server never answers.
        assert terminal.wait(timeout=60) == 0
        assert MARKER not in terminal.raw.decode(errors="replace")


async def test_escape_stops_a_round_and_its_probes_stay_unverified(
    tmp_path: Path,
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    over = asyncio.Event()

    def probes(_: object) -> Iterator[Probe]:
        async def run() -> ProbeResult:
            await over.wait()
            return pass_result("too late")

        yield Probe("database.login", "Database: login", f"{HOST}:5432", run)

    app.checks.sources = [ProbeSource("Database", "database", probes, ("database",))]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.go(PREFLIGHT)
        await settled(pilot)
        await send(pilot, "enter")
        await settled(pilot)
        await send(pilot, "enter")
        await asyncio.sleep(0.05)
        await processed(pilot)
        assert "probing, 1 still running" in frame(app)
        assert ">   0 s" in frame(app)
        shown = await press(pilot, "escape")
        assert app_of(pilot).page is not None
        assert page(pilot).page_name == PREFLIGHT
        assert "stopped; probes without a result stay unverified" in shown
        await press(pilot, "escape")
        assert page(pilot).page_name != PREFLIGHT

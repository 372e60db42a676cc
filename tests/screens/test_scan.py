"""Scans on the host-keys page: keys are shown aligned, and never accepted by themselves."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.draft.start import InitialAnswers
from screens.steps import HOST_KEYS
from screens.widgets.dialogs import MessageDialog
from screens.widgets.fields import TextField
from tests.screens.support import (
    ADA,
    COMPLETE,
    ED25519,
    FINGERPRINT,
    SELF_HOSTED,
    Opened,
    answers,
    app_of,
    asked,
    jump,
    opened,
    page,
    paste,
    press,
    showing,
    wizard,
)
from tests.support.leaving import VARIABLE, left_behind
from tests.support.process import Terminal
from tests.support.screens import processed, send, settled
from tests.testbed.fixtures import StartSshd
from tests.testbed.sshd import KeySet, Sshd
from wizard.clients.ssh.scan import scan_host_keys
from wizard.errors import ConflictError
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.scan import Scan, Scanner
from wizard.plan.comparison import require_ready
from wizard.workspace.workspace import Workspace

PASTED = HostKey("ssh-ed25519", ED25519)
HOST = ("git.example.com", 22)


def through(server: Sshd) -> Scanner:
    """Return a scanner of this server under any name: answers may not name the loopback."""

    def ask(host: str, port: int) -> Scan:
        return replace(scan_host_keys(server.host, server.port), host=host, port=port)

    return ask


def accepted(pilot: Pilot[Any]) -> list[str]:
    verdict = app_of(pilot).draft.verification.verdicts[0]
    return [entry.type for entry in verdict.accepted]


async def test_all_keys_of_a_real_server_are_shown_and_none_accepted(
    tmp_path: Path, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(140, 80)) as pilot:
        shown = await asked(pilot, through(sshd()))
        honest = host_key_sets[0]
        for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"):
            assert f"scanned   {honest.public(kind).fingerprint}" in shown
        assert shown.count("! not accepted: nothing proves") == 5
        assert "git.example.com presented 5 keys; compare the fingerprints" in shown
        assert "+--[ED25519 256]--+" in shown
        assert accepted(pilot) == []
        assert not app.draft.has_changes
        assert app.propose().plan.missing_evidence

        fingerprint = honest.public("ssh-ed25519").fingerprint
        assert isinstance(page(pilot).focused, TextField)
        shown = await press(pilot, f"paste:{fingerprint}", "enter")
        assert accepted(pilot) == ["ssh-ed25519"]
        columns = {line.find(fingerprint) for line in shown.splitlines()} - {-1}
        assert len(columns) == 1
        assert "ok, fingerprint typed by Ada Example on 2026-11-21" in shown
        assert shown.count("not pinned: its fingerprint was not typed") == 4
        await press(pilot, "ctrl+s")
        await press(pilot, "enter")
        committed = app.workspace.committed_answers("airflow") or {}
        (entry,) = committed["dags"]["host_keys"]
        assert entry["type"] == "ssh-ed25519"
        assert entry["evidence"]["sha256"] == fingerprint


async def test_a_host_is_scanned_only_after_consent_once_per_host(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        calls: list[tuple[str, int]] = []

        def count(host: str, port: int) -> Scan:
            calls.append((host, port))
            return Scan(host, port, (PASTED,))

        app.scanner = count
        await jump(pilot, HOST_KEYS)
        shown = await press(pilot, "f5")
        assert "Scan git.example.com for its SSH host keys?" in shown
        await press(pilot, "escape")
        assert calls == []
        await press(pilot, "f5", "enter")
        await press(pilot, "f5")
        assert calls == [HOST, HOST]
        await jump(pilot, "dags.repo")
        await press(pilot, "end", "ctrl+u", "paste:ssh://git@other.example.com:2222/dags.git")
        await jump(pilot, HOST_KEYS)
        assert "No keys yet" in await settled(pilot)
        assert "Scan [other.example.com]:2222" in await press(pilot, "f5")
        assert len(calls) == 2


async def test_pasted_and_scanned_fingerprints_are_aligned(tmp_path: Path) -> None:
    other = HostKey("ssh-ed25519", ED25519[:-4] + "AAAA")
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await jump(pilot, HOST_KEYS)
        await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
        shown = await asked(pilot, showing(other))
        lines = [line.rstrip() for line in shown.splitlines()]
        at = next(n for n, line in enumerate(lines) if f"given     {FINGERPRINT}" in line)
        assert f"scanned   {other.fingerprint}" in lines[at + 1]
        assert "! the host presents a different key of this type" in lines[at + 2]
        assert lines[at].find(FINGERPRINT) == lines[at + 1].find(other.fingerprint)
        assert accepted(pilot) == []


async def test_unpublished_keys_of_a_published_host_are_refused(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(100, 60)) as pilot:
        shown = await asked(pilot, showing(PASTED))
        assert "not on its publisher's list" in shown
        assert accepted(pilot) == []
        assert app.propose().plan.missing_evidence


async def test_a_changed_key_shows_old_and_new_and_stops(tmp_path: Path) -> None:
    data = answers("production", [*COMPLETE, SELF_HOSTED])
    data["dags"]["host_keys"] = [
        {"host": "git.example.com", "type": PASTED.type, "key": PASTED.key}
    ]
    first = opened(tmp_path)
    first.commit(first.propose(data, typed=[FINGERPRINT]))
    workspace = Workspace.open(tmp_path / "k8s-infra", today="2026-11-22")
    workspace.identity = ADA
    changed = HostKey("ssh-ed25519", ED25519[:-4] + "AAAA")
    app = Opened(
        workspace, InitialAnswers(workspace.committed_answers("airflow") or {}, existing="airflow")
    )
    async with app.run_test(size=(100, 60)) as pilot:
        shown = await asked(pilot, showing(changed))
        assert f"before    {FINGERPRINT}" in shown
        assert f"scanned   {changed.fingerprint}" in shown
        assert "! CHANGED: not the key that was accepted before" in shown
        assert "! git.example.com presents a different key than the one accepted before" in shown
        assert "!  Host keys" in await press(pilot, "ctrl+n")
        with pytest.raises(ConflictError, match="is not the one that was accepted before"):
            require_ready(app.propose().plan)
        shown = await press(pilot, "ctrl+s")
        assert "! cannot commit" in shown
        await press(pilot, "enter")
        assert not isinstance(
            pilot.app.screen, MessageDialog
        ) or "ssh-ed25519 was" in await settled(pilot)
        assert app.return_value is None


async def test_a_failed_scan_shows_the_reason(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await asked(pilot, showing(problem="no route to host [/x]"))
        assert "! git.example.com could not be scanned: no route to host [/x]" in shown
        assert accepted(pilot) == []


@contextmanager
def hanging() -> Iterator[tuple[Scanner, threading.Event]]:
    """A host that does not answer until the test ends."""
    over, began = threading.Event(), threading.Event()

    def ask(host: str, port: int) -> Scan:
        began.set()
        over.wait(30)
        return Scan(host, port, (PASTED,))

    try:
        yield ask, began
    finally:
        over.set()


async def test_escape_stops_a_scan_and_adds_no_key(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    with hanging() as (scanner, began):
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            app.scanner = scanner
            await jump(pilot, HOST_KEYS)
            await send(pilot, "f5", "enter")
            await processed(pilot)
            assert began.wait(5)
            line = page(pilot).query_one("#status")
            assert "scanning git.example.com for its SSH host keys" in str(line.render())
            await press(pilot, "escape")
            assert page(pilot).page_name == HOST_KEYS
            assert "stopped; no key was added" in str(line.render())
            assert app.draft.scans == ()
            await press(pilot, "escape")
            assert page(pilot).page_name == "installation", "back to where the jump began"


SCRIPT = """
import sys
from pathlib import Path
from screens import app as module
from screens.draft.start import InitialAnswers
from tests.support.leaving import watch
from tests.screens.support import COMPLETE, SELF_HOSTED, answers
from wizard.clients.ssh.scan import scan_host_keys
from wizard.workspace.workspace import Workspace

watch()
module.scan_host = lambda *_: scan_host_keys("127.0.0.1", int(sys.argv[2]), timeout=600)
workspace = Workspace.open(Path(sys.argv[1]), create=True, today="2026-11-21")
module.run(workspace, lambda: InitialAnswers(answers("production", [*COMPLETE, SELF_HOSTED])))
"""


def test_quitting_does_not_wait_for_a_hung_scan(
    tmp_path: Path, pty_run: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "left"))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "top").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = pty_run([sys.executable, script, tmp_path / "top", str(silent.getsockname()[1])])
        terminal.wait_for("^s review")
        terminal.send("\x10")
        terminal.wait_for("Find a question")
        terminal.send("dags.host_keys")
        terminal.wait_for("DAGs > Host keys")
        terminal.send("\r")
        terminal.wait_for("Host keys of git.example.com")
        terminal.send("\x1b[15~")
        terminal.wait_for("for its SSH host keys?")
        terminal.send("\r")
        terminal.wait_for("esc stops")
        terminal.send("\x11")
        assert terminal.wait(60) == 0
    assert left_behind(tmp_path / "left") != [""]

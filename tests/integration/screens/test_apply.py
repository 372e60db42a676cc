"""The page of a run on real servers: to the end, stopped by another object, left half-way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WizardApp
from screens.draft.start import InitialAnswers
from tests.integration.cli.test_apply_end_to_end import Place, place
from tests.screens.applying import page_of, until
from tests.screens.support import Opened, press
from tests.support.canary import Canary
from tests.support.cli import Wizard, aw
from tests.support.cluster.argocd import GITHUB, World
from tests.support.outward import writes
from tests.support.process import WIZARD, Terminal
from tests.support.screens import settled
from tests.support.scripted import hangs
from wizard.errors import ExitCode
from wizard.workspace.workspace import Workspace

__all__ = ["aw", "place"]

pytestmark = [pytest.mark.integration, pytest.mark.world(committed=True)]

PROJECT = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/appprojects/airflow"


def opened(top: Path, name: str) -> WizardApp:
    """The wizard on a committed installation."""
    workspace = Workspace.open(top)
    return Opened(workspace, InitialAnswers(workspace.committed_answers(name) or {}, existing=name))


async def to_the_plan(pilot: Pilot[Any]) -> str:
    """Nothing is to commit, so it can be applied."""
    await settled(pilot)
    await press(pilot, "ctrl+s")
    shown = await press(pilot, "a")
    assert page_of(pilot).phase == "plan", shown
    return shown


async def ended(pilot: Pilot[Any], frames: list[str]) -> str:
    """The frame at the end; every one on the way is kept."""
    screen = page_of(pilot)

    def ready(shown: str) -> bool:
        if shown not in frames:
            frames.append(shown)
        return screen.phase == "ended"

    return await until(pilot, ready, 90)


async def test_an_installation_is_watched_until_it_works(
    place: Callable[[str], Place], canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place("gitops-vault")
    here.fill()
    here.commit()
    for name, value in here.env.items():
        monkeypatch.setenv(name, value)
    wizard = opened(here.clone.path, here.name)
    async with wizard.run_test(size=(140, 45), notifications=True) as pilot:
        frames = [await to_the_plan(pilot)]
        assert (
            f"as  Vault at {here.vault.url} (VAULT_ADDR): the token from VAULT_TOKEN" in frames[0]
        )
        assert "as  cluster: context test" in frames[0]
        kept = (here.kube_writes(), here.accessors())
        frames.append(await press(pilot, "enter"))
        assert (here.kube_writes(), here.accessors()) == kept, "nothing was sent before the yes"
        await press(pilot, "down", "enter")
        shown = await ended(pilot, frames)
        assert "done: everything matches the commit" in shown
        assert "changed      Create AppProject" in shown
        assert any("waiting" in one for one in frames)
        reached = here.state()
        assert reached["leases"] == []

        kept = (here.kube_writes(), here.accessors())
        await press(pilot, "r")
        shown = await ended(pilot, frames)
        run = page_of(pilot).current_run
        assert run is not None
        assert {event.state for event in run.past_events if event.has_ended} == {"holds"}
        assert (here.kube_writes(), here.accessors()) == kept, "a second run changes nothing"
        assert here.state() == reached
        await press(pilot, "enter")
    assert wizard.exit_report.applied is not None
    assert wizard.exit_report.applied.outcome == ExitCode.DONE
    here.require_store_reads_its_payload_only()
    canary.assert_absent(*frames, *wizard.exit_report.applied.lines)
    for value in here.values().values():
        assert len(value) < 20 or not any(value.strip() in one for one in frames)


async def test_anothers_object_stops_it_and_a_wait_is_left_safely(world: World, aw: Wizard) -> None:
    theirs = {"sourceRepos": ["*"]}
    world.put("AppProject", "airflow", api="argoproj.io/v1alpha1", spec=theirs)
    wizard = opened(aw.folder, "airflow")
    async with wizard.run_test(size=(80, 24), notifications=True) as pilot:
        assert "Vault is skipped: no Vault" in await to_the_plan(pilot)
        await press(pilot, "enter", "down", "enter")
        frames: list[str] = []
        shown = await ended(pilot, frames)
        assert "> blocked      Create AppProject airflow" in shown
        assert "! stopped by a conflict with another owner's object" in shown
        assert "+    - https://airflow.apache.org" in shown
        # The list of steps is longer than this screen.
        run = page_of(pilot).current_run
        assert run is not None
        assert {one.id: one.state for one in run.past_events}["argocd.application"] == "left"
        assert wizard.exit_report.applied is not None
        assert wizard.exit_report.applied.outcome == ExitCode.CONFLICT
        assert any('-    - "*"' in line for line in wizard.exit_report.applied.lines)
        assert world.read(PROJECT)["spec"] == theirs
        assert world.lease() is None

        # Its owner agreed: exactly what was shown is taken over, and the run goes on.
        assert "t takes over exactly this difference" in shown
        await press(pilot, "t", "down", "enter")
        screen = page_of(pilot)
        shown = await until(pilot, lambda now: "> waiting" in now, 60)
        assert "Wait until the store is valid" in shown
        assert "meanwhile: " in shown
        assert world.read(PROJECT)["spec"]["sourceRepos"] == ["https://airflow.apache.org", GITHUB]
        assert world.lease()["holderIdentity"]

        began = time.monotonic()
        await press(pilot, "escape", "down", "enter")
        shown = await until(pilot, lambda _: screen.phase == "ended")
        assert time.monotonic() - began < 6, "a busy machine gets five seconds of slack"
        assert "stopped; completed steps stay" in shown
        assert "> left         Wait until the store is valid" in shown
        assert world.lease() is None
        await press(pilot, "ctrl+q")
    last = wizard.exit_report.applied
    assert last.outcome == ExitCode.INTERRUPTED
    assert writes(world.lines) == []


def test_a_vault_that_hangs_is_left_at_once(
    world: World, aw: Wizard, canary: Canary, pty_run: Callable[..., Terminal]
) -> None:
    del world
    taken, listener = hangs()
    with listener as port:
        place = {"VAULT_ADDR": f"https://127.0.0.1:{port}", "VAULT_TOKEN": canary.secret()}
        terminal = pty_run([*WIZARD], cwd=aw.folder, env=place, size=(100, 30))
        terminal.wait_for("^s review", 40)
        terminal.send("\x13")
        terminal.wait_for("a apply", 40)
        terminal.send("a")
        terminal.wait_for("nothing was sent yet", 40)
        assert taken == []
        terminal.send("\r")
        terminal.wait_for("> not yet")
        terminal.send("\x1b[B\r")
        deadline = time.monotonic() + 40
        while not taken:
            assert time.monotonic() < deadline, terminal.text
            terminal.wait_for("checking", 40)
        terminal.send("\x11")
        terminal.wait_for("> continue")
        terminal.send("\x1b[B\r")
        began = time.monotonic()
        code = terminal.wait()
        seconds = time.monotonic() - began
    assert code == 130, terminal.text
    assert seconds < 6, seconds
    assert "interrupted; completed steps stay: run apply again" in terminal.text
    # The clone is compared before anything is asked.
    assert "3 holds" in terminal.text
    assert "Traceback" not in terminal.text
    canary.assert_absent(bytes(terminal.raw))

"""Ctrl-C in `apply`: it ends at once, says what is done and what is left, and holds no lock."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.cli import Wizard, aw
from tests.support.cluster.argocd import World
from tests.support.leaving import VARIABLE, left_behind
from tests.support.scripted import hangs
from wizard.apply import lock as locking
from wizard.apply import run as engine
from wizard.apply.lock import RunLock
from wizard.apply.run import Run
from wizard.engine.steps import Step, StepEvent, StepStatus

__all__ = ["aw"]

pytestmark = [pytest.mark.integration, pytest.mark.world(committed=True)]


@contextmanager
def running(aw: Wizard, *args: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.leaving",
            "apply",
            "--yes",
            "--repo",
            str(aw.folder),
            *args,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stop(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, and the end that follows; whoever it would wait for takes much longer than this."""
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def soon(process: subprocess.Popen[str], ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 40
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_ends_at_once_and_gives_the_lock_back(world: World, aw: Wizard) -> None:
    with running(aw, "--only", "delivery", "--json") as process:
        assert process.stdout is not None
        lines = []
        for text in process.stdout:
            lines.append(json.loads(text))
            if lines[-1]["state"] == "waiting":
                break
        assert world.lease()["holderIdentity"]
        stop(process)
        out, err = process.communicate()
    assert world.lease() is None
    ended = {one["action"]: one["state"] for one in lines}
    ended |= {one["action"]: one["state"] for one in map(json.loads, out.splitlines())}
    assert ended["argocd.application"] == "changed"
    assert {name: state for name, state in ended.items() if state == "waiting"} == {}
    assert [one["state"] for one in map(json.loads, out.splitlines())] == ["left"] * len(
        out.splitlines()
    )
    assert "run apply again" in err
    assert "Traceback" not in err

    # The next run goes on there.
    with running(aw, "--only", "delivery") as process:
        assert process.stderr is not None
        said = ""
        for text in process.stderr:
            said += text
            if text.startswith("waiting"):
                break
        assert world.lease() is None
        stop(process)
        rest = process.communicate()[1]
    assert "changed" not in said
    assert next(one for one in rest.splitlines() if not one.startswith(" ")).startswith("left")
    assert "holds" in rest.splitlines()[-2]


def test_a_vault_that_hangs_is_not_waited_for(
    world: World, aw: Wizard, canary: Canary, tmp_path: Path
) -> None:
    taken, listener = hangs()
    with listener as port:
        place = {"VAULT_ADDR": f"https://127.0.0.1:{port}", "VAULT_TOKEN": canary.secret(),
                 VARIABLE: str(tmp_path / "left")}  # fmt: skip
        with running(aw, "--only", "store", **place) as process:
            soon(process, lambda: taken)
            stop(process)
            out, err = process.communicate()
    # The request was still under way when the process ended.
    assert "probe" in left_behind(tmp_path / "left")
    assert "left          Mount KV version 2" in err
    canary.assert_absent(out, err)


SLOW = """
import asyncio, sys, time
from wizard.apply.lock import RunLock

class Hanging:
    def get(self, ref): return None
    def create(self, made):
        return {**made, "metadata": {**made["metadata"], "uid": "u", "resourceVersion": "1"}}
    def delete(self, ref, **about): time.sleep(600)
    replace = delete

async def main():
    async with RunLock(Hanging(), "argocd", "airflow", seconds=float(sys.argv[1])) as lock:
        await lock.acquire()
        await asyncio.sleep(0.5)
        print("held", flush=True)
        await asyncio.sleep(600)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("seconds", ["30", "0.6"], ids=["giving back", "renewing"])
def test_a_cluster_that_hangs_is_not_waited_for(seconds: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, seconds], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        stop(process)
    finally:
        process.kill()
        process.communicate()


async def test_an_end_that_is_no_interruption_waits() -> None:
    class Late:
        deleted = False

        def get(self, _ref: object) -> None:
            return None

        def create(self, made: Any) -> Any:
            return {**made, "metadata": {**made["metadata"], "uid": "u", "resourceVersion": "1"}}

        def delete(self, _ref: object, **_about: object) -> bool:
            time.sleep(0.8)
            self.deleted = True
            return True

    kube: Any = Late()
    async with RunLock(kube, "argocd", "airflow") as lock:
        await lock.acquire()
    assert kube.deleted


async def test_a_lock_that_is_being_taken_is_given_back_too() -> None:
    made, gone = threading.Event(), threading.Event()

    class Slow:
        def get(self, _ref: object) -> None:
            return None

        def create(self, lease: Any) -> Any:
            time.sleep(0.3)
            made.set()
            return {**lease, "metadata": {**lease["metadata"], "uid": "u", "resourceVersion": "1"}}

        def delete(self, _ref: object, **_about: object) -> None:
            gone.set()

    async def run() -> None:
        kube: Any = Slow()
        async with RunLock(kube, "argocd", "airflow") as lock:
            await lock.acquire()

    task = asyncio.ensure_future(run())
    await asyncio.sleep(0.1)
    assert not made.is_set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone.is_set()


def test_all_that_an_interruption_waits_for_takes_less_than_a_second() -> None:
    assert engine.QUIT_SECONDS + locking.QUIT_SECONDS < 1


async def test_whoever_waits_for_the_lock_of_another_leaves_at_once() -> None:
    class Others:
        def get(self, _ref: object) -> Any:
            about = {"uid": "u", "resourceVersion": "1"}
            return {"metadata": about, "spec": {"holderIdentity": "ada", "leaseDurationSeconds": 9}}

    async def run() -> None:
        kube: Any = Others()
        async with RunLock(kube, "argocd", "airflow") as lock:
            await lock.acquire()

    task = asyncio.ensure_future(run())
    await asyncio.sleep(0.2)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 0.4


async def _never() -> StepStatus:
    raise AssertionError


def test_what_is_left_is_told_with_what_may_have_been_made() -> None:
    actions = [Step(name, name.upper(), "me", "here", _never) for name in "abc"]
    told = [
        StepEvent("a", "A", "me", "checking"), StepEvent("a", "A", "me", "holds"),
        StepEvent("b", "B", "me", "checking"), StepEvent("b", "B", "me", "changing"),
    ]  # fmt: skip
    target: Any = None
    run = Run(target, actions)
    run.past_events = list(told)
    left = run.mark_interrupted()
    assert run.past_events == [*told, *left]
    assert [(one.id, one.state) for one in left] == [("b", "left"), ("c", "left")]
    assert ("may have completed" in left[0].detail, left[1].detail) == (True, "")
    run.past_events = told[:3]
    assert [one.detail for one in run.mark_interrupted()] == ["", ""]


def test_logins_are_revoked_but_not_waited_for() -> None:
    release, ended = threading.Event(), threading.Event()
    target: Any = SimpleNamespace(cleanups=[release.wait, ended.set])
    started = time.monotonic()
    Run(target, ()).end(0.2)
    assert time.monotonic() - started < 0.8
    assert not ended.is_set()
    release.set()
    assert ended.wait(5)

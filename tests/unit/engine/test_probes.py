"""The probe engine: order, time limits, and probes that hang, raise or ignore their end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from tests.support.leaving import VARIABLE, left_behind
from wizard.engine.probes import (
    STATUS_WORDS,
    CachedCall,
    Probe,
    ProbeResult,
    ProbeStatus,
    fail_result,
    pass_result,
    run_in_thread,
    run_probes,
    summarize_results,
    unknown_result,
    wrap_blocking,
)
from wizard.errors import Fix


def probe(name: str, run: Callable[[], Awaitable[ProbeResult]], timeout: float = 5.0) -> Probe:
    return Probe(name, name, "db.example:5432", run, timeout)


def after(seconds: float, result: ProbeResult) -> Callable[[], Awaitable[ProbeResult]]:
    async def run() -> ProbeResult:
        await asyncio.sleep(seconds)
        return result

    return run


async def results(*probes: Probe) -> dict[str, ProbeResult]:
    return {done.id: result async for done, result in run_probes(probes)}


async def test_results_come_in_the_order_they_end() -> None:
    probes = [
        probe("slow", after(0.2, pass_result("ok"))),
        probe("fast", after(0, fail_result("no"))),
    ]
    order = [(done.id, result.status) async for done, result in run_probes(probes)]
    assert order == [("fast", "fail"), ("slow", "pass")]


async def test_probes_run_side_by_side() -> None:
    # None of them ends before all have begun.
    begun = asyncio.Barrier(20)

    async def run() -> ProbeResult:
        await begun.wait()
        return pass_result("ok")

    ended = await results(*(probe(str(n), run, 60) for n in range(20)))
    assert {result.status for result in ended.values()} == {"pass"}


async def test_no_probe_is_no_result() -> None:
    assert await results() == {}


async def deaf() -> ProbeResult:
    """Ignores its cancellation."""
    while True:
        try:
            await asyncio.sleep(1)
            return pass_result("too late")
        except asyncio.CancelledError:
            continue


async def never() -> ProbeResult:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def sleeps() -> ProbeResult:
    time.sleep(600)
    return pass_result("too late")


@pytest.mark.parametrize("run", [never, deaf, wrap_blocking(sleeps)])
async def test_a_hanging_probe_is_unknown_and_names_its_endpoint(
    run: Callable[[], Awaitable[ProbeResult]],
) -> None:
    # Whoever waited for it would wait for longer than a test may take.
    ended = await results(probe("hangs", run, 0.1), probe("other", after(0, pass_result("ok"))))
    assert ended["hangs"].status == "unknown"
    assert "db.example:5432 did not answer within 0.1 s" in ended["hangs"].detail
    assert ended["other"].status == "pass"


async def test_a_raising_probe_is_unknown_and_its_message_stays_inside() -> None:
    def fail() -> ProbeResult:
        raise OSError("password hunter2hunter2")

    async def cancelled() -> ProbeResult:
        raise asyncio.CancelledError

    ended = await results(probe("raises", wrap_blocking(fail)), probe("cancels", cancelled))
    assert ended["raises"].status == ended["cancels"].status == "unknown"
    assert "OSError" in ended["raises"].detail
    assert "hunter2" not in str(ended)


async def test_closing_early_abandons_the_rest() -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    async def slow() -> ProbeResult:
        begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return pass_result("late")

    running = run_probes([probe("fast", after(0.05, pass_result("ok"))), probe("slow", slow)])
    async for done, _ in running:
        assert done.id == "fast"
        break
    await running.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.05)
    assert begun.is_set()
    assert ended == ["cancelled"]


async def test_in_thread_returns_and_raises_what_the_call_does() -> None:
    names: list[str] = []

    def call() -> int:
        names.append(threading.current_thread().name)
        assert threading.current_thread().daemon
        return 7

    assert await run_in_thread(call) == 7
    assert names == ["probe"]

    def broken() -> int:
        raise ValueError("no")

    def stops() -> int:
        raise StopIteration

    with pytest.raises(ValueError, match="no"):
        await run_in_thread(broken)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_in_thread(stops)


async def test_one_look_serves_many_readers_and_survives_a_reader_that_left() -> None:
    calls: list[int] = []

    def look() -> str:
        calls.append(1)
        time.sleep(0.2)
        return "seen"

    once = CachedCall(look)
    leaving = asyncio.ensure_future(once())
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert [await once(), await once()] == ["seen", "seen"]
    assert calls == [1]


async def test_a_look_that_fails_after_everybody_left_says_nothing() -> None:
    def look() -> str:
        time.sleep(0.1)
        raise ValueError("no")

    once = CachedCall(look)

    async def run() -> ProbeResult:
        return pass_result(await once())

    ended = await results(probe("left", run, 0.01))
    assert ended["left"].status == "unknown"
    await asyncio.sleep(0.2)
    with pytest.raises(ValueError, match="no"):
        await once()


def test_json_names_probe_and_endpoint() -> None:
    one = probe("database.login", after(0, pass_result("ok")))
    assert one.to_json(unknown_result("no answer", "try again")) == {
        "id": "database.login",
        "title": "database.login",
        "endpoint": "db.example:5432",
        "status": "unknown",
        "detail": "no answer",
        "fix": "try again",
    }
    led = one.to_json(unknown_result("no answer", Fix("try again", "database.host")))
    assert (led["fix"], led["question"]) == ("try again", "database.host")


HANGS = """
import asyncio, time
from tests.support.leaving import watch
from wizard.engine.probes import Probe, run_probes, wrap_blocking

watch()

async def main():
    probes = [Probe("a", "a", "a", wrap_blocking(lambda: time.sleep(600)), timeout=600)]
    async for _ in run_probes(probes):
        pass

async def quits():
    work = asyncio.ensure_future(main())
    await asyncio.sleep(0.2)
    work.cancel()

asyncio.run(quits())
"""


def test_a_hung_probe_is_not_waited_for_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "left"))
    command = [sys.executable, "-c", HANGS]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert left_behind(tmp_path / "left") == ["probe"]
    assert not done.stderr


def test_an_end_is_told_in_the_same_words_everywhere() -> None:
    results = [ProbeResult("unknown", ""), ProbeResult("pass", ""), ProbeResult("pass", "")]
    assert summarize_results(results) == "2 ok, 1 unverified"
    assert summarize_results([]) == ""
    assert set(STATUS_WORDS) == set(get_args(ProbeStatus))

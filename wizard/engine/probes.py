"""The probe engine: read-only checks of other systems, each with a time limit.

A probe never raises and never writes. An unknown result means that the check was not possible; it
blocks nothing. A failed result is a proven fault. Blocking clients run in daemon threads
(`run_in_thread`): Python waits for the threads of asyncio's own executor at exit, so a server that
never answers would keep the process alive.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Literal, ParamSpec, TypeVar

from wizard.errors import NO_FIX, Fix, to_fix

ProbeStatus = Literal["pass", "warn", "fail", "skip", "unknown"]
P = ParamSpec("P")
T = TypeVar("T")

PROBE_TIMEOUT = 10.0
# The word for each status, in the order in which `summarize_results` lists them.
STATUS_WORDS: Mapping[ProbeStatus, str] = {
    "pass": "ok",
    "warn": "warning",
    "fail": "FAILED",
    "skip": "skipped",
    "unknown": "unverified",
}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe: `detail` describes it, `fix` says what to do next (empty: nothing).

    `word` is the detail in a word or two, such as a version, where space is limited.
    """

    status: ProbeStatus
    detail: str
    fix: Fix = NO_FIX
    word: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One check: `id` is `section.what`, `endpoint` the system checked, `timeout` in seconds.

    `question` is the dotted key of the answer to correct when the result's fix names none; empty
    when no answer helps. A probe that `proves_peer` verifies the peer's identity: while it fails,
    other results from that peer do not count.
    """

    id: str
    title: str
    endpoint: str
    run: Callable[[], Awaitable[ProbeResult]]
    timeout: float = PROBE_TIMEOUT
    question: str = ""
    proves_peer: bool = False

    def find_question(self, result: ProbeResult) -> str:
        """Return the key of the question to correct: the fix's, or else the probe's."""
        return result.fix.question or self.question

    def to_json(self, result: ProbeResult) -> dict[str, str]:
        """Return the probe and its result in the form of `check --live --json`."""
        found = {"status": result.status, "detail": result.detail, **result.fix.to_json()}
        return {"id": self.id, "title": self.title, "endpoint": self.endpoint, **found}


def summarize_results(results: Iterable[ProbeResult]) -> str:
    """Return the counts by status, such as `7 ok, 1 warning`; empty without results."""
    states = [result.status for result in results]
    return ", ".join(
        f"{states.count(one)} {word}" for one, word in STATUS_WORDS.items() if one in states
    )


def pass_result(detail: str, word: str = "") -> ProbeResult:
    """Return the result for a state that is as required."""
    return ProbeResult("pass", detail, word=word)


def warn_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """Return the result for a state that works but needs a decision."""
    return ProbeResult("warn", detail, to_fix(fix))


def fail_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """Return the result for a proven fault: the installation cannot work."""
    return ProbeResult("fail", detail, to_fix(fix))


def skip_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """Return the result for a check that was not run; `detail` is the reason."""
    return ProbeResult("skip", detail, to_fix(fix))


def unknown_result(detail: str, fix: Fix | str = "", word: str = "") -> ProbeResult:
    """Return the result for a check that was not possible from here; it stays unverified."""
    return ProbeResult("unknown", detail, to_fix(fix), word)


async def run_probes(probes: Iterable[Probe]) -> AsyncIterator[tuple[Probe, ProbeResult]]:
    """Run all probes concurrently and yield each with its result as it ends.

    An exception of a probe becomes an unknown result. Closing the generator or cancelling its task
    abandons running probes.
    """
    done: asyncio.Queue[tuple[Probe, ProbeResult]] = asyncio.Queue()

    async def one(probe: Probe) -> None:
        done.put_nowait((probe, await _run_probe(probe)))

    tasks = [asyncio.ensure_future(one(probe)) for probe in probes]
    try:
        for _ in tasks:
            yield await done.get()
    finally:
        for task in tasks:
            task.cancel()


async def _run_probe(probe: Probe) -> ProbeResult:
    work = asyncio.ensure_future(_run_guarded(probe))
    try:
        # Not asyncio.timeout, which waits for a probe that ignores its cancellation.
        await asyncio.wait({work}, timeout=probe.timeout)
    finally:
        work.cancel()
    if work.done() and not work.cancelled():
        return work.result()
    return unknown_result(
        f"{probe.endpoint} did not answer within {probe.timeout:g} s", "try again later"
    )


async def _run_guarded(probe: Probe) -> ProbeResult:
    try:
        return await probe.run()
    except Exception as error:
        # The message may quote anything, even a password.
        return unknown_result(f"{probe.endpoint}: the check itself failed ({type(error).__name__})")


async def run_in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the value of a blocking call in a daemon thread; raises what the call raises.

    When the waiting task is cancelled, the thread is abandoned; the process does not wait for it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def work() -> None:
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = call(*args, **kwargs)
        except StopIteration:
            failure = RuntimeError("the call raised StopIteration")
        except BaseException as error:
            failure = error
        # The loop is closed if the process ends before the call does.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name="probe", daemon=True).start()
    return await future


def wrap_blocking(call: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """Return a blocking call as a probe's `run`."""
    return lambda: run_in_thread(call)


class CachedCall(Generic[T]):
    """One blocking call that several probes read; it runs once, at the first read.

    `call` returns errors as values; if it raises an exception, every reader gets it.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._task: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """Return the value; cancelling one reader does not cancel the call for the others."""
        if self._task is None:
            self._task = asyncio.ensure_future(run_in_thread(self._call))
            # All readers may be cancelled by the time the call fails.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._task)


def make_finished_probe(
    id: str,  # noqa: A002
    title: str,
    endpoint: str,
    result: ProbeResult,
    question: str = "",
) -> Probe:
    """Return a probe whose result is known already."""

    async def run() -> ProbeResult:
        return result

    return Probe(id, title, endpoint, run, question=question)

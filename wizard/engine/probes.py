"""The probe engine: read-only looks outside, each with a time limit, told in the order they end.

A probe never raises and never writes. What could not be found out is `unknown_result` and blocks
nothing; `fail` is a proven fault. Clients that block run in daemon threads (`run_in_thread`): the
threads of asyncio's own executor are waited for at exit, so a server that never answers would keep
the process alive.
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
# A status as people read it, in the order in which an end is told.
STATUS_WORDS: Mapping[ProbeStatus, str] = {
    "pass": "ok",
    "warn": "warning",
    "fail": "FAILED",
    "skip": "skipped",
    "unknown": "unverified",
}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe found: `detail` says what is so, `fix` what to do next (empty: nothing).

    `word` is the same for a place with room for a word or two, such as a version.
    """

    status: ProbeStatus
    detail: str
    fix: Fix = NO_FIX
    word: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One look outside: `id` is `section.what`, `endpoint` who is asked, `timeout` in seconds.

    `question` is the dotted key of the answer to look at where the result's fix names none, empty
    where no answer helps. One that `proves_peer` shows who answers: while it fails, nothing that
    the peer says counts.
    """

    id: str
    title: str
    endpoint: str
    run: Callable[[], Awaitable[ProbeResult]]
    timeout: float = PROBE_TIMEOUT
    question: str = ""
    proves_peer: bool = False

    def find_question(self, result: ProbeResult) -> str:
        """The key of the question to look at: that of the result's fix, else the probe's own."""
        return result.fix.question or self.question

    def to_json(self, result: ProbeResult) -> dict[str, str]:
        """The probe and what it found, as `check --live --json` prints it."""
        found = {"status": result.status, "detail": result.detail, **result.fix.to_json()}
        return {"id": self.id, "title": self.title, "endpoint": self.endpoint, **found}


def summarize_results(results: Iterable[ProbeResult]) -> str:
    """`7 ok, 1 warning`; empty without any."""
    states = [result.status for result in results]
    return ", ".join(
        f"{states.count(one)} {word}" for one, word in STATUS_WORDS.items() if one in states
    )


def pass_result(detail: str, word: str = "") -> ProbeResult:
    """It is as it must be."""
    return ProbeResult("pass", detail, word=word)


def warn_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """It works, and something about it deserves a decision."""
    return ProbeResult("warn", detail, to_fix(fix))


def fail_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """A proven fault: it cannot work like this."""
    return ProbeResult("fail", detail, to_fix(fix))


def skip_result(detail: str, fix: Fix | str = "") -> ProbeResult:
    """Not tried, and why."""
    return ProbeResult("skip", detail, to_fix(fix))


def unknown_result(detail: str, fix: Fix | str = "", word: str = "") -> ProbeResult:
    """Could not be found out from here; it stays unverified and is tried again."""
    return ProbeResult("unknown", detail, to_fix(fix), word)


async def run_probes(probes: Iterable[Probe]) -> AsyncIterator[tuple[Probe, ProbeResult]]:
    """Run all side by side and yield each with its result as it ends; raises nothing of theirs.

    Closing the generator or cancelling its task abandons what still runs.
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
        # Not asyncio.timeout: that would wait for a probe that does not heed its cancellation.
        await asyncio.wait({work}, timeout=probe.timeout)
    finally:
        work.cancel()
    if work.done() and not work.cancelled():
        return work.result()
    return unknown_result(
        f"{probe.endpoint} gave no answer in {probe.timeout:g} s", "try again later"
    )


async def _run_guarded(probe: Probe) -> ProbeResult:
    try:
        return await probe.run()
    except Exception as error:
        # Its message may quote anything, a password among it.
        return unknown_result(f"{probe.endpoint}: the check itself failed ({type(error).__name__})")


async def run_in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The value of a blocking call, made in a daemon thread; raises what it raises.

    When the waiting task is cancelled the thread is left to itself: nobody waits for it, not even
    the end of the process.
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
        # The loop is closed when the process has given up waiting.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name="probe", daemon=True).start()
    return await future


def wrap_blocking(call: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """A blocking call as a probe's `run`."""
    return lambda: run_in_thread(call)


class CachedCall(Generic[T]):
    """One blocking look that several probes read: made at the first call, once.

    `call` reports what went wrong in its value; what it raises reaches every reader.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._task: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The value; a reader that is cancelled does not take it from the others."""
        if self._task is None:
            self._task = asyncio.ensure_future(run_in_thread(self._call))
            # Every reader may have given up by the time it fails.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._task)


def make_finished_probe(
    id: str,  # noqa: A002
    title: str,
    endpoint: str,
    result: ProbeResult,
    question: str = "",
) -> Probe:
    """A probe whose end is known before anything is asked."""

    async def run() -> ProbeResult:
        return result

    return Probe(id, title, endpoint, run, question=question)

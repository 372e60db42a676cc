"""Times contestants in turns, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P.*?\x1b\\|[@-_])", re.DOTALL
)
PAINTED_LETTERS = 20
Timed = Callable[[], float]


class NotAvailableError(Exception):
    """This contestant cannot run here; the message says why."""


@dataclass
class Case:
    """One budget: ours may take `budget` times as long as the peer (below 1: must be faster)."""

    what: str
    peer: str
    budget: float
    ours: Callable[[], Timed]
    theirs: Callable[[], Timed]
    rounds: int = 15
    times: dict[str, list[float]] = field(default_factory=lambda: {"ours": [], "theirs": []})
    reason: str = ""

    def prepare(self) -> dict[str, Timed]:
        """Set both up; what cannot run is left out and `reason` says why."""
        ready: dict[str, Timed] = {}
        for name, make in (("ours", self.ours), ("theirs", self.theirs)):
            try:
                ready[name] = make()
                ready[name]()  # once unmeasured: byte code and file caches are warm for both
            except NotAvailableError as error:
                ready.pop(name, None)
                label = "airflow-wizard" if name == "ours" else self.peer
                self.reason += f"{'; ' if self.reason else ''}{label}: {error}"
        return ready

    def row(self) -> tuple[str, str, str, str, str, str]:
        """What, ours, peer, its time, the ratio and the verdict, as words."""
        ours, theirs = (_median(self.times[name]) for name in ("ours", "theirs"))
        if ours is None or theirs is None:
            return (self.what, _ms(ours), self.peer, _ms(theirs), "-", "not available")
        ratio = ours / theirs
        verdict = "within" if ratio <= self.budget else "OVER"
        bound = f"{verdict} {self.budget:g}x" if self.budget >= 1 else _faster(verdict, self.budget)
        return (self.what, _ms(ours), self.peer, _ms(theirs), f"{ratio:.2f}x", bound)


def _faster(verdict: str, budget: float) -> str:
    return f"{verdict} 1/{1 / budget:g}"


def _median(times: Sequence[float]) -> float | None:
    return statistics.median(times) if times else None


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def compete(cases: Sequence[Case], tell: Callable[[str], None]) -> None:
    """Run all rounds of all cases, contestant after contestant in each round."""
    for case in cases:
        tell(f"{case.what} against {case.peer}")
        ready = case.prepare()
        for _ in range(case.rounds):
            for name, timed in ready.items():
                case.times[name].append(timed())


def process(
    command: Sequence[str | os.PathLike[str]],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Timed:
    """Seconds from start to end of a command; NotAvailableError when it ends badly."""

    def timed() -> float:
        if not Path(command[0]).exists():
            raise NotAvailableError(f"{command[0]} is not there")
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        if done.returncode not in codes:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
            raise NotAvailableError(f"exit {done.returncode}, it said: {said[0][:120]}")
        return seconds

    return timed


def first_paint(
    command: Sequence[str | os.PathLike[str]], cwd: Path, env: Mapping[str, str] | None = None
) -> Timed:
    """Seconds from start until a terminal of 80x24 shows text; the program is then ended."""

    def timed() -> float:
        if not Path(command[0]).exists():
            raise NotAvailableError(f"{command[0]} is not there")
        main, child = pty.openpty()
        started = time.perf_counter()
        running = subprocess.Popen(
            command, cwd=cwd, stdin=child, stdout=child, stderr=child, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24",
                 **(env or {})},
        )  # fmt: skip
        os.close(child)
        try:
            return _painted(main, running) - started
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            os.close(main)

    return timed


def _painted(main: int, running: subprocess.Popen[bytes], limit: float = 20) -> float:
    seen = b""
    deadline = time.perf_counter() + limit
    while time.perf_counter() < deadline:
        if not select.select([main], [], [], 0.5)[0]:
            continue
        try:
            seen += os.read(main, 65536)
        except OSError:
            break
        # Only a program that took over the screen paints; an error message is no first paint.
        letters = sum(map(bytes.isalpha, re.findall(rb".", ESCAPES.sub(b"", seen))))
        if b"\x1b[?1049h" in seen and letters >= PAINTED_LETTERS:
            return time.perf_counter()
    plain = ESCAPES.sub(b"", seen).decode(errors="replace").strip().splitlines() or ["nothing"]
    raise NotAvailableError(f"no screen in {limit} s (exit {running.poll()}): {plain[0][:120]}")

"""Runs commands as a person would: in a process of their own, with or without a terminal."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyte

WIZARD = (sys.executable, "-m", "wizard")


@dataclass(frozen=True)
class Finished:
    """How a command ended: its exit code, and both streams as text."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str = "",  # noqa: A002
    timeout: float = 60,
) -> Finished:
    """Run a command without a terminal; `env` is added to the test's own environment."""
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=input.encode(),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class Terminal:
    """A command in a terminal of its own: type, wait for text, read the screen.

    A context manager; whatever still runs at its end is killed.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> None:
        columns, rows = size
        self.raw = bytearray()
        self.started = time.monotonic()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._main, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [os.fspath(part) for part in command],
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            # The child's terminal becomes its controlling one: Ctrl-C and /dev/tty work.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(child)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Take the terminal away, as a lost connection does."""
        if self._main >= 0:
            os.close(self._main)
            self._main = -1

    @property
    def text(self) -> str:
        """The screen as it stands, without trailing spaces."""
        return "\n".join(line.rstrip() for line in self._screen.display) + "\n"

    def send(self, keys: str) -> None:
        """Type; `\\r` is enter, `\\x1b` escape, `\\x0e` ctrl+n, `\\x03` ctrl+c."""
        if keys == "\x03":
            # Between printing a prompt and reading the answer, Python keeps a
            # signal until the next line; no person is that fast.
            time.sleep(0.3)
        os.write(self._main, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal; the program is told as by a window manager."""
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text: str, timeout: float = 20) -> str:
        """The screen once it shows this text; AssertionError with the screen when it never does."""
        deadline = time.monotonic() + timeout
        while text not in self.text:
            more = self._read(deadline - time.monotonic())
            if text in self.text:
                break
            state = "it ended" if not more else "time is up"
            if not more or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} never showed ({state}); the screen:\n{self.text}")
        return self.text

    def wait_for_output(self, timeout: float = 20) -> float:
        """Seconds from the start to the first byte that the program wrote."""
        deadline = time.monotonic() + timeout
        while not self.raw and time.monotonic() < deadline:
            self._read(deadline - time.monotonic())
        return time.monotonic() - self.started

    def wait(self, timeout: float = 20) -> int:
        """The exit code, once the command has ended; what it writes meanwhile is read."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not end; the screen:\n{self.text}")
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, seconds: float) -> bool:
        """Feed what was written to the screen; False once the program has closed its terminal."""
        ready, _, _ = select.select([self._main], [], [], min(0.25, max(0.0, seconds)))
        if not ready:
            return True
        try:
            data = os.read(self._main, 65536)
        except OSError:  # Linux answers EIO where others report the end
            return False
        self.raw += data
        self._stream.feed(self._decoder.decode(data))
        return bool(data)

"""The end of a session from outside: the terminal is gone, or the process is told to end.

A lost SSH connection or a closed tmux ends the terminal. The kernel then sends SIGHUP, and every
read from the terminal returns the end of the input or EIO. SIGTERM asks for the same. Source:
signal(7), termios(3).
"""

from __future__ import annotations

import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable
from types import FrameType

# Nothing that is still to be done may hold the process for longer; nobody would see it.
MOST_SECONDS = 30
_SIGNALS = (signal.SIGHUP, signal.SIGTERM)
_AGAIN_SECONDS = 0.5


class HangupError(KeyboardInterrupt):
    """The session ends from outside; no question can be answered any more."""


class Hangup:
    """Calls `react` once when a signal ends the session; a context manager.

    Further signals change nothing while the answers are saved, but the process ends after
    MOST_SECONDS. A signal that is ignored at the start stays ignored, as under nohup.

    Python calls a handler only between two instructions of the main thread. A signal that arrives
    just before a prompt starts to read would therefore wait for the next key: a thread sees the
    signal, and sends it again until it interrupts the read.
    """

    def __init__(self, react: Callable[[], None]) -> None:
        self.has_happened = False
        self.react = react
        self._before: dict[signal.Signals, object] = {}
        self._seen, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        self._wakeup_before = -1

    def __enter__(self) -> Hangup:
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        # Python writes the number of each signal there at once.
        self._wakeup_before = signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        threading.Thread(
            target=self._send_again, args=(threading.get_ident(),), daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.has_happened:
            # The process is about to end: a second signal must not cut that short.
            return
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup_before)
        # This ends the thread.
        self._wakeup.close()

    def _send_again(self, main: int) -> None:
        """Send a signal to the main thread until it reacts."""
        with self._seen:
            while numbers := self._seen.recv(64):
                for number in {*numbers} & {*self._before}:
                    time.sleep(_AGAIN_SECONDS)
                    if not self.has_happened:
                        signal.pthread_kill(main, number)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.end()

    def end(self) -> None:
        """End the session, unless that has begun."""
        if not self.has_happened:
            self.has_happened = True
            signal.alarm(MOST_SECONDS)
            self.react()


def raise_hangup() -> None:
    """Raise HangupError: the reaction of commands that read line by line."""
    raise HangupError


def do_nothing() -> None:
    """React to nothing: the session is about to end anyway."""


def is_hangup(error: BaseException) -> bool:
    """Return whether an interrupted prompt cannot be followed by another one.

    A person who ends the input (ctrl+d) leaves the terminal as it is.
    """
    if isinstance(error, HangupError):
        return True
    try:
        termios.tcgetattr(sys.stdin)
    except (termios.error, OSError, ValueError):
        return True
    return False

"""A signal that the main thread does not notice, since it begins to read at that moment."""

from __future__ import annotations

import sys

import pytest

from tests.support.process import run

# Another thread gets the signal, so nothing interrupts the read: as if it had come just before.
_PROGRAM = """
import os, signal, sys, threading, time
from wizard.cli.hangup import Hangup, HangupError, raise_hangup

reader, writer = os.pipe()

def get_signal():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), getattr(signal, sys.argv[1]))

with Hangup(raise_hangup) as hangup:
    threading.Thread(target=get_signal).start()
    try:
        os.read(reader, 1)
    except HangupError:
        print("ended", hangup.has_happened)
"""


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_a_read_that_has_missed_the_signal_ends(name: str) -> None:
    done = run([sys.executable, "-c", _PROGRAM, name], timeout=60)
    assert (done.code, done.out) == (0, "ended True\n"), done


def test_the_handlers_and_the_thread_end_with_it() -> None:
    done = run([sys.executable, "-c", """
import signal, threading
from wizard.cli.hangup import Hangup, do_nothing
before = [signal.getsignal(one) for one in (signal.SIGHUP, signal.SIGTERM)]
with Hangup(do_nothing):
    assert threading.active_count() == 2
    [thread] = [one for one in threading.enumerate() if one is not threading.main_thread()]
thread.join(20)
print(thread.is_alive(), signal.set_wakeup_fd(-1))
assert before == [signal.getsignal(one) for one in (signal.SIGHUP, signal.SIGTERM)]
"""])  # fmt: skip
    assert (done.code, done.out) == (0, "False -1\n"), done

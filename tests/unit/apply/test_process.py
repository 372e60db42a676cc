"""Whether the holder of a lock has died."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from wizard.apply import process
from wizard.apply.process import Process


def test_a_process_is_dead_only_if_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Process.current()
    assert not here.is_dead(here)
    assert replace(here, started="1").is_dead(here)
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    assert replace(here, number=ended.pid).is_dead(here)
    assert not replace(here, number=ended.pid, machine="0123456789abcdef").is_dead(here)
    # Another user's process, where /proc is mounted with hidepid=2.
    monkeypatch.setattr(process, "_read_start_time", lambda _: "")
    assert not here.is_dead(here)

    def refuse(number: int, signal: int) -> None:
        assert (number, signal) == (here.number, 0)
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        assert not here.is_dead(here)
    # Whoever writes the Lease may write any number.
    assert not replace(here, number=10**30).is_dead(here)

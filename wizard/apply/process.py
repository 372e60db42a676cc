"""The identity of a process, to recognize a lock whose holder has died."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one machine; `started` is its start time in the kernel's ticks.

    `machine` is a hash of the kernel's boot id and process namespace; empty when unknown.
    """

    machine: str
    number: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """Return the running process."""
        number = os.getpid()
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            space = Path("/proc/self/ns/pid").readlink()
        except OSError:
            return cls("", number, "")
        machine = hashlib.sha256(f"{boot}:{space}".encode()).hexdigest()[:16]
        return cls(machine, number, _read_start_time(number))

    @classmethod
    def read(cls, text: str) -> Process:
        """Parse a Lease's annotation; for any other text, `machine` is empty."""
        parts = text.split(":")
        if len(parts) != 3 or not parts[1].isdecimal():
            return cls("", 0, "")
        return cls(parts[0], int(parts[1]), parts[2])

    def __str__(self) -> str:
        return f"{self.machine}:{self.number}:{self.started}"

    def is_dead(self, here: Process) -> bool:
        """Return whether the process ran on this machine and has ended."""
        if not self.machine or self.machine != here.machine:
            return False
        try:
            # Signal 0 only asks. A process of another user exists too, and refuses it.
            os.kill(self.number, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
        # Mounted with hidepid, /proc hides other users' processes: then it may be alive.
        return _read_start_time(self.number) not in {self.started, ""}


def _read_start_time(number: int) -> str:
    """Return the start time of a process in the kernel's ticks; empty when it does not exist."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may contain anything; the 20th word after it is the start time.
    return text.rpartition(")")[2].split()[19]


def describe_holder() -> str:
    """Return user@host, which names a run to other people."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"

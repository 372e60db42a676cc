"""Which process this is, so that what one left behind is known to be left behind."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """This process, so that one of the same machine that died is known to be dead.

    `machine` is a hash of the kernel's boot and process namespace, empty where it cannot be told.
    """

    machine: str
    number: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """The running process."""
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
        """From a Lease's annotation; one of nowhere when it is not ours."""
        parts = text.split(":")
        if len(parts) != 3 or not parts[1].isdecimal():
            return cls("", 0, "")
        return cls(parts[0], int(parts[1]), parts[2])

    def __str__(self) -> str:
        return f"{self.machine}:{self.number}:{self.started}"

    def is_dead(self, here: Process) -> bool:
        """Whether it is proven to be gone: of this machine, and no longer running."""
        if not self.machine or self.machine != here.machine:
            return False
        return _read_start_time(self.number) != self.started


def _read_start_time(number: int) -> str:
    """When a process began, in the kernel's ticks; empty when there is none."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold anything; the 20th word after it is the start.
    return text.rpartition(")")[2].split()[19]


def describe_holder() -> str:
    """user@host, as people tell runs apart."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"

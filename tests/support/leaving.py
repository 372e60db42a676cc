"""Runs a program and notes which threads were still at work when it ended: it waited for none.

What a stopwatch cannot tell on a busy machine. Python joins every thread that is no daemon, and
those of executors, before it calls what is registered with atexit.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from pathlib import Path

VARIABLE = "WIZARD_LEFT_BEHIND"


def watch() -> None:
    """From now on, note at the end which threads are left, if somebody asked for it."""
    atexit.register(_note)


def _note() -> None:
    found = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
    if place := os.environ.get(VARIABLE):
        Path(place).write_text("\n".join(found))


def left_behind(place: Path) -> list[str]:
    """Names of the threads that a program left, which ran with VARIABLE naming this file."""
    assert place.exists(), "it did not end by itself"
    return place.read_text().split("\n")


if __name__ == "__main__":
    from wizard.cli.main import main

    watch()
    sys.exit(main())

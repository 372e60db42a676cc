"""Run the command line: `python -m wizard`, and the script `airflow-wizard`.

Ctrl-C ends the process quietly, also while modules are imported. Only the interpreter's own start,
before the first line here, cannot be covered.
"""

import os
import signal
import sys
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    # Nothing has started yet, or all is done. An exception here could be lost inside the import
    # machinery, or be printed with a traceback.
    os._exit(130)


def _is_default() -> bool:
    return signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _leave)


if _is_default():
    signal.signal(signal.SIGINT, _leave)


def run() -> int:
    """Run one command and return its exit code."""
    from wizard.cli.main import main

    if not _is_default():
        return main()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return main()
        finally:
            signal.signal(signal.SIGINT, _leave)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())

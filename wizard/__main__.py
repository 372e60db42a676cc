"""Run the command line: `python -m wizard`, and the script `airflow-wizard`.

Ctrl-C ends the process quietly, also while modules are imported. Only the interpreter's own start,
before the first line here, cannot be covered.
"""

# `signal` would import `enum` first, which takes milliseconds in which Ctrl-C is not handled yet.
import _signal  # type: ignore[import-not-found]
import os
import sys


def _leave(_number: int, _frame: object) -> None:
    # Nothing has started yet, or all is done. An exception here could be lost inside the import
    # machinery, or be printed with a traceback.
    os._exit(130)


def _has_default() -> bool:
    return _signal.getsignal(_signal.SIGINT) in (_signal.default_int_handler, _leave)


if _has_default():
    _signal.signal(_signal.SIGINT, _leave)


def run() -> int:
    """Run one command and return its exit code."""
    from wizard.cli.main import main

    if not _has_default():
        return main()
    try:
        # main restores the default once the libraries are imported.
        return main()
    finally:
        _signal.signal(_signal.SIGINT, _leave)


if __name__ == "__main__":
    sys.exit(run())

"""Writes the files that the command line names for output: whole or not at all, and never blindly.

A pipe such as `>(command)`, a terminal, /dev/null and the open files of this process (/dev/stdout)
are written directly. A pipe that nobody reads would never open, and a device is no file: writing
to a disk destroys it. Both are refused.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

from wizard.formats.input_files import is_pipe

# A reader may be a pager, so this is the time for one part, not for all.
STALL_SECONDS = 60.0
# A pipe that is ready for writing takes this many bytes without blocking (POSIX: PIPE_BUF).
_CHUNK = 512
_OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})")
_NAMED = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def write_output_file(path: Path, data: bytes, *, stall: float = STALL_SECONDS) -> None:
    """Write the whole file or nothing, replacing an existing one; a link's target is replaced.

    Raises OSError with a `strerror` for the user: also for a device, a pipe without a reader, and
    a reader that takes nothing for `stall` seconds.
    """
    number = _find_open_file(str(path))
    if number is not None:
        handle = os.dup(number)
    else:
        target = Path(os.path.realpath(path))
        try:
            is_file = stat.S_ISREG(target.stat().st_mode)
        except FileNotFoundError:
            is_file = True
        if is_file:
            _replace_file(target, data)
            return
        handle = _open_special(target)
    try:
        _write_parts(handle, data, stall)
    finally:
        os.close(handle)


def _find_open_file(path: str) -> int | None:
    """Return the number of the open file of this process that a path stands for."""
    found = _OPEN_FILE.fullmatch(path)
    return int(found[1]) if found else _NAMED.get(path)


def _replace_file(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("xb") as out:
            out.write(data)
        temporary.replace(target)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _open_special(target: Path) -> int:
    if target.is_dir():
        raise OSError(errno.EISDIR, "it is a folder")
    if not (target.is_fifo() or target.is_char_device()):
        raise OSError(errno.EINVAL, "it is not a file to write to")
    try:
        # O_NONBLOCK, because opening a pipe without a reader would never return otherwise.
        handle = os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO and target.is_fifo():
            raise OSError(errno.ENXIO, "no process reads this pipe") from None
        raise
    if not is_pipe(handle, os.fstat(handle)):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a device, not a file")
    return handle


def _write_parts(handle: int, data: bytes, stall: float) -> None:
    """Write all data in parts that do not block; an open file may be shared with the shell."""
    from select import select

    rest = memoryview(data)
    deadline = time.monotonic() + stall
    while rest:
        left = deadline - time.monotonic()
        if left <= 0 or not select([], [handle], [], left)[1]:
            raise OSError(errno.ETIMEDOUT, "its reader does not read")
        with suppress(BlockingIOError):
            rest = rest[os.write(handle, rest[:_CHUNK]) :]
            deadline = time.monotonic() + stall

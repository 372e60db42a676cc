"""Reads files that answers, the environment, a kubeconfig or the command line name.

A named file may be anything: a pipe that nobody writes to, a device without an end, an image of a
disk. Only regular files are read, and only up to a limit. A pipe, such as `<(command)`, is accepted
where the command line names it, and has a time limit too.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

PIPE_SECONDS = 60.0
_CHUNK = 65536
# A bundle of all public CAs has about 230,000 bytes.
MAX_CERTIFICATES = 500_000
# The limits of Linux; a longer name cannot exist.
MAX_PATH = 4095
MAX_NAME = 255


def read_input_file(
    path: Path,
    limit: int,
    *,
    pipe: bool = False,
    seconds: float = PIPE_SECONDS,
    check: Callable[[os.stat_result], None] | None = None,
) -> bytes:
    """Return the bytes of a file of at most `limit` bytes.

    With `pipe`, also reads a pipe or a terminal to its end, for at most `seconds`. `check` is
    called with the state of the opened file and may raise. Raises OSError with a `strerror` for
    the user, also for a file of another kind, a file that is too large, and an impossible name.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        # O_NONBLOCK, because opening a pipe without a writer would never return otherwise.
        handle = os.open(path, flags)
    except ValueError:  # a NUL character or a surrogate
        raise OSError(errno.EINVAL, "its name has characters that no file name has") from None
    try:
        state = os.fstat(handle)
        is_regular = stat.S_ISREG(state.st_mode)
        if stat.S_ISDIR(state.st_mode):
            raise OSError(errno.EISDIR, "it is a folder")
        if not is_regular and not (pipe and _is_pipe(state)):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if check:
            check(state)
        if is_regular and state.st_size > limit:
            raise OSError(
                errno.EFBIG, f"it is larger than {limit} bytes: it has {state.st_size} bytes"
            )
        return _read_bytes(handle, limit, None if is_regular else time.monotonic() + seconds)
    finally:
        os.close(handle)


def _is_pipe(state: os.stat_result) -> bool:
    return stat.S_ISFIFO(state.st_mode) or stat.S_ISCHR(state.st_mode)


def _read_bytes(handle: int, limit: int, deadline: float | None) -> bytes:
    data = bytearray()
    while True:
        if deadline is not None:
            _wait_for_data(handle, deadline)
        part = os.read(handle, min(_CHUNK, limit + 1 - len(data)))
        if not part:
            return bytes(data)
        data += part
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit} bytes")


def _wait_for_data(handle: int, deadline: float) -> None:
    from select import select

    left = deadline - time.monotonic()
    if left <= 0 or not select([handle], [], [], left)[0]:
        raise OSError(errno.ETIMEDOUT, "nothing more was written to it in time")


def is_existing(path: Path) -> bool:
    """Return whether the path exists; false also for a name that is too long or impossible."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def is_regular_file(path: Path) -> bool:
    """Return whether the path is a regular file; false also for an impossible name."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def expand_user(text: str) -> Path:
    """Return the path with a leading `~` expanded; unchanged if there is no such user."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def explain_impossible_path(text: str) -> str:
    """Return why no file can have this path, without repeating it; empty if one can."""
    raw = text.encode("utf-8", "surrogateescape" if text.isprintable() else "replace")
    if "\0" in text:
        return "has a NUL character"
    if len(raw) > MAX_PATH or any(len(part) > MAX_NAME for part in raw.split(b"/")):
        return f"is too long for a path: {MAX_PATH} bytes, and {MAX_NAME} between two slashes"
    return ""

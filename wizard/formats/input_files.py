"""Reads files that answers, the environment, a kubeconfig or the command line name.

A named file may be anything: a pipe that nobody writes to, a device without an end, an image of a
disk. Only regular files are read, up to a limit of bytes and seconds: files of /proc are regular
too, and some have no end. A pipe, such as `<(command)`, a terminal and /dev/null are accepted where
the command line names them.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

PIPE_SECONDS = 60.0
# A shell has opened the other end of its `<(command)` before it starts this program.
_WRITER_SECONDS = 2.0
_CHUNK = 65536
# A bundle of all public CAs has about 230,000 bytes.
MAX_CERTIFICATES = 500_000
# Kubernetes keeps at most 1 MiB in a ConfigMap, which other keys share.
MAX_MANIFEST = 200_000
# The limits of Linux; a longer name cannot exist.
MAX_PATH = 4095
MAX_NAME = 255
# Without the characters that delimit passwords in URLs and assignments.
_PATH = re.compile(r"[\w./~+ -]{1,1000}")
_SUFFIXES = frozenset((".yaml", ".yml", ".json", ".tgz", ".age"))


def read_input_file(
    path: Path,
    limit: int,
    *,
    pipe: bool = False,
    seconds: float = PIPE_SECONDS,
    check: Callable[[os.stat_result], None] | None = None,
) -> bytes:
    """Return the bytes of a file of at most `limit` bytes.

    With `pipe`, also reads a pipe, a terminal and /dev/null to the end. It takes at most `seconds`.
    `check` is called with the state of the opened file and may raise. Raises OSError with a
    `strerror` for the user, also for a file of another kind, a file that is too large, and an
    impossible name.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        # O_NONBLOCK, because opening a pipe without a writer would never return otherwise.
        handle = os.open(path, flags)
    except ValueError:  # a NUL character or a surrogate
        raise OSError(errno.EINVAL, "its name has characters that no file name has") from None
    try:
        state = os.fstat(handle)
        if stat.S_ISDIR(state.st_mode):
            raise OSError(errno.EISDIR, "it is a folder")
        is_regular = stat.S_ISREG(state.st_mode)
        if not is_regular and not (pipe and is_pipe(handle, state)):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if check:
            check(state)
        if is_regular and state.st_size > limit:
            raise _too_large(limit, f": it has {state.st_size} bytes")
        return _read_bytes(handle, limit, seconds, is_regular=is_regular)
    finally:
        os.close(handle)


def is_pipe(handle: int, state: os.stat_result) -> bool:
    """Return whether an opened file is a pipe, a terminal or /dev/null."""
    if stat.S_ISFIFO(state.st_mode):
        return True
    return stat.S_ISCHR(state.st_mode) and (os.isatty(handle) or is_null_device(state))


def is_null_device(state: os.stat_result) -> bool:
    """Return whether the state is that of /dev/null: an empty file for every program."""
    try:
        return os.path.samestat(state, os.stat(os.devnull))  # noqa: PTH116
    except OSError:
        return False


def _too_large(limit: int, size: str = "") -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {limit} bytes{size}")


def _read_bytes(handle: int, limit: int, seconds: float, *, is_regular: bool) -> bytes:
    data = bytearray()
    deadline = time.monotonic() + seconds
    wait = seconds if is_regular else min(seconds, _WRITER_SECONDS)
    while True:
        is_ready = is_regular or _is_ready(handle, wait)
        try:
            part = os.read(handle, min(_CHUNK, limit + 1 - len(data)))
        except BlockingIOError:
            if is_regular:  # a file of /proc that waits for events
                raise OSError(errno.EINVAL, "it is not a regular file") from None
            part = None
        if part == b"" and not is_ready:
            raise OSError(errno.EPIPE, "no process writes to this pipe")
        if part == b"":
            return bytes(data)
        data += part or b""
        if len(data) > limit:
            raise _too_large(limit)
        wait = deadline - time.monotonic()
        if wait <= 0:
            raise OSError(errno.ETIMEDOUT, "it did not end in time")


def _is_ready(handle: int, seconds: float) -> bool:
    """Return whether the pipe has data or its writers are gone, after at most `seconds`."""
    from select import select

    return bool(select([handle], [], [], seconds)[0])


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


def explain_unfit_file(path: Path, limit: int) -> str:
    """Return why a program should not be given this path as a file; empty if it may read it."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return "there is no such file"
    if not stat.S_ISREG(state.st_mode):
        return "it is not a regular file"
    if not state.st_size:  # files of /proc have no size, and some have no end
        return "it is empty"
    return f"it is larger than {limit} bytes" if state.st_size > limit else ""


def expand_user(text: str) -> Path:
    """Return the path with a leading `~` expanded; unchanged if there is no such user."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def show_path(text: str) -> str:
    """Return a path that a person typed if it is safe to repeat; empty if it may be a secret.

    A value in the place of a path is usually a secret. A path is repeated if there is such a file,
    or at least its folder, or if it is written like the name of a file.
    """
    path = Path(text)
    if not _PATH.fullmatch(text):
        return text if text.isprintable() and is_existing(path) else ""
    named = path.suffix.lower() in _SUFFIXES
    inside = path.parent not in (Path(), Path("/")) and is_existing(path.parent)
    return text if named or inside or is_existing(path) else ""


def show_option(option: str, path: Path) -> str:
    """Return the option, and the path after it if that is safe to repeat."""
    return f"{option} {show_path(str(path))}".rstrip()


def explain_impossible_path(text: str) -> str:
    """Return why no file can have this path, without repeating it; empty if one can."""
    raw = text.encode("utf-8", "surrogateescape" if text.isprintable() else "replace")
    if "\0" in text:
        return "has a NUL character"
    if len(raw) > MAX_PATH or any(len(part) > MAX_NAME for part in raw.split(b"/")):
        return f"is too long for a path: {MAX_PATH} bytes, and {MAX_NAME} between two slashes"
    return ""

"""Reads and writes files of a work tree without ever following a symbolic link.

Every folder on the path is opened separately, relative to its parent (`O_NOFOLLOW`), so a link that
is created between a check and the write has no effect.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wizard.errors import RefusedError

# The files that the wizard writes have less than 1 MB.
MAX_BYTES = 50_000_000
_NOT_A_FOLDER = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def open_folder(root: Path, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the folder of a path as a file descriptor, and the file name in it.

    FileNotFoundError if a folder is missing and not created; RefusedError if a part of the path is
    a link or not a folder.
    """
    *folders, name = path.split("/")
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=handle)
            try:
                below = os.open(folder, _FOLDER, dir_fd=handle)
            except FileNotFoundError:
                raise
            except OSError as error:
                if error.errno not in _NOT_A_FOLDER:
                    raise
                raise RefusedError(
                    f"{path}: {folder} in this path is a symbolic link or not a folder",
                    "files are never written through links; put a real folder there",
                ) from None
            os.close(handle)
            handle = below
        yield handle, name
    finally:
        os.close(handle)


def read_file(root: Path, path: str) -> tuple[bytes, int] | None:
    """Return bytes and permission bits of a file on disk, None if it does not exist.

    RefusedError for a link, folder, device or pipe.
    """
    try:
        with open_folder(root, path) as (folder, name):
            # Without O_NONBLOCK, opening a pipe blocks until there is a writer.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _NOT_A_FOLDER:
            raise _irregular_file_error(path) from None
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _irregular_file_error(path)
        if found.st_size > MAX_BYTES:
            raise RefusedError(
                f"{path}: is larger than {MAX_BYTES // 1_000_000} MB on disk",
                f"restore it: `git restore {path}`",
            )
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(), stat.S_IMODE(found.st_mode) & 0o777
    finally:
        os.close(handle)


def _irregular_file_error(path: str) -> RefusedError:
    return RefusedError(
        f"{path}: is a symbolic link, folder or device, not a file",
        "move it away; files are never written through links",
    )


def stage_file(root: Path, path: str, data: bytes, mode: int | None, temporary: str) -> None:
    """Write the bytes to a temporary name in the same folder, and sync them to disk.

    Missing folders are created. With `mode` None, the file is new and gets the umask's permissions.
    """
    with open_folder(root, path, create=True) as (folder, _):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o666, dir_fd=folder)
        with os.fdopen(handle, "wb") as file:
            if mode is not None:
                os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)


def replace_file(root: Path, path: str, temporary: str) -> None:
    """Move the staged file to its path, atomically."""
    with open_folder(root, path) as (folder, name):
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def delete_file(root: Path, path: str) -> None:
    """Delete a file (a link, not its target); do nothing if the file does not exist."""
    with suppress(FileNotFoundError), open_folder(root, path) as (folder, name):
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def delete_empty_folder(root: Path, path: str) -> bool:
    """Delete a folder if it is empty; return whether it was deleted."""
    try:
        with open_folder(root, path) as (folder, name):
            os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (OSError, RefusedError):
        return False
    return True


def find_missing_folders(root: Path, folders: list[str]) -> list[str]:
    """Return those of the listed folders that do not exist yet."""
    return [folder for folder in folders if not (root / folder).is_dir()]

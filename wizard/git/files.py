"""Reading and writing files of a work tree without ever following a symbolic link.

Every folder on the way is opened by itself, relative to the one above it (`O_NOFOLLOW`), so that
a link put there between a check and the write leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wizard.errors import RefusedError

_NOT_A_FOLDER = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def open_folder(root: Path, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
    """The folder of a path as a file descriptor, and the name in it.

    FileNotFoundError when a folder is missing and not created; RefusedError when something on the
    way is a link or no folder.
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
                    f"{path}: {folder} on the way is a symbolic link or no folder",
                    "nothing is ever written through links; put a real folder there",
                ) from None
            os.close(handle)
            handle = below
        yield handle, name
    finally:
        os.close(handle)


def read_file(root: Path, path: str) -> tuple[bytes, int] | None:
    """The bytes and permission bits of a file on disk, None when there is none.

    RefusedError for a link, folder, device or pipe in its place.
    """
    try:
        with open_folder(root, path) as (folder, name):
            # Without O_NONBLOCK, opening a pipe waits for a writer for ever.
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
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(), stat.S_IMODE(found.st_mode) & 0o777
    finally:
        os.close(handle)


def _irregular_file_error(path: str) -> RefusedError:
    return RefusedError(
        f"{path}: is a symbolic link, folder or device, not a file",
        "move it away; nothing is ever written through links",
    )


def stage_file(root: Path, path: str, data: bytes, mode: int | None, temporary: str) -> None:
    """Write the bytes beside their place under a temporary name, on disk before this returns.

    Missing folders are made. `mode` None is a new file, with the umask's permissions.
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
    """Put the staged file in its place, at once."""
    with open_folder(root, path) as (folder, name):
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def delete_file(root: Path, path: str) -> None:
    """Delete a file (a link, not what it leads to); nothing happens when it is not there."""
    with suppress(FileNotFoundError), open_folder(root, path) as (folder, name):
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def delete_empty_folder(root: Path, path: str) -> bool:
    """Delete a folder if it is empty; whether it is gone."""
    try:
        with open_folder(root, path) as (folder, name):
            os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (OSError, RefusedError):
        return False
    return True


def find_missing_folders(root: Path, folders: list[str]) -> list[str]:
    """Which of these folders do not exist yet."""
    return [folder for folder in folders if not (root / folder).is_dir()]

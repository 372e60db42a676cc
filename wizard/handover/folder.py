"""Write the handover files to a folder: all or none, and without replacing foreign files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from wizard.errors import ConflictError, UsageError
from wizard.formats.input_files import read_input_file
from wizard.formats.shell import is_untouched

_MAX_BYTES = 10_000_000
_RESERVED_FOLDERS = {".airflow-wizard": "the wizard's own folder", ".git": "Git's own folder"}


def write_files(folder: Path, installation: str, texts: Mapping[str, str]) -> list[Path]:
    """Write the texts by relative path, readable by all, and return the changed paths.

    An existing file is replaced only if an earlier handover of this installation wrote it and it
    was not changed since; otherwise raises ConflictError. Raises UsageError for a folder that
    belongs to the wizard or to Git, and for one that is not writable; then all files are restored.
    """
    for part in (*folder.absolute().parts, *folder.resolve().parts):
        if part.casefold() in _RESERVED_FOLDERS:
            raise UsageError(
                f"--out {folder}: is in {_RESERVED_FOLDERS[part.casefold()]}",
                "give another folder",
            )
    wanted = {folder / name: text.encode() for name, text in texts.items()}
    try:
        old = {path: _read_existing(path, installation) for path in wanted}
        changed = {path: data for path, data in wanted.items() if old[path] != data}
        _replace_files(changed, old)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror}", "give a writable folder") from None
    return list(changed)


def _read_existing(path: Path, installation: str) -> bytes | None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConflictError(f"{path} is not a handover file", "move it away, or give another DIR")
    if not path.exists():
        return None
    data = read_input_file(path, _MAX_BYTES)
    if not is_untouched(data, installation):
        raise ConflictError(
            f"{path} was changed by hand or is of another installation; not overwritten",
            "move it away, or give another DIR",
        )
    return data


def _replace_files(changed: Mapping[Path, bytes], old: Mapping[Path, bytes | None]) -> None:
    created: list[Path] = []
    staged: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, data in changed.items():
            _create_folders(path.parent, created)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            staged[path] = temporary
            _write_new_file(temporary, data)
        for path, temporary in staged.items():
            done.append(path)
            temporary.replace(path)
    except BaseException:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink()
        for path in done:
            with suppress(OSError):
                _restore(path, old[path])
        for parent in reversed(created):
            with suppress(OSError):
                parent.rmdir()
        raise


def _create_folders(folder: Path, created: list[Path]) -> None:
    """Create the missing folders of a path and append them to `created`, the outermost first."""
    if not folder.exists():
        _create_folders(folder.parent, created)
        folder.mkdir()
        created.append(folder)


def _write_new_file(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
    path.chmod(0o644)


def _restore(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)

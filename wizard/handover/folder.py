"""Writing what is handed over into a folder: all of it or nothing, and over nobody's file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from wizard.errors import ConflictError, UsageError
from wizard.formats.shell import is_untouched

_RESERVED_FOLDERS = {".airflow-wizard": "the wizard's own folder", ".git": "Git's own folder"}


def write_files(folder: Path, installation: str, texts: Mapping[str, str]) -> list[Path]:
    """Write the texts below the folder, by relative path, readable by all; the paths written.

    A file that stands is replaced only where an earlier handover of this installation wrote it
    and nobody changed it since, else it is a ConflictError. UsageError for a folder that is the
    wizard's or Git's, or that cannot be written; then everything is as it was.
    """
    for part in (*folder.absolute().parts, *folder.resolve().parts):
        if part.casefold() in _RESERVED_FOLDERS:
            raise UsageError(
                f"--out {folder}: lies in {_RESERVED_FOLDERS[part.casefold()]}",
                "give another folder",
            )
    wanted = {folder / name: text.encode() for name, text in texts.items()}
    try:
        old = {path: _read_existing(path, installation) for path in wanted}
        changed = {path: data for path, data in wanted.items() if old[path] != data}
        _replace_files(changed, old)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror}", "give a folder to write to") from None
    return list(changed)


def _read_existing(path: Path, installation: str) -> bytes | None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConflictError(f"{path} is no file of a handover", "move it away, or give another DIR")
    if not path.exists():
        return None
    data = path.read_bytes()
    if not is_untouched(data, installation):
        raise ConflictError(
            f"{path} was changed by hand, or is another's; it is not overwritten",
            "move it away, or give another DIR",
        )
    return data


def _replace_files(changed: Mapping[Path, bytes], old: Mapping[Path, bytes | None]) -> None:
    made: list[Path] = []
    staged: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, data in changed.items():
            _create_folders(path.parent, made)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            staged[path] = beside
            _write_new_file(beside, data)
        for path, beside in staged.items():
            done.append(path)
            beside.replace(path)
    except BaseException:
        for beside in staged.values():
            with suppress(OSError):
                beside.unlink()
        for path in done:
            with suppress(OSError):
                _restore(path, old[path])
        for parent in reversed(made):
            with suppress(OSError):
                parent.rmdir()
        raise


def _create_folders(folder: Path, made: list[Path]) -> None:
    """Make what lacks of a folder's path, and note it, the outermost first."""
    if not folder.exists():
        _create_folders(folder.parent, made)
        folder.mkdir()
        made.append(folder)


def _write_new_file(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
    path.chmod(0o644)


def _restore(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)

"""Reads the public files that answers name: those committed beside the answers, or on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wizard.formats.input_files import is_existing, read_input_file
from wizard.plan.merge_base import STATE_DIR

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree


def read_asset(
    repository: WorkTree, path: str, existing: str, folder: Path | None, limit: int
) -> bytes:
    """Return a file that answers name; relative to `folder`, else to the current folder.

    A file on disk has at most `limit` bytes.

    The committed copy of the installation `existing` counts unless `folder` has such a file.
    Raises OSError if the file is missing or cannot be read (see `read_input_file`).
    """
    if existing and "/" not in path:
        data = repository.read(f"{STATE_DIR}/{existing}/{path}")
        if data is not None and (folder is None or not is_existing(folder / path)):
            return data
    return read_input_file((folder or Path.cwd()) / path, limit)

"""Rendered files: `render` returns them, `plan` compares them, and a commit writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """One rendered text file.

    `logical` names the file independently of its path (``values``, ``secrets/airflow-metadata``),
    so that the base of a merge is found again after a path has changed.
    `path` is relative to the top of the config repository, with forward slashes.
    `beside` is for a file that others change: the logical id of the file that names it. Such a file
    is written once, together with that one, and only read afterwards.
    """

    logical: str
    path: str
    text: str
    beside: str = ""

    @property
    def data(self) -> bytes:
        """Return the bytes that are written to disk and Git: UTF-8 with LF line ends."""
        return self.text.encode("utf-8")

    @property
    def blob(self) -> str:
        """Return Git's SHA-1 blob id of the bytes, which identifies an unchanged file."""
        return blob_id(self.data)


class Tree(Mapping[str, File]):
    """Files by repository path, in sorted order; immutable and comparable."""

    def __init__(self, files: Iterable[File]) -> None:
        ordered = sorted(files, key=lambda file: file.path)
        self._files = {file.path: file for file in ordered}
        if len(self._files) != len(ordered):
            paths = [file.path for file in ordered]
            twice = sorted({path for path in paths if paths.count(path) > 1})
            raise ValueError(f"two files were rendered to one path: {', '.join(twice)}")

    def __getitem__(self, path: str) -> File:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"Tree({list(self._files)!r})"

    def by_logical(self, logical: str) -> File:
        """Return the file with this logical id; KeyError if the tree does not have it."""
        for file in self._files.values():
            if file.logical == logical:
                return file
        raise KeyError(logical)

    def digest(self) -> str:
        """Return the SHA-256 over every path and its bytes."""
        total = hashlib.sha256()
        for path, file in self._files.items():
            total.update(f"{path}\0{hashlib.sha256(file.data).hexdigest()}\n".encode())
        return total.hexdigest()


def blob_id(data: bytes) -> str:
    """Return the id of a Git blob with these bytes (SHA-1 object format)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

"""A named file may be anything; only regular files of a reasonable size are read."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from wizard.formats.input_files import (
    MAX_NAME,
    MAX_PATH,
    expand_user,
    explain_impossible_path,
    is_existing,
    is_regular_file,
    read_input_file,
)

LIMIT = 1000


def refused(path: Path, message: str, *, pipe: bool = False) -> None:
    started = time.monotonic()
    with pytest.raises(OSError, match=message) as raised:
        read_input_file(path, LIMIT, seconds=0.5, pipe=pipe)
    assert raised.value.strerror
    assert time.monotonic() - started < 5


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * LIMIT)
    (tmp_path / "link").symlink_to(path)
    assert read_input_file(tmp_path / "link", LIMIT) == b"x" * LIMIT
    path.write_bytes(b"x" * (LIMIT + 1))
    refused(path, "larger than 1000 bytes: it has 1001 bytes")


def test_a_huge_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(3 << 40)
    refused(path, "larger")


@pytest.mark.parametrize("pipe", [False, True])
def test_a_pipe_without_a_writer_does_not_hang(tmp_path: Path, pipe: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "no process writes" if pipe else "not a regular file", pipe=pipe)


def test_a_device_without_an_end_stops_at_the_limit() -> None:
    refused(Path("/dev/zero"), "not a regular file")
    refused(Path("/dev/zero"), "not a regular file", pipe=True)
    assert read_input_file(Path("/dev/null"), LIMIT, pipe=True) == b""


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as file:
            for part in (b"one ", b"two"):
                file.write(part)
                file.flush()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_input_file(path, LIMIT, pipe=True) == b"one two"
    writer.join()


def test_a_pipe_that_is_never_closed_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    try:
        os.write(handle, b"begun")
        refused(path, "in time", pipe=True)
    finally:
        os.close(handle)


@pytest.mark.parametrize(
    "name",
    ["a\0b", "\ud800", "a" * 300, "a/" * 4000, "absent"],
    ids=["NUL", "surrogate", "long name", "long path", "absent"],
)
def test_impossible_names_are_an_ordinary_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=r".") as raised:
        read_input_file(tmp_path / name, LIMIT)
    assert raised.value.strerror
    assert not is_existing(tmp_path / name)
    assert not is_regular_file(tmp_path / name)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    refused(tmp_path, "folder")
    assert is_existing(tmp_path)
    assert not is_regular_file(tmp_path)


def test_an_unknown_user_is_not_expanded() -> None:
    assert expand_user("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    assert expand_user("~/x").is_absolute()


@pytest.mark.parametrize(
    ("text", "is_possible"),
    [
        ("a/" * (MAX_PATH // 2), True),
        ("a/" * 3000, False),
        ("é" * (MAX_NAME // 2), True),
        ("é" * MAX_NAME, False),
        ("a\0", False),
        ("\udcff", True),
    ],
)
def test_paths_that_cannot_exist_are_explained(text: str, is_possible: bool) -> None:
    assert (explain_impossible_path(text) == "") == is_possible

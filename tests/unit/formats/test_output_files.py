"""An output file is written whole or not at all, and a pipe or device never blindly."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import run
from wizard.formats.output_files import write_output_file

DATA = b"line\n" * 100_000


def test_a_file_is_replaced_and_a_link_stays_a_link(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    (tmp_path / "link").symlink_to(path)
    write_output_file(tmp_path / "link", b"one")
    write_output_file(tmp_path / "link", b"two")
    assert path.read_bytes() == b"two"
    assert (tmp_path / "link").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "plan.json"]


def test_what_cannot_be_written_is_explained_and_left_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, why in {
        "pipe": "no process reads", "endless": "a device", "folder": "folder",
        "absent/x": "No such file", "loop": "symbolic link",
    }.items():  # fmt: skip
        with pytest.raises(OSError, match=r".") as raised:
            write_output_file(tmp_path / name, DATA)
        assert raised.value.strerror
        assert why in raised.value.strerror, name
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_output_file(Path(os.devnull), DATA)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)  # noqa: PTH116


def test_a_reader_that_does_not_read_ends_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    handle = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        with pytest.raises(OSError, match="does not read"):
            write_output_file(tmp_path / "pipe", DATA, stall=0.2)
    finally:
        os.close(handle)


WRITE = (
    "import pathlib, sys; from wizard.formats.output_files import write_output_file;"
    "write_output_file(pathlib.Path(sys.argv[1]), b'line\\n' * 100_000)"
)


def test_a_shell_reads_from_its_own_pipes_and_streams(tmp_path: Path) -> None:
    for text in (
        '"$0" -c "$1" >(cat > out); wait $!',
        '"$0" -c "$1" /dev/stdout > out',
        'echo -n > out; "$0" -c "$1" /dev/stdout >> out',
        '"$0" -c "$1" /dev/stdout | cat > out',
        '"$0" -c "$1" /dev/fd/9 9> out',
        'mkfifo pipe; cat pipe > out & "$0" -c "$1" pipe; wait',
    ):
        out = tmp_path / "out"
        done = run(["bash", "-c", text, sys.executable, WRITE], cwd=tmp_path)
        assert done.code == 0, (text, done)
        assert out.read_bytes() == DATA, text
    assert Path("/dev/stdout").is_symlink()


def test_an_open_file_stays_as_it_was(tmp_path: Path) -> None:
    """The shell shares its streams; a flag that stays set there would break other programs."""
    read, write = os.pipe()
    reader = subprocess.Popen(["cat"], stdin=read, stdout=subprocess.DEVNULL)
    try:
        write_output_file(Path(f"/dev/fd/{write}"), DATA)
        assert os.get_blocking(write)
    finally:
        os.close(read)
        os.close(write)
        reader.wait()
    with pytest.raises(OSError, match=r".") as raised:
        write_output_file(Path(f"/dev/fd/{write}"), DATA)
    assert raised.value.strerror
    assert not list(tmp_path.iterdir())

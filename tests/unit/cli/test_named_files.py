"""No file that an option, a variable or an answer names makes a run hang or fill the memory."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import Wizard
from tests.support.positions import Position, find_positions
from tests.support.repository import GitFolder
from tests.support.scenarios import NEEDED
from wizard.answers.questions import field_specs
from wizard.cli import main as entry
from wizard.errors import ExitCode
from wizard.formats import input_files
from wizard.formats.file_variables import BELOW, FILES, FOLDERS, PROGRAMS

POSITIONS = [one for one in find_positions() if one.is_path]
# What the wizard reads by itself, with the answers and command that make it do so.
READ_HERE = {
    "KUBECONFIG": ("apply", "--yes"),
    "VAULT_CACERT": ("secrets",),
    "VAULT_TOKEN_FILE": ("secrets",),
}
VAULT = [
    part
    for key, value in NEEDED.items()
    for part in ("--set", f"{key}={'' if key == 'dags.repo' else value}")
]
VAULT += ["--set", "dags.source=image", "--set", "installation.image.tag=v1"]
VAULT += ["--set", "installation.image.repository=registry.example.com/airflow"]
# The options that a run with nothing else reads or writes, so its message must name them.
NAMED = {
    *((command, "--answers") for command in ("plan", "commit", "secrets")),
    *((command, "--chart") for command in ("plan", "check", "commit")),
    ("plan", "--out"), ("apply", "plan"), ("secrets", "--take"), ("secrets", "--identity"),
    ("secrets", "--hand-off"), ("secrets", "--recipients-file"), ("handover", "--out"),
}  # fmt: skip
# What the others need to be reached.
MORE = {
    "--take": ("--identity", "absent"),
    "--recipients-file": ("--hand-off", "new.age"),
}
LIMIT_SECONDS = 10
LAST = {*ExitCode} - {ExitCode.BUG}


class HangError(Exception):
    """The run did not end in time."""


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise in the middle of a call that blocks, so that a hang is a failure and not a hang."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, Path]:
    """A pipe without another end, a device without an end, and a file that fills the memory."""
    folder = tmp_path / "planted"
    folder.mkdir()
    os.mkfifo(folder / "pipe", 0o600)
    (folder / "endless").symlink_to("/dev/zero")
    with (folder / "huge").open("wb") as file:
        file.truncate(3 << 30)
    (folder / "huge").chmod(0o600)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    GitFolder.init(folder)
    with pytest.MonkeyPatch.context() as patch:
        Wizard(folder, patch).ok("commit", "--yes", *VAULT)
    return folder


@pytest.fixture
def wizard(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Wizard:
    monkeypatch.setattr(entry, "forbid_memory_images", lambda: None)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    monkeypatch.setattr(input_files, "_WRITER_SECONDS", 0.2)
    monkeypatch.chdir(tmp_path)
    return Wizard(repository, monkeypatch)


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    """A run that reads a whole file of 3 GB fails, instead of the machine."""
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, limits)


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_no_option_hangs(position: Position, wizard: Wizard, planted: dict[str, Path]) -> None:
    for kind, path in planted.items():
        before = path.lstat()
        with time_limit():
            done = wizard(*position.line(str(path)), *MORE.get(position.name, ()))
        assert done.code in LAST, (kind, str(done))
        if (position.command, position.name) in NAMED and done.code != ExitCode.DONE:
            name = position.name.lstrip("-")
            assert name in done.err or str(path) in done.err, (kind, str(done))
        if not (position.name == "--out" and kind == "huge"):
            assert path.lstat().st_ino == before.st_ino, kind


@pytest.mark.parametrize("name", [*FILES, *FOLDERS, *PROGRAMS, *BELOW, *READ_HERE])
def test_no_variable_hangs(
    name: str,
    wizard: Wizard,
    planted: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for kind, path in planted.items():
        value = path
        if name in FOLDERS:
            value = tmp_path / kind
            value.mkdir()
            (value / "12345678.0").symlink_to(path)
        if name in BELOW:
            value = tmp_path / kind
            file = value / BELOW[name][0]
            file.parent.mkdir(parents=True)
            file.symlink_to(path)
        monkeypatch.setenv(name, str(value))
        with time_limit():
            done = wizard(*READ_HERE.get(name, ("plan",)))
        if name in PROGRAMS and kind == "huge":
            continue
        assert done.code in {ExitCode.USAGE, ExitCode.FAILED}, (kind, str(done))
        assert name in done.err, (kind, str(done))


ASSETS = [item.key for item in field_specs() if item.ask.asset]


@pytest.mark.parametrize("key", ASSETS)
def test_no_answer_hangs(key: str, wizard: Wizard, planted: dict[str, Path]) -> None:
    for kind, path in planted.items():
        with time_limit():
            done = wizard("plan", "--set", f"{key}={path}")
        assert done.code in LAST, (kind, str(done))

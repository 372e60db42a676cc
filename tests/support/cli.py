"""The command in this process: quick enough for matrices; `run_cli` runs the real one."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Finished
from tests.support.repository import GitFolder
from tests.support.scenarios import NEEDED, Scenario
from wizard.answers.questions import field_specs
from wizard.cli.main import main
from wizard.formats.nested import put_value
from wizard.formats.yaml_writer import dump_yaml

LOCAL = ("commit", "--preset", "local", "--yes")
_NAMES = {effect.name for item in field_specs() for effect in item.ask.effects}
_NAMES |= {"left-behind", "running-tasks", "volume-of-worker", "volume-of-redis", "volume-of-logs"}
# For tests of something else: a yes to every consequence.
ACCEPT_ALL = tuple(part for name in sorted(_NAMES) for part in ("--accept", name))
# What a migration needs besides: a backup of today.
BACKUP = ("--backup", datetime.now(UTC).date().isoformat())


class Wizard:
    """Runs the command on one repository; every stream is kept."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.git = GitFolder(folder)
        self._patch = monkeypatch

    def __call__(self, *args: str, stdin: bytes = b"") -> Finished:
        """Exit code and both streams; the repository is this one unless --repo says otherwise."""
        out, err = _Text(), _Text()
        given = list(args)
        if "--repo" not in given:
            given += ["--repo", str(self.folder)]
        with self._patch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(given)
        return Finished(int(code), out.text, err.text)

    def ok(self, *args: str, stdin: bytes = b"") -> Finished:
        """The same, and it went well."""
        done = self(*args, stdin=stdin)
        assert done.code == 0, done
        return done

    def edit(self, path: str, old: str, new: str) -> None:
        """A person's edit, committed."""
        text = (self.folder / path).read_text()
        assert old in text, text
        self.git.commit({path: text.replace(old, new)}, "by hand")


class _Text(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    @property
    def text(self) -> str:
        self.flush()
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode()


def answers_file(path: Path, changes: Mapping[str, Any], **more: Any) -> Path:
    """An answers file with all that is needed and these changes by dotted key."""
    data = Scenario({**NEEDED, **more}).data
    for key, value in changes.items():
        data = put_value(data, tuple(key.split(".")), value)
    path.write_text(dump_yaml(data))
    return path


@pytest.fixture
def aw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """The command on an empty repository."""
    folder = tmp_path / "config"
    GitFolder.init(folder)
    return Wizard(folder, monkeypatch)


@pytest.fixture
def local(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Wizard:
    """The command on a repository with the `local` preset committed: a copy of one made once."""
    model = tmp_path_factory.getbasetemp() / "model" / "config"
    if not model.exists():
        making = model.parent.parent / "making"
        GitFolder.init(making / model.name)
        Wizard(making / model.name, monkeypatch).ok(*LOCAL)
        making.rename(model.parent)
    folder = tmp_path / model.name
    shutil.copytree(model, folder, symlinks=True)
    return Wizard(folder, monkeypatch)

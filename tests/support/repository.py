"""A real repository for tests, driven as a person would drive it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from wizard.git.changes import ChangeKind, FileChange
from wizard.git.repository import WorkTree

MESSAGE = "Change Airflow installation x\n\nAirflow-Wizard-Plan: sha256:" + "ab" * 32 + "\n"


class GitFolder:
    """A repository at `path`; `git` runs a command in it and returns what it printed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def init(cls, path: Path, *options: str) -> GitFolder:
        subprocess.run(["git", "init", "-q", "-b", "main", *options, str(path)], check=True)
        return cls(path)

    @property
    def repo(self) -> WorkTree:
        return WorkTree.open(self.path)

    def git(self, *args: str | Path, ok: Iterable[int] = (0,), stdin: str | None = None) -> str:
        done = subprocess.run(
            ["git", *map(str, args)],
            cwd=self.path,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            input=stdin,
        )
        assert done.returncode in ok, done.stderr
        return done.stdout.removesuffix("\n")

    def put(self, path: str, text: str | bytes) -> Path:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def commit(self, files: dict[str, str | bytes], message: str = "files") -> str:
        for path, text in files.items():
            self.put(path, text)
        self.git("add", "-f", "--", *files)
        self.git("commit", "-q", "--no-verify", "-m", message)
        return self.git("rev-parse", "HEAD")

    def hook(self, name: str, script: str) -> Path:
        hook = self.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)
        return hook

    def state(self) -> dict[str, object]:
        """All that a write could alter: HEAD, refs, index and every file with its mode."""
        files = {}
        for folder, folders, names in os.walk(self.path):
            if ".git" in folders:
                folders.remove(".git")
            where = Path(folder)
            for name in names:
                file = where / name
                link = file.is_symlink()
                key = file.relative_to(self.path).as_posix()
                data = str(file.readlink()).encode() if link else file.read_bytes()
                files[key] = (data, file.lstat().st_mode)
            files[where.relative_to(self.path).as_posix() + "/"] = (b"", 0)
        return {
            "head": (self.path / ".git" / "HEAD").read_text() if self._plain else "",
            "refs": self.git("for-each-ref"),
            "index": self.git("ls-files", "-s"),
            "files": files,
        }

    @property
    def _plain(self) -> bool:
        return (self.path / ".git").is_dir()

    def leftovers(self) -> list[str]:
        """What a finished or undone write must not leave in the Git folder."""
        git = Path(self.git("rev-parse", "--absolute-git-dir"))
        own = git / "airflow-wizard"
        found = [path.name for path in own.iterdir() if path.name != "lock"] if own.exists() else []
        return found + [path.name for path in git.rglob("*.lock") if path.parent != own]


def change(path: str, old: str | bytes | None, new: str | bytes | None) -> FileChange:
    """A change with the kind that follows from its bytes."""
    before = old.encode() if isinstance(old, str) else old
    after = new.encode() if isinstance(new, str) else new
    kind: ChangeKind = "modify"
    if before == after:
        kind = "same"
    elif before is None:
        kind = "add"
    elif after is None:
        kind = "delete"
    return FileChange(path, path, kind, before, after)

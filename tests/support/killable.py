"""A write that can be run, and killed at any of its steps, in a process of its own.

`python -m tests.support.killable HOW AT` works on the repository in the current folder and dies at
the AT-th thing it does to it; with 0 it says how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.repository import MESSAGE, change
from wizard.git.repository import WorkTree
from wizard.git.transaction import commit_changes, recover_interrupted_write, write_changes

OLD = {"apps/a.yaml": "a: 1\n", "apps/gone/b.yaml": "b: 1\n", "mine.txt": "mine\n"}
CHANGES = [
    change("apps/a.yaml", "a: 1\n", "a: 2\n"),
    change("apps/gone/b.yaml", "b: 1\n", None),
    change("docs/deep/c.md", None, "new\n"),
    change("docs/d.md", None, "more\n"),
]
TOUCHING = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
CHANGING = {"add", "commit", "update-ref", "symbolic-ref", "update-index"}


def work(how: str) -> None:
    repo = WorkTree.open(Path.cwd())
    if how == "write":
        write_changes(repo, CHANGES)
    elif how == "recover":
        recover_interrupted_write(repo)
    else:
        commit_changes(
            repo, CHANGES, MESSAGE, target="main", branch="work" if how == "branch" else None
        )


def counts(event: str, args: tuple[Any, ...]) -> bool:
    """Whether this audit event alters the repository (or starts the git command that does)."""
    if event == "subprocess.Popen":
        return bool(CHANGING & set(args[1])) and "symbolic-ref --quiet" not in " ".join(args[1])
    if event == "open":
        writes = args[2] & (os.O_WRONLY | os.O_RDWR)
        return bool(writes) and not str(args[0]).startswith(("/dev", "/tmp/tmp"))
    return event in TOUCHING


@dataclass
class Writes:
    """Counts the writes of this process, and kills it at one of them (0: at none)."""

    at: int
    done: int = 0

    def __post_init__(self) -> None:
        sys.addaudithook(self._watch)

    def _watch(self, event: str, args: tuple[Any, ...]) -> None:
        if counts(event, args):
            self.done += 1
            if self.done == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    how, at = sys.argv[1], int(sys.argv[2])
    writes = Writes(at)
    Path(".git/wizard").write_text(str(os.getpid()))
    writes.done = 0
    work(how)
    print(writes.done)


if __name__ == "__main__":
    main()

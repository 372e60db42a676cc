"""Writes locks/ from pyproject.toml with uv: `make lock`, or `make lock UPGRADE=1` for the newest.

pip installs each lock on every platform and Python that the project supports, and refuses a file
whose hash is not in it. Versions that still fit are kept. Imports only the standard library, so
that it runs when no lock can be installed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import TOP

FOLDER = TOP / "locks"
# The name that uv gives to this project in `# via` comments; groups follow it with a colon.
PROJECT = "airflow-wizard (pyproject.toml"


@dataclass(frozen=True, slots=True)
class Lock:
    """One file of locks/: the extras and groups of pyproject.toml that it pins."""

    name: str
    about: str
    groups: tuple[str, ...]
    project: bool = True
    lowest: bool = False
    """Pin the direct dependencies at their lower bounds, and nothing else."""
    before: str = ""
    """Take only what was published before this day: what an older Airflow was released with."""
    shipped: bool = True
    """Whether a release or our own work runs with it; else only a server of the tests does."""

    @property
    def path(self) -> Path:
        """The file, below the top of the repository."""
        return FOLDER / f"{self.name}.txt"


LOCKS = (
    Lock("release", "What a release runs with and is built with.", ("build",)),
    Lock("test", "The release, and what tests and checks need.", ("dev",)),
    Lock("lowest", "The lower bounds of pyproject.toml: `make lowest`.", ("build", "test"),
         lowest=True),
    Lock("tools", "The programs of `make lock` and `make audit`.", ("tools",), project=False),
    Lock("airflow-2-11", "Airflow 2.11, which the tests run.", ("airflow-2-11",), project=False,
         before="2025-06-01", shipped=False),
    Lock("airflow-3-2", "Airflow 3.2, which the tests run.", ("airflow-3-2",), project=False,
         before="2026-06-01", shipped=False),
    Lock("airflow-3-3", "Airflow 3.3, which the tests run.", ("airflow-3-3",), project=False,
         shipped=False),
    Lock("object-storage", "S3 for Airflow's logs in tests.", ("object-storage",), project=False,
         shipped=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One package of a lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]
    """Who needs it: names of packages, and `airflow-wizard (pyproject.toml:GROUP)`."""

    def is_direct(self, group: str = "") -> bool:
        """Whether pyproject.toml itself names it: in `group`, or among the dependencies."""
        return f"{PROJECT}{':' * bool(group)}{group})" in self.via


def read_lock(lock: Lock) -> list[Entry]:
    """The packages of a lock; a package may be there once a marker."""
    return list(parse_entries(lock.path.read_text(encoding="utf-8")))


def parse_entries(text: str) -> Iterator[Entry]:
    """The packages in a requirements file as `uv pip compile` writes it."""
    pattern = re.compile(
        r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))?(?: \\)?\n"
        r"(?P<rest>(?:[ \t]+.*\n)*)",
        re.MULTILINE,
    )
    for found in pattern.finditer(text):
        rest = found["rest"]
        yield Entry(
            name=found["name"],
            version=found["version"],
            marker=found["marker"] or "",
            hashes=tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})(?![^\s\\])", rest)),
            via=tuple(
                line.strip(" #").removeprefix("via ").strip()
                for line in rest.splitlines()
                if line.startswith("    # ") and line.strip() != "# via"
            ),
        )


def compile_lock(uv: str, lock: Lock, *, upgrade: bool) -> None:
    """Replaces the lock's file; raises CalledProcessError when the ranges cannot be met."""
    with tempfile.TemporaryDirectory() as folder:
        written, pins = Path(folder, lock.path.name), Path(folder, "pins.txt")
        if lock.path.exists():
            written.write_bytes(lock.path.read_bytes())
        command = [
            uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes",
            "--python-version", "3.11", "--no-header",
            "--output-file", str(written), "--constraints", str(pins),
        ]  # fmt: skip
        command += ["pyproject.toml", "--all-extras"] if lock.project else []
        command += [part for group in lock.groups for part in ("--group", group)]
        command += ["--resolution", "lowest-direct"] if lock.lowest else []
        command += ["--exclude-newer", lock.before] if lock.before else []
        command += ["--upgrade"] if upgrade else []
        pins.write_text("".join(_pins(lock)), encoding="utf-8")
        subprocess.run(command, cwd=TOP, check=True)
        text = written.read_text(encoding="utf-8")
    text = re.sub(rf"(?m)^    #   -c {re.escape(str(pins))}\n", "", text)
    text = re.sub(r"(?m)^    # via\n    #   (.+)\n(?!    #   )", r"    # via \1\n", text)
    lock.path.write_text(f"# {lock.about} `make lock` writes this file.\n{text}", encoding="utf-8")


def _pins(lock: Lock) -> Iterator[str]:
    """Constraints that keep a lock in step with those before it.

    Tests repeat the release. The lower bounds of dependencies are tested with today's tools.
    """
    before = {one.name: one for one in LOCKS}
    chosen = read_lock(before["release"]) if lock.name == "test" else []
    if lock.lowest:
        every = read_lock(before["test"])
        chosen = [entry for entry in every if entry.is_direct("dev") and not entry.is_direct()]
    for entry in chosen:
        marker = f" ; {entry.marker}" if entry.marker else ""
        yield f"{entry.name}=={entry.version}{marker}\n"


def main() -> None:
    """Renews every lock."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--uv", default="uv", help="the program")
    arguments.add_argument("--upgrade", action="store_true", help="take the newest versions")
    chosen = arguments.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for lock in LOCKS:
        compile_lock(chosen.uv, lock, upgrade=chosen.upgrade)


if __name__ == "__main__":
    main()

"""What holds for the project as a whole: sizes, words that must not appear, files that must."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import TOP

MOST_LINES = 400
# Written apart, so that this file does not name what no file may name.
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}/-])/" + r"(?:work|home/\w+|Users/\w+|root)(?:/[\w.-]+)+", re.ASCII
)
OTHER_MARKS = re.compile(r"<{7} |>{7} |[\u202a-\u202e\u2066-\u2069\ufeff]")
BINARY = {".png", ".svg", ".tgz", ".gz", ".whl"}


def tracked() -> list[Path]:
    """Files that Git knows, or would with the next commit; those deleted meanwhile left out."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a Git checkout")
    paths = [TOP / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


TEXTS = [path for path in tracked() if path.suffix not in BINARY]


def test_modules_stay_small_enough_to_read() -> None:
    long = {
        str(path.relative_to(TOP)): lines
        for path in TEXTS
        if path.suffix == ".py" and path.relative_to(TOP).parts[0] in ("wizard", "screens")
        if (lines := text_of(path).count("\n")) > MOST_LINES
    }
    assert not long, f"longer than {MOST_LINES} lines: {long}"


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {
        f"{path.relative_to(TOP)}: {match.group()}"
        for path in TEXTS
        for match in MACHINE_PATHS.finditer(text_of(path))
    }
    assert not found


def test_texts_are_clean() -> None:
    """UTF-8, LF, a final newline; no conflict marker and no character that turns text around."""
    wrong = []
    for path in TEXTS:
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            wrong.append(f"{path.relative_to(TOP)}: no final newline")
        if b"\r" in data and path.suffix != ".txt":
            wrong.append(f"{path.relative_to(TOP)}: carriage return")
        if OTHER_MARKS.search(data.decode("utf-8")):
            wrong.append(f"{path.relative_to(TOP)}: conflict marker or direction mark")
    assert not wrong


def test_the_files_a_project_needs_are_there() -> None:
    documents = ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    for name in (*documents, "Makefile", ".ci/run"):
        assert (TOP / name).is_file(), name
    assert (TOP / ".ci/run").stat().st_mode & 0o111
    assert "Apache License" in (TOP / "LICENSE").read_text()


def test_the_version_is_in_the_changelog() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    changelog = (TOP / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog or f"## [{project['version']}]" in changelog


def test_readme_names_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(TOP / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"^ *(?:\$ )?make ([a-z]+)", text_of(TOP / "README.md"), re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= targets

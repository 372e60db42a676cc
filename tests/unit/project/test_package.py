"""What the source archive and the wheel hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.support.paths import TOP

CODE = ("wizard", "screens", "presets")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one source archive, and the wheel that it builds."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*build, "-t", "sdist"], cwd=TOP, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    subprocess.run([*build, "-t", "wheel"], cwd=source, check=True, capture_output=True)
    return folder


def shipped_code() -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *CODE],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a Git checkout")
    return {name for name in done.stdout.split("\0") if name and (TOP / name).is_file()}


def test_the_source_archive_holds_what_a_reader_needs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {str(PurePosixPath(*PurePosixPath(one).parts[1:])) for one in archive.getnames()}
    documents = {"README.md", "SECURITY.md", "LICENSE", "CHANGELOG.md"}
    assert documents | {"locks/release.txt", "pyproject.toml"} <= names
    assert {name for name in names if name.startswith(CODE)} == shipped_code()
    assert not [name for name in names if name.startswith(("tests", ".ci", "docs"))]


def test_the_wheel_of_the_source_archive_holds_the_code_and_its_license(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == shipped_code()
    assert [name for name in about if name.endswith("licenses/LICENSE")]

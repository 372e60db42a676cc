"""locks/ says what pyproject.toml asks for, and every file in it is known by its hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import TOP
from tests.tools.locks import FOLDER, LOCKS, Entry, Lock, read_lock

PYPROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
OURS = re.compile(r"\$\(PIP_INSTALL\) (--no-deps --no-build-isolation -e \.$|--no-index )")
BY_NAME = {lock.name: lock for lock in LOCKS}


def group(name: str) -> Iterator[Requirement]:
    for item in PYPROJECT["dependency-groups"][name]:
        if isinstance(item, str):
            yield Requirement(item)
        else:
            yield from group(item["include-group"])


def asked(lock: Lock) -> list[Requirement]:
    """What pyproject.toml wants to be in a lock."""
    lines: list[str] = []
    if lock.project:
        project = PYPROJECT["project"]
        extras = project["optional-dependencies"].values()
        lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return [*map(Requirement, lines), *(one for name in lock.groups for one in group(name))]


def lowest(requirement: Requirement) -> str:
    (bound,) = (one.version for one in requirement.specifier if one.operator == ">=")
    return bound


def pinned(lock: Lock) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {}
    for entry in read_lock(lock):
        entries.setdefault(canonicalize_name(entry.name), []).append(entry)
    return entries


def test_every_file_in_the_folder_is_written_by_make_lock() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {lock.path.name for lock in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_dependency_is_locked_within_its_range(lock: Lock) -> None:
    entries = pinned(lock)
    wrong = [
        str(requirement)
        for requirement in asked(lock)
        for found in [entries.get(canonicalize_name(requirement.name), [])]
        if not found
        or not all(requirement.specifier.contains(one.version, prereleases=True) for one in found)
    ]
    assert not wrong, f"locks/{lock.path.name} is out of date, run make lock: {wrong}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_nothing_is_locked_that_nobody_needs(lock: Lock) -> None:
    entries = pinned(lock)
    wanted = {canonicalize_name(requirement.name) for requirement in asked(lock)}
    for name, found in entries.items():
        direct = any(via.startswith("airflow-wizard") for one in found for via in one.via)
        assert direct == (name in wanted), f"{name}: run make lock"
        parents = {via for one in found for via in one.via if not via.startswith("airflow-wizard")}
        assert direct or parents, f"{name} is there for nobody"
        assert {canonicalize_name(one) for one in parents} <= set(entries), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_entry_has_hashes(lock: Lock) -> None:
    text = lock.path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    entries = read_lock(lock)
    # Nothing slips past the parser: no address, path, option or range.
    assert [f"{one.name}=={one.version}" for one in entries] == [
        re.split(r"[\s;]", line)[0] for line in lines
    ]
    assert [one.name for one in entries if not one.hashes] == []
    assert text.count("--hash=") == sum(len(one.hashes) for one in entries)


def test_what_is_tested_is_what_is_released() -> None:
    tested = {
        name: {one.version for one in found} for name, found in pinned(BY_NAME["test"]).items()
    }
    for name, found in pinned(BY_NAME["release"]).items():
        assert {one.version for one in found} == tested[name], f"{name}: run make lock"


def test_the_lower_bounds_are_what_make_lowest_installs() -> None:
    entries = pinned(BY_NAME["lowest"])
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in [*project["dependencies"], *extras]:
        requirement = Requirement(line)
        bound = Requirement(f"{requirement.name}=={lowest(requirement)}").specifier
        for one in entries[canonicalize_name(requirement.name)]:
            assert bound.contains(one.version), f"{line}: {one.version} is the lowest there is"


def test_pip_installs_from_nothing_but_locks() -> None:
    """Each installation in the Makefile takes a lock, or only this project without an index."""
    recipes = (TOP / "Makefile").read_text(encoding="utf-8").splitlines()
    installs = [
        line for line in recipes if re.search(r"\bpip install|PIP_INSTALL\)|LOCKED\)", line)
    ]
    used = [line for line in installs if line.startswith("\t")]
    assert len(used) >= 7
    for line in used:
        ours = re.search(
            r"\$\(PIP_INSTALL\) (--no-deps --no-build-isolation -e \.|--no-index )", line
        )
        assert re.search(r"\$\(LOCKED\) locks/\w+\.txt$", line) or ours, line
    assert not [line for line in recipes if "pip wheel" in line and "--no-deps" not in line]

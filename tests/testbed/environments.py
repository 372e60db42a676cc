"""Python environments of their own, from locks/: Airflow itself, and S3 for its logs.

    python = environments.airflow("3.2")    # then: [python, "-m", "airflow", "db", "check"]

Built once by uv, which takes from its own cache what it had before.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tests.testbed import programs
from tests.testbed.programs import TOP, MissingError

# By Airflow's minor version. Each has the providers of FAB and PostgreSQL, and authlib; those of
# Airflow 3 also Amazon, Microsoft Azure, HashiCorp and Git.
AIRFLOW_LOCKS = {"2.11": "airflow-2-11", "3.2": "airflow-3-2", "3.3": "airflow-3-3"}
# What every one of these versions runs on.
PYTHONS = ">=3.11,<3.13"


def airflow(minor: str) -> Path:
    """The Python of an environment with this Airflow; MissingError when it cannot be made."""
    return environment(AIRFLOW_LOCKS[minor])


def airflow_version(minor: str) -> str:
    """The exact version that is locked."""
    lines = _lock(AIRFLOW_LOCKS[minor]).read_text("utf-8").splitlines()
    (found,) = (line for line in lines if line.startswith("apache-airflow=="))
    return found.removeprefix("apache-airflow==").split()[0]


def object_storage() -> Path:
    """The Python of an environment with moto's server; MissingError when it cannot be made."""
    return environment("object-storage")


def environment(name: str) -> Path:
    """The Python of the environment that locks/NAME.txt pins; built again when the lock changes."""
    lock = _lock(name)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    target = programs.cache() / f"{name}-{digest}"
    python, finished = target / "bin" / "python", target / "finished"
    with programs.building(target, finished) as needed:
        if needed:
            uv = _uv()
            programs.announce(target, name, f"locks/{lock.name}")
            shutil.rmtree(target, ignore_errors=True)
            # No download of a Python: there is one, or the tests say which one they need.
            new = [uv, "venv", "--quiet", "--no-python-downloads", "--python", _python(), target]
            programs.build(new, TOP, name)
            install = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes"]
            programs.build([*install, "--requirement", lock], TOP, name)
            finished.touch()
    return python


def _lock(name: str) -> Path:
    return TOP / "locks" / f"{name}.txt"


def _python() -> str:
    return sys.executable if sys.version_info < (3, 13) else PYTHONS


def _uv() -> Path:
    """The one of `make testbed`, else one on PATH; MissingError without either."""
    ours = TOP / ".cache" / "tools" / "bin" / "uv"
    found = programs.named("WIZARD_UV") or (ours if ours.exists() else programs.on_path("uv"))
    if found is None:
        raise MissingError("uv is not there, and makes the environments (make testbed brings it)")
    return found

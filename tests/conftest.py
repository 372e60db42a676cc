"""What every test gets: a clean environment, the golden files, fake secrets and the testbed."""

from __future__ import annotations

import os

from tests.support.paths import DATA, TOP

# Textual reads these when it is imported, which is before any fixture runs.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["TERM"] = "xterm-256color"
os.environ["COLORTERM"] = "truecolor"

import gc
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from tests.support.canary import MARKER, Canary
from tests.support.process import WIZARD, Finished, Terminal, run
from tests.testbed.fixtures import (
    airflow_chart,
    eso_template,
    fresh_vault,
    helm,
    host_key_sets,
    kube,
    kube_with_crds,
    pgbouncer,
    plain_vault,
    postgres,
    sops,
    sshd,
    vault,
)

__all__ = [
    "airflow_chart",
    "eso_template",
    "fresh_vault",
    "helm",
    "host_key_sets",
    "kube",
    "kube_with_crds",
    "pgbouncer",
    "plain_vault",
    "postgres",
    "sops",
    "sshd",
    "vault",
]

FOREIGN = (
    "AIRFLOW", "ANSIBLE", "AWS_", "AZURE_", "BAO_", "BITBUCKET_", "BUILDKITE", "CHANGE_", "CI",
    "CLICOLOR", "CODEBUILD_", "COLUMNS", "DISPLAY", "DRONE_", "EDITOR", "EMAIL", "FORCE_COLOR",
    "GIT_", "GITHUB_", "HELM_", "JENKINS_", "KUBE", "LANG", "LC_", "LINES", "NO_COLOR", "PAGER",
    "PG", "PROW_", "SOPS_", "SSH_", "SYSTEM_", "TEAMCITY_", "TEXTUAL_", "TF_BUILD", "VAULT_",
    "VISUAL", "XDG_",
)  # fmt: skip
GIT_CONFIG = """\
[user]
\tname = Ada Example
\temail = ada@example.com
[init]
\tdefaultBranch = main
[commit]
\tgpgSign = false
[protocol "file"]
\tallow = always
"""

settings.register_profile("project", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite golden files and frames; read the git diff"
    )


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the run: modules, and all collected tests.

    It also looks more rarely; most of what a test makes goes without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: two workers more than cores, because many tests wait for a server."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that prints or logs one of the suite's secrets has found a leak."""
    report = yield
    if report.passed and any(MARKER in text for _, text in report.sections):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a secret of the suite was printed or logged"
    return report


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Nobody's settings reach a test: own home, no tokens, no cluster, a fixed git identity.

    Returns the home folder, outside `tmp_path` so that a test finds that one empty.
    """
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    config = home / "gitconfig"
    config.write_text(GIT_CONFIG)
    values = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "TEXTUAL_ANIMATIONS": "none",
        "PYTHONPATH": str(TOP),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference data kept beside the repository (chart schemas, CRDs); never copied into it."""
    if not DATA.is_dir():
        pytest.skip(f"needs the reference data in {DATA}, which is not there")
    return DATA


class Compare(Protocol):
    """Compares text with a stored file; `pytest --update` stores it instead."""

    def __call__(self, name: str, text: str) -> None: ...


def compare_files(folder: Path, update: bool) -> Compare:
    def compare(name: str, text: str) -> None:
        path = folder / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            return
        assert path.exists(), f"{path.relative_to(TOP)} is not stored yet: run pytest --update"
        expected = path.read_bytes().decode("utf-8")
        assert text == expected, f"differs from {path.relative_to(TOP)} (pytest --update rewrites)"

    return compare


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Compare:
    """golden(name, text): the text must be what tests/golden/NAME holds."""
    return compare_files(TOP / "tests" / "golden", request.config.getoption("--update"))


@pytest.fixture
def screen_frame(request: pytest.FixtureRequest) -> Compare:
    """screen_frame(name, frame): the screen must look as tests/screens/frames/NAME.txt says."""
    folder = TOP / "tests" / "screens" / "frames"
    compare = compare_files(folder, request.config.getoption("--update"))
    return lambda name, text: compare(f"{name}.txt", text)


@pytest.fixture(scope="session")
def canary() -> Canary:
    """Fake secrets for tests, all findable by one search."""
    return Canary()


class RunCli(Protocol):
    """Runs the command in a process without a terminal; no output may hold a fake secret."""

    def __call__(
        self,
        *args: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str = "",  # noqa: A002
        timeout: float = 60,
    ) -> Finished: ...


@pytest.fixture
def run_cli(tmp_path: Path, canary: Canary) -> RunCli:
    """run_cli(*args, cwd, env, input): exit code, stdout and stderr of `python -m wizard`."""

    def call(
        *args: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str = "",  # noqa: A002
        timeout: float = 60,
    ) -> Finished:
        done = run([*WIZARD, *args], cwd=cwd or tmp_path, env=env, input=input, timeout=timeout)
        canary.assert_absent(done.out, done.err)
        return done

    return call


@pytest.fixture
def pty_run(tmp_path: Path) -> Generator[Callable[..., Terminal], None, None]:
    """pty_run(command, cwd, env, size): a Terminal running it; `("-m", ...)` runs this Python."""
    opened: list[Terminal] = []

    def call(
        command: list[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> Terminal:
        if command and str(command[0]).startswith("-"):
            command = [sys.executable, *command]
        terminal = Terminal(command, cwd=cwd or tmp_path, env=env, size=size)
        opened.append(terminal)
        return terminal

    yield call
    for terminal in opened:
        terminal.__exit__()

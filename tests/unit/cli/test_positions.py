"""A value in the wrong place is never repeated, and no value of an option is a bug."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.canary import MARKER, Canary
from tests.support.cli import LOCAL, Wizard
from tests.support.positions import Position, find_positions
from tests.support.repository import GitFolder
from tests.support.sampling import share
from wizard.cli import main as entry
from wizard.errors import ExitCode

POSITIONS = find_positions()
# Options of one name share their code: one command gets every value, each other one a third.
TURNS: dict[Position, int] = {}
for one in sorted(POSITIONS, key=lambda position: position.command == ""):
    TURNS[one] = sum(known.name == one.name for known in TURNS)
# A value as a person may have copied it, and the forms that it takes in a KEY=VALUE.
FORMS = (
    f"{MARKER}-value",
    f"database.password:{MARKER}=x",
    f"{MARKER}=x",
    f"values.{MARKER}..x=1",
    f"values.a.{MARKER}={{",
    f"database.password={MARKER}",
    f"database.password={{password:{MARKER}}}",
    f"database={{{MARKER}: 1}}",
    f"environment.variables={{{MARKER}: 1}}",
    # Keys and values below `values`, at any depth and below lists.
    f"values.{MARKER}=1",
    f"values.workers.{MARKER}=1",
    f"values.executor.{MARKER}=1",
    f"values={{ingress: {{{MARKER}: {{{MARKER}: 1}}}}}}",
    f"values={{env: [{{name: A, {MARKER}: 1}}]}}",
    f"values={{workers: [{MARKER}]}}",
    f"values={{data: {{{MARKER}SecretName: 1}}}}",
    f"values={{fernetKeySecretName: {MARKER}}}",
    f"values={{labels: {{'password:{MARKER}': null}}}}",
    f"values={{scheduler: {{extraVolumes: [{{'token:{MARKER}': null}}]}}}}",
    f"values={{scheduler: {{extraVolumes: [{{secret: {{secretName: {MARKER}}}}}]}}}}",
    f"values={{scheduler: {{env: [{{valueFrom: {{secretKeyRef: {{name: {MARKER}}}}}}}]}}}}",
    f"values={{registry: {{connection: {{pass: {MARKER}}}}}}}",
    f"values={{config: {{smtp: {{smtp_password: {MARKER}}}}}}}",
)
# A file whose name, or one key or value, is a secret: answers and presets.
FILES = (
    f"{{{MARKER}: 1}}",
    f"database: {{{MARKER}: 1}}",
    f"database: {{password: {MARKER}}}",
    f"values: {{workers: {{{MARKER}: 1}}}}",
    f"values: {{env: [{{{MARKER}: 1}}]}}",
    f"executor: {{kind: {MARKER}}}",
    f"schema: {MARKER}",
    f"{MARKER}: [",
)
HOSTILE = {
    "long": "a" * 5_000,
    "long path": "a/" * 3_000,
    "deep key": "values." + "a." * 500 + "a=1",
    "deep YAML": "values.a=" + "[" * 3_000,
    "deep YAML in a question": "executor.kind=" + "{a: " * 2_000,
    "huge number": "database.port=" + "9" * 5_000,
    "huge float": "database.port=1e999999",
    "huge hexadecimal": "values.a=0x" + "f" * 9_000,
    "surrogate": "\udcff\udcfe",
    "surrogate key": "values.\udcff=\udcfe",
    "surrogate answer": "database.host=\udcff",
    "NUL": "a\0b",
    "NUL answer": "database.host=a\0b",
    "NUL file": "database.password=file:/a\0b",
    "NUL CA": "database.ca_file=a\0b.pem",
    "no such user": "~nobody-of-this-name/x",
    "device": "/dev/zero",
    "folder": "/",
    "line": "a\nb\x1b[2J",
    "dashes": "--",
    "empty": "",
}
LAST = (ExitCode.DONE, ExitCode.FAILED, ExitCode.CHANGES, ExitCode.INVALID, ExitCode.REFUSED,
        ExitCode.CONFLICT, ExitCode.PARTIAL, ExitCode.USAGE, ExitCode.INTERRUPTED)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with a committed installation; no run of this module changes it."""
    folder = tmp_path_factory.mktemp("config")
    GitFolder.init(folder)
    with pytest.MonkeyPatch.context() as patch:
        Wizard(folder, patch).ok(*LOCAL)
        before = GitFolder(folder).git("rev-parse", "HEAD")
        yield folder
        assert GitFolder(folder).git("rev-parse", "HEAD") == before


@pytest.fixture
def wizard(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    return Wizard(repository, monkeypatch)


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    monkeypatch.setattr(entry, "forbid_memory_images", lambda: None)
    monkeypatch.chdir(tmp_path)


def _forms(position: Position) -> Sequence[str]:
    if position.name not in {"--set", "assignments"}:
        return FORMS[:2]
    return share(FORMS, TURNS[position], 3)


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_a_value_in_the_wrong_place_is_not_repeated(
    position: Position, wizard: Wizard, canary: Canary
) -> None:
    for form in _forms(position):
        done = wizard(*position.line(form))
        assert MARKER.lower() not in (done.out + done.err).lower(), (form, str(done))
        assert done.code != ExitCode.BUG, (form, str(done))


@pytest.mark.parametrize("option", ["--answers", "--preset"])
def test_a_file_in_an_option_is_not_repeated(
    option: str, wizard: Wizard, canary: Canary, tmp_path: Path
) -> None:
    for number, text in enumerate(FILES):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text + "\n")
        for name in (str(file), MARKER):
            start = ("--answers", name) if option == "--answers" else ("--preset", name)
            done = wizard("plan", "--set", "installation.name=new", *start)
            assert done.code in (ExitCode.INVALID, ExitCode.REFUSED, ExitCode.USAGE), str(done)
            canary.assert_absent(done.out, done.err)


def test_a_value_from_standard_input_is_not_repeated(wizard: Wizard, canary: Canary) -> None:
    for text in FILES:
        done = wizard("plan", "--answers", "-", stdin=text.encode())
        assert done.code in (ExitCode.INVALID, ExitCode.REFUSED), str(done)
        canary.assert_absent(done.out, done.err)


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_no_value_is_a_bug(position: Position, wizard: Wizard) -> None:
    for name, value in share(HOSTILE.items(), TURNS[position], 3):
        if position.command == "" and position.name != "--repo" and "=" in value:
            continue
        done = wizard(*position.line(value))
        assert done.code in LAST, (name, str(done)[:3000])
        assert "Traceback" not in done.err, name

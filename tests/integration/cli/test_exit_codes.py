"""Every exit code a script may meet, and that what failed left nothing behind."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import LOCAL, Wizard, answers_file, aw, local
from tests.support.process import WIZARD, run
from tests.support.repository import GitFolder
from tests.support.scenarios import OWN_REPO
from wizard.errors import ExitCode

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
SCALE = "executor.workers.replicas=3"
# Put together at run time: no scanner shall take this file for a leak.
SECRET = "Tr0ub4dor" + "-and-3"
TOKEN = "hvs." + "CAESIJ" * 5


def _nothing(aw: Wizard) -> None: ...


def _hand_edit(aw: Wizard) -> None:
    aw.edit(VALUES, "replicas: 1", "replicas: 2")


def _guarded_edit(aw: Wizard) -> None:
    aw.edit(VALUES, "useHelmHooks: false", "useHelmHooks: true")


def _deleted(aw: Wizard) -> None:
    aw.git.git("rm", "-q", VALUES)
    aw.git.git("commit", "-qm", "by hand")


def _dirty(aw: Wizard) -> None:
    path = aw.folder / VALUES
    path.write_text(path.read_text() + "# mine\n")


def _newer(aw: Wizard) -> None:
    index = ".airflow-wizard/airflow/base/index"
    text = (aw.folder / index).read_text()
    lines = [
        "version 99.0.0" if line.startswith("version ") else line for line in text.splitlines()
    ]
    aw.git.commit({index: "\n".join(lines) + "\n"})


def _newer_base_format(aw: Wizard) -> None:
    aw.edit(".airflow-wizard/airflow/base/index", "format 1", "format 2")


def _newer_schema(aw: Wizard) -> None:
    aw.edit(".airflow-wizard/airflow/answers.yaml", "schema: 1", "schema: 2")


def _broken(aw: Wizard) -> None:
    aw.git.commit({".airflow-wizard/airflow/answers.yaml": "a: [\n"})


def _merging(aw: Wizard) -> None:
    (aw.folder / ".git" / "MERGE_HEAD").write_text(aw.git.git("rev-parse", "HEAD") + "\n")


def _elsewhere(aw: Wizard) -> None:
    aw.git.git("switch", "-q", "-c", "elsewhere")


Before = Callable[[Wizard], None]
TABLE: list[tuple[str, Before, list[str], int, str]] = [
    ("plan unchanged", _nothing, ["plan"], 0, ""),
    ("plan unchanged, detailed", _nothing, ["plan", "--detailed-exitcode"], 0, ""),
    ("plan changed", _nothing, ["plan", "--set", SCALE], 0, ""),
    ("plan changed, detailed", _nothing, ["plan", "--detailed-exitcode", "--set", SCALE], 2, ""),
    ("check", _nothing, ["check"], 0, ""),
    ("set to what it is", _nothing, ["set", "executor.workers.replicas=1", "--yes"], 0, "nothing"),
    ("set", _nothing, ["set", SCALE, "--yes"], 0, "committed"),
    ("set without yes", _nothing, ["set", SCALE], 64, "--yes"),
    ("set, written only", _nothing, ["set", SCALE, "--yes", "--no-commit"], 0, "not committed"),
    ("json asks nothing", _nothing, ["set", SCALE, "--json"], 64, "--yes"),
    ("bad value", _nothing, ["set", "executor.workers.replicas=x"], 3, "give a whole number"),
    ("unknown key", _nothing, ["set", "executor.replica=1"], 3, "did you mean"),
    ("name stays", _nothing, ["set", "installation.name=other"], 3, "must stay airflow"),
    ("folder stays", _nothing, ["set", "repository.path=sub"], 3, "must stay ."),
    ("no key=value", _nothing, ["set", "hello"], 3, "has no ="),
    (
        "set takes no preset",
        _nothing,
        ["set", SCALE, "--preset", "local"],
        64,
        "installation.name=",
    ),
    ("set takes no answers", _nothing, ["set", SCALE, "--answers", "x"], 64, "commit --answers"),
    ("preset on existing", _nothing, ["plan", "--preset", "local"], 64, "already has answers"),
    ("unknown preset", _nothing, ["plan", "--preset", "nope"], 64, "local"),
    ("unknown value", _nothing, ["set", "values.nope=1", "--yes"], 4, "values.unknown-key"),
    ("guarded value", _nothing, ["set", "values.fernetKeySecretName=x"], 3, "guarded settings"),
    (
        "value against an answer",
        _nothing,
        ["set", "values.redis.enabled=false", "values.executor=LocalExecutor", "--yes"],
        3,
        "values.executor: remove it and answer executor.kind instead",
    ),
    (
        "secret variable",
        _nothing,
        ["set", f"environment.variables=SMTP_PASSWORD={SECRET}", "--yes"],
        3,
        "environment.variables.SMTP_PASSWORD",
    ),
    (
        "secret message",
        _nothing,
        ["set", SCALE, "--yes", "--message", f"use {TOKEN}"],
        4,
        "--message contains a Vault token",
    ),
    (
        "secret in a URL of the message",
        _nothing,
        ["set", SCALE, "--yes", "--message", f"clone https://git.example.com/{TOKEN}?a=b"],
        4,
        "--message contains a Vault token",
    ),
    (
        "secret in an answer",
        _nothing,
        ["set", f"dags.repo=ssh://git@git.example.com/{TOKEN}/dags.git", "--yes"],
        3,
        "dags.repo: remove a Vault token",
    ),
    (
        "secret branch",
        _nothing,
        ["set", SCALE, "--yes", "--branch", f"fix/{TOKEN}"],
        4,
        "--branch contains a Vault token",
    ),
    ("hand edit kept", _hand_edit, ["plan", "--detailed-exitcode"], 0, ""),
    ("hand edit in the way", _hand_edit, ["set", SCALE, "--yes"], 5, "by hand"),
    ("hand edit in the plan", _hand_edit, ["plan", "--set", SCALE], 5, "by hand"),
    ("guarded edit", _guarded_edit, ["plan"], 5, ""),
    ("guarded edit, check", _guarded_edit, ["check"], 5, ""),
    ("deleted file", _deleted, ["plan"], 5, "deleted by hand"),
    ("refused plan", _nothing, ["plan", "--set", "values.nope=1"], 4, "values.unknown-key"),
    ("refused plan as data", _nothing, ["plan", "--json", "--set", "values.x=1"], 4, "a check"),
    ("deleted file, commit", _deleted, ["commit", "--yes"], 5, "deleted by hand"),
    ("dirty file", _dirty, ["set", SCALE, "--yes"], 5, "uncommitted"),
    ("dirty file, plan", _dirty, ["plan"], 0, ""),
    ("newer wizard", _newer, ["plan"], 5, "99.0.0"),
    ("newer wizard, commit", _newer, ["set", SCALE, "--yes"], 5, "99.0.0"),
    ("newer base", _newer_base_format, ["plan"], 5, "newer"),
    ("newer schema", _newer_schema, ["plan"], 3, "schema 1"),
    ("broken answers", _broken, ["plan"], 3, "answers.yaml, line"),
    ("broken answers, set", _broken, ["set", SCALE, "--yes"], 3, "answers.yaml, line"),
    ("broken answers, all", _broken, ["plan", "--all"], 3, "airflow:"),
    ("merge under way", _merging, ["set", SCALE, "--yes"], 5, "merge is under way"),
    ("other branch", _elsewhere, ["set", SCALE, "--yes"], 64, "--branch"),
    ("all for set", _nothing, ["set", SCALE, "--all"], 64, "--installation"),
    ("all for commit", _nothing, ["commit", "--all"], 64, "--installation"),
    ("all and answers", _nothing, ["plan", "--all", "--answers", "x"], 64, "--answers"),
    ("check takes no set", _nothing, ["check", "--set", SCALE], 64, "--set"),
    ("unknown installation", _nothing, ["plan", "--installation", "x"], 64, "airflow"),
    ("no such answers", _nothing, ["plan", "--answers", "/nope"], 3, "--answers: cannot be read"),
    ("answers folder", _nothing, ["plan", "--answers", "/"], 3, "/: cannot be read"),
    ("empty option", _nothing, ["plan", "--answers", ""], 64, "must not be empty"),
    ("no such command", _nothing, ["frobnicate"], 64, "COMMAND: choose one of"),
    ("no such option", _nothing, ["plan", "--frob"], 64, "no option of that name"),
    ("abbreviated option", _nothing, ["plan", "--ans", "x"], 64, "--ans"),
    ("too much", _nothing, ["plan", "more"], 64, "one argument too many"),
    ("set without settings", _nothing, ["set"], 64, "KEY=VALUE"),
    (
        "no such chart",
        _nothing,
        ["plan", "--chart", "/nope"],
        1,
        ": cannot be read as a Helm chart",
    ),
    ("out nowhere", _nothing, ["plan", "--out", "/nope/plan.json"], 64, "/nope/plan.json"),
    ("no terminal for ask", _nothing, ["ask"], 64, "--answers FILE --yes"),
    ("no terminal for screens", _nothing, [], 64, "airflow-wizard ask"),
    ("explain nothing", _nothing, ["explain", "databse.host"], 3, "database.host"),
    ("version", _nothing, ["--version"], 0, ""),
]


@pytest.mark.parametrize(
    ("before", "args", "code", "says"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_exit_codes(local: Wizard, before: Before, args: list[str], code: int, says: str) -> None:
    before(local)
    state = local.git.state()

    done = local(*args)

    assert done.code == code, done
    assert says in done.err
    assert "Traceback" not in done.err
    if code != ExitCode.DONE or args[:1] != ["set"]:
        assert local.git.state() == state
        assert local.git.leftovers() == []
    if code not in {0, 2} and says:
        assert done.err.startswith(("error: ", "airflow:\nerror: ")), done.err


def test_a_repository_without_an_installation(aw: Wizard) -> None:
    for args in (["plan"], ["commit", "--yes"], ["set", SCALE], ["plan", "--all"]):
        done = aw(*args)
        assert done.code == 64, done
        assert "there is no" in done.err or "there are no" in done.err


def test_no_repository_at_all(aw: Wizard, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    for args in (["plan", "--preset", "local"], ["check"], ["set", SCALE]):
        done = aw(*args, "--repo", str(empty))
        assert done.code == 64
        assert "git init" in done.err
    assert list(empty.iterdir()) == []
    assert aw("plan", "--repo", str(tmp_path / "nope")).code == 64


def test_yes_makes_a_repository_of_an_empty_folder_only(aw: Wizard, tmp_path: Path) -> None:
    full, empty, new = tmp_path / "full", tmp_path / "empty", tmp_path / "deep" / "new"
    for folder in (full, empty):
        folder.mkdir()
    (full / "file").write_text("mine")

    assert aw(*LOCAL, "--repo", str(full)).code == 64
    assert [path.name for path in full.iterdir()] == ["file"]
    for folder in (empty, new):
        assert aw(*LOCAL, "--repo", str(folder)).code == 0
        assert GitFolder(folder).git("status", "--porcelain") == ""


def test_missing_answers_are_all_named_at_once(aw: Wizard) -> None:
    done = aw("plan", "--answers", "-", stdin=b"executor: {kind: Foo}\nvalues: 3\n")

    assert done.code == 3
    for key in ("executor.kind", "values", "database.host", "dags.repo", "secrets.vault.server"):
        assert f"\n  {key}: " in done.err


def test_after_a_killed_commit_looking_writes_nothing_and_committing_continues(
    local: Wizard,
) -> None:
    expected = local.git.git("rev-parse", "HEAD^{tree}")
    hook = local.git.hook("pre-commit", 'kill -9 "$PPID" "$(cat .git/wizard)"')
    killed = run(
        ["sh", "-c", 'echo $$ > .git/wizard; exec "$@"', "sh", *WIZARD, "set", SCALE, "--yes"],
        cwd=local.folder,
    )
    assert killed.code == -signal.SIGKILL
    hook.unlink()
    state = local.git.state()

    for look in (["plan"], ["plan", "--all"], ["check"]):
        done = local(*look)
        assert done.code == 5, done
        assert "interrupted" in done.err
        assert "`airflow-wizard commit`" in done.err
        assert local.git.state() == state

    done = local.ok("commit", "--yes")
    assert "an interrupted write was undone" in done.err
    assert local.git.git("rev-parse", "HEAD^{tree}") == expected
    assert local.git.leftovers() == []
    local.ok("set", SCALE, "--yes")


def test_no_git_identity_is_an_error_before_anything_is_written(
    aw: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    state = aw.git.state()

    done = aw(*LOCAL)

    assert done.code == 1
    assert "git config --global user.name" in done.err
    assert aw.git.state() == state


def test_a_refusal_in_json_is_the_plan(local: Wizard) -> None:
    done = local("set", "values.nope=1", "--yes", "--json")

    assert done.code == 4
    plan = json.loads(done.out)
    assert plan["refused"] is True
    assert plan["findings"][0]["rule"] == "values.unknown-key"


def test_a_bug_shows_where_and_nothing_else(
    local: Wizard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "hunter2-" * 3

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr("wizard.plan.render.render", broken)
    file = answers_file(tmp_path / "a.yaml", {"dags.repo": OWN_REPO})

    done = local("plan", "--answers", str(file), "--installation", "airflow")

    assert done.code == 70
    assert "RuntimeError" in done.err
    assert "test_exit_codes.py" in done.err
    assert secret not in done.out + done.err


def test_a_secret_in_values_is_refused_and_never_shown(local: Wizard) -> None:
    state = local.git.state()

    done = local("set", f"values.scheduler.env=[{{name: A_PASSWORD, value: {SECRET}}}]", "--yes")

    assert done.code == 4
    assert "scheduler.env[0].value" in done.err
    assert "name the Secret here" in done.err
    assert SECRET not in done.out + done.err
    assert local.git.state() == state

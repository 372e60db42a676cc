"""The command where people meet it: prompts, interrupts, pipes that close, dumb terminals."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunCli
from tests.support.cli import Wizard, aw, local
from tests.support.process import WIZARD, Terminal, run
from tests.support.repository import GitFolder
from tests.support.scenarios import OWN_KEY
from wizard.answers.files import validate_answers
from wizard.answers.presets import load_preset
from wizard.answers.questions import field_specs

__all__ = ["aw", "local"]

Pty = Callable[..., Terminal]
SCALE = "executor.workers.replicas=3"


def test_a_commit_is_confirmed_on_a_terminal(local: Wizard, pty_run: Pty) -> None:
    head = local.git.git("rev-parse", "HEAD")
    refused = pty_run([*WIZARD, "set", SCALE], cwd=local.folder)
    refused.wait_for("Write these files? [y/N]")
    refused.send("\r")
    assert refused.wait() == 64
    assert "not confirmed; nothing was written" in refused.text
    assert "--help" not in refused.text
    assert local.git.git("rev-parse", "HEAD") == head

    agreed = pty_run([*WIZARD, "set", SCALE], cwd=local.folder)
    agreed.wait_for("Write these files? [y/N]")
    agreed.send("y\r")

    assert agreed.wait() == 0
    assert local.git.git("rev-parse", "HEAD^") == head


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
@pytest.mark.parametrize(
    ("args", "prompt"),
    [
        (["set", SCALE], "Write these files?"),
        (["ask"], "Name [airflow]"),
        (["ask", "--installation", "airflow", "--set", "dags.source=git-sync"], "Namespace ["),
    ],
)
def test_interrupted_at_a_prompt(
    local: Wizard, pty_run: Pty, args: list[str], prompt: str, keys: str
) -> None:
    state = local.git.state()
    terminal = pty_run([*WIZARD, *args], cwd=local.folder)
    if prompt.startswith("Namespace"):
        terminal.wait_for("Name [airflow]")
        terminal.send("\r")
    terminal.wait_for(prompt)
    terminal.send(keys)

    assert terminal.wait() == 130
    said = "nothing was written" if args[0] == "ask" else "no file is half-written"
    assert f"interrupted; {said}" in terminal.text
    assert "Save your answers" not in terminal.text, "none was given"
    assert "Traceback" not in terminal.text
    assert local.git.state() == state
    assert local.git.leftovers() == []


def test_interrupted_while_it_looks(local: Wizard, tmp_path: Path) -> None:
    """A git that hangs stands for anything slow."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    asked = tmp_path / "asked"
    slow.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 60\n")
    slow.chmod(0o755)
    process = subprocess.Popen(
        [*WIZARD, "plan"],
        cwd=local.folder,
        env={**_environment(), "PATH": f"{slow.parent}:{_environment()['PATH']}"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Not while it still imports: Python then ends with the signal, whatever the command returns.
    deadline = time.monotonic() + 30
    while not asked.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert "Traceback" not in err


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


@pytest.mark.parametrize(("answer", "made"), [("\r", True), ("y\r", True), ("n\r", False)])
@pytest.mark.parametrize("command", [["ask"], ["commit", "--preset", "local"]], ids=" ".join)
def test_an_empty_folder_is_offered_a_repository(
    tmp_path: Path, pty_run: Pty, command: list[str], answer: str, made: bool
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    terminal = pty_run([*WIZARD, *command, "--repo", folder])
    terminal.wait_for("(git init -b main)? [Y/n]")
    terminal.send(answer)
    if made:
        terminal.wait_for("Preset (number" if command == ["ask"] else "Write these files?")
        terminal.send("\x03")
        assert terminal.wait() == 130
        assert GitFolder(folder).git("symbolic-ref", "HEAD") == "refs/heads/main"
    else:
        assert terminal.wait() == 64
        assert list(folder.iterdir()) == []


def test_ask_offers_the_values_of_the_repository(tmp_path: Path, pty_run: Pty) -> None:
    folder = GitFolder.init(tmp_path / "config")
    folder.put("airflow/values.yaml", "airflowVersion: 3.2.2\nexecutor: KubernetesExecutor\n")
    for answer, following in (("n", "Preset (number"), ("y", "executor.kind  from executor")):
        terminal = pty_run([*WIZARD, "ask", "--repo", folder.path], size=(120, 60))
        terminal.wait_for("There is airflow/values.yaml (values file).")
        terminal.wait_for("Begin with its values?")
        terminal.send(f"{answer}\r")
        terminal.wait_for(following)
        terminal.send("\x03")
        assert terminal.wait() == 130


def test_ask_with_enter_alone_commits_the_local_preset(tmp_path: Path, pty_run: Pty) -> None:
    GitFolder.init(tmp_path / "config")
    terminal = pty_run([*WIZARD, "ask", "--preset", "local", "--repo", tmp_path / "config"])
    terminal.wait_for("Go to the review now? [Y/n]")
    terminal.send("n\r")
    terminal.wait_for("Name [airflow]")
    terminal.send("?\r")
    terminal.wait_for("Name [airflow]: ?")
    terminal.send("Bad Name\r")
    terminal.wait_for("! use 1 to 63")
    terminal.send("\r<\r")
    terminal.send("\r" * _questions())
    terminal.wait_for("Write these files? [y/N]", timeout=40)
    terminal.send("y\r")

    assert terminal.wait(40) == 0
    assert "committed" in terminal.text
    assert "Next:" in terminal.text
    assert "bash apps/airflow/up.sh" in terminal.text
    assert b"\x1b[" not in terminal.raw.split(b"Airflow")[0]


def _questions() -> int:
    """How many prompts the `local` preset has."""
    answers = validate_answers(load_preset("local").answers).answers
    assert answers is not None
    return sum(item.model.asked and item.applies(answers) for item in field_specs())


HOST = "ssh://git@git.example.com/platform/airflow-dags.git"
PRODUCTION = (
    *("--preset", "production", "--set", f"dags.repo={HOST}", "--set", "database.host=pg.internal"),
    *("--set", "secrets.vault.server=https://vault.internal:8200"),
    *("--set", f"delivery.argocd.repo_url={HOST}"),
)


def test_ask_stays_on_the_host_keys_and_saves_what_was_given(
    tmp_path: Path, pty_run: Pty, run_cli: RunCli
) -> None:
    repo, here = tmp_path / "config", tmp_path / "here"
    GitFolder.init(repo)
    here.mkdir()
    (here / "airflow-answers.yaml").write_text("somebody else's\n")
    terminal = pty_run([*WIZARD, "ask", *PRODUCTION, "--repo", repo], cwd=here, size=(400, 50))
    terminal.wait_for("an empty line alone keeps the known keys", timeout=40)
    terminal.send("\r")
    terminal.wait_for("! no key of git.example.com is known; paste one or type skip")
    key = OWN_KEY
    terminal.send(f"git.example.com {key.type} {key.key}\r\r")
    terminal.wait_for("Fingerprint (SHA256:..., or skip):")
    terminal.send("\r")
    terminal.wait_for("! ")
    terminal.send("skip\r")
    terminal.wait_for("skipped: the plan is refused")
    terminal.wait_for("Go to the review now? [Y/n]")
    terminal.send("n\r")
    terminal.wait_for("Name [airflow]")
    terminal.send("prod\r")
    terminal.wait_for("Namespace [")
    terminal.send("\x03")
    terminal.wait_for("interrupted; nothing was written")
    terminal.wait_for("airflow-answers-2.yaml? [Y/n]")
    terminal.send("\r")

    assert terminal.wait(40) == 130
    saved = here / "airflow-answers-2.yaml"
    assert f"continue with: airflow-wizard ask --repo {repo} --answers {saved}" in terminal.text
    assert (here / "airflow-answers.yaml").read_text() == "somebody else's\n"
    assert "name: prod" in saved.read_text()
    options = ("--repo", repo, "--answers", saved)
    assert run_cli("plan", *options).code == 4
    assert run_cli("plan", *options, "--host-key-fingerprint", key.fingerprint).code == 0


@pytest.mark.parametrize("variable", ["STAGE=test", "API_TOKEN=hunter2-Xk39fjsl2"])
def test_answers_are_never_saved_among_ours_nor_with_a_secret(
    local: Wizard, pty_run: Pty, variable: str
) -> None:
    inside = local.folder / ".airflow-wizard"
    there = sorted(local.folder.rglob("*"))
    secret = "TOKEN" in variable
    command = [*WIZARD, "ask", "--repo", local.folder]
    terminal = pty_run(command, cwd=local.folder if secret else inside, size=(200, 50))
    terminal.wait_for("Name [airflow]")
    terminal.send("\r" * (_index("environment.variables")))
    terminal.wait_for("Variables [")
    terminal.send(f"{variable}\r")
    if secret:
        terminal.wait_for("remove it: variables are committed unencrypted")
        terminal.send("\r")
    terminal.wait_for("Reloader [")
    terminal.send("\x03")

    assert terminal.wait(40) == 130
    # A secret is not kept, so there is nothing to save.
    left = "nothing was written" if secret else "your answers are not saved"
    assert left in terminal.text
    assert sorted(local.folder.rglob("*")) == there


def _index(key: str) -> int:
    answers = validate_answers(load_preset("local").answers).answers
    assert answers is not None
    return [i.key for i in field_specs() if i.model.asked and i.applies(answers)].index(key)


def test_ask_takes_a_branch(local: Wizard, pty_run: Pty) -> None:
    terminal = pty_run([*WIZARD, "ask", "--set", SCALE, "--branch", "work"], cwd=local.folder)
    terminal.wait_for("Name [airflow]")
    terminal.send("\r" * _questions())
    terminal.wait_for("Write these files? [y/N]", timeout=40)
    terminal.send("y\r")

    assert terminal.wait(40) == 0
    assert local.git.git("symbolic-ref", "--short", "HEAD") == "work"


def test_the_plan_is_coloured_for_a_terminal_that_wants_it(local: Wizard, pty_run: Pty) -> None:
    command = [*WIZARD, "plan", "--set", SCALE]
    looks = {}
    for name, env in {"plain": {}, "no": {"NO_COLOR": "1"}, "dumb": {"TERM": "dumb"}}.items():
        terminal = pty_run(command, cwd=local.folder, env=env)
        assert terminal.wait() == 0
        looks[name] = b"\x1b[" in terminal.raw

    assert looks == {"plain": True, "no": False, "dumb": False}
    assert "\x1b" not in run(command, cwd=local.folder).out


@pytest.mark.parametrize("command", [[], ["--preset", "local"], ["--all"]], ids=" ".join)
def test_the_screens_refuse_a_terminal_that_cannot_show_them(
    local: Wizard, pty_run: Pty, command: list[str]
) -> None:
    terminal = pty_run([*WIZARD, *command], cwd=local.folder, env={"TERM": "dumb"})

    assert terminal.wait() == 64
    assert "airflow-wizard ask" in terminal.text


def test_a_reader_that_goes_away_ends_it_quietly(local: Wizard) -> None:
    for command in (["presets", "local"], ["schema"], ["plan", "--set", SCALE]):
        done = subprocess.run(
            f"{WIZARD[0]} -m wizard {' '.join(command)} | true; echo ${{PIPESTATUS[0]}}",
            shell=True,
            executable="/bin/bash",
            cwd=local.folder,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() in {"0", "1"}, done
        assert done.stderr == ""


@pytest.mark.parametrize(("redirect", "code"), [(">/dev/full", 1), (">&-", 0), ("2>&-", 0)])
def test_streams_that_take_nothing(local: Wizard, redirect: str, code: int) -> None:
    done = subprocess.run(
        f"{WIZARD[0]} -m wizard presets {redirect}",
        shell=True,
        cwd=local.folder,
        capture_output=True,
        text=True,
    )

    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    if code:
        assert "standard output cannot be written" in done.stderr


def test_answers_from_standard_input(run_cli: RunCli, local: Wizard) -> None:
    saved = (local.folder / ".airflow-wizard/airflow/answers.yaml").read_text()

    done = run_cli("plan", "--detailed-exitcode", "--answers", "-", cwd=local.folder, input=saved)

    assert done.code == 0, done


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_any_locale_prints(run_cli: RunCli, locale: str) -> None:
    done = run_cli("explain", env={"LC_ALL": locale, "PYTHONIOENCODING": "ascii"})

    assert done.code == 0, done

"""The terminal goes away, or the process is told to end: it ends at once and keeps the answers."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.process import WIZARD, Terminal
from tests.support.repository import GitFolder
from wizard.cli.unsaved_answers import find_saved_answers

Pty = Callable[..., Terminal]

# A shell that starts the wizard as under nohup: only the end of the input tells it.
DEAF = ["sh", "-c", 'trap "" HUP; "$@"', "sh"]
MOST_SECONDS = 60
# Less than a process burns that reads the ended terminal again and again.
MOST_CPU_SECONDS = 20
ENDINGS = ["hang-up", "hang-up-unheard", "SIGHUP", "SIGTERM"]


def end(terminal: Terminal, how: str) -> int:
    """End the session this way; return the exit code of the wizard."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if how.startswith("hang-up"):
        terminal.hang_up()
        code = terminal.process.wait(MOST_SECONDS)
    else:
        terminal.process.send_signal(getattr(signal, how))
        code = terminal.wait(MOST_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < MOST_CPU_SECONDS
    return code


def command(how: str, *words: str) -> list[str]:
    return [*(DEAF if how == "hang-up-unheard" else ()), *WIZARD, *words]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    GitFolder.init(tmp_path / "config")
    return tmp_path / "config"


@pytest.mark.parametrize("how", ENDINGS)
def test_the_screens_end_and_keep_the_answers(folder: Path, pty_run: Pty, how: str) -> None:
    terminal = pty_run(command(how), cwd=folder)
    terminal.wait_for("Laptop")
    # production, then its first question.
    terminal.send("\r")
    terminal.wait_for("What only you know")
    terminal.send("pg.example.internal\r")
    terminal.wait_for("changed")

    assert end(terminal, how) == 130
    saved = find_saved_answers(folder)
    assert saved is not None
    assert saved.data["database"]["host"] == "pg.example.internal"


def test_the_next_start_offers_the_kept_answers(folder: Path, pty_run: Pty) -> None:
    (folder / "airflow-answers.yaml").write_text(
        "# Unfinished answers: continue with `airflow-wizard ask --answers FILE`.\n"
        "database:\n  host: pg.example.internal\n"
    )
    before = find_saved_answers(folder)
    terminal = pty_run(WIZARD, cwd=folder)
    assert "airflow-answers.yaml" in terminal.wait_for("Laptop")
    assert end(terminal, "hang-up") == 130
    assert find_saved_answers(folder) == before, "nothing was answered, so nothing is saved"


@pytest.mark.parametrize("how", ENDINGS)
def test_ask_ends_and_keeps_the_answers(folder: Path, pty_run: Pty, how: str) -> None:
    terminal = pty_run(command(how, "ask", "--preset", "production"), cwd=folder)
    terminal.wait_for("Host [")
    terminal.send("pg.example.internal\r")
    terminal.wait_for("Repository [", timeout=30)

    assert end(terminal, how) == 130
    saved = find_saved_answers(folder)
    assert saved is not None
    assert saved.data["database"]["host"] == "pg.example.internal"


def test_ask_keeps_the_answers_where_the_terminal_goes_at_the_offer(
    folder: Path, pty_run: Pty
) -> None:
    terminal = pty_run(command("hang-up-unheard", "ask", "--preset", "production"), cwd=folder)
    terminal.wait_for("Host [")
    terminal.send("pg.example.internal\r\x04")
    terminal.wait_for("Save your answers to")
    assert end(terminal, "hang-up-unheard") == 130
    assert find_saved_answers(folder) is not None

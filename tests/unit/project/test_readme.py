"""README.md says what the product does, and no more."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from tests.tools.readme_tables import README, VERSIONS_PAGE, updated
from wizard.cli.commands import COMMANDS
from wizard.cli.parser import build_parser
from wizard.errors import ExitCode


@pytest.mark.parametrize("page", [README, VERSIONS_PAGE])
def test_tables_are_generated(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == updated(text), "run make generated"


def test_commands_and_options_exist() -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"^ +airflow-wizard ([a-z]+)", text, flags=re.M))
    assert named <= set(COMMANDS)
    known = set()
    for command in ("", *COMMANDS):
        known |= set(re.findall(r"--[a-z-]+", _help(command)))
    own = re.sub(r"`helmsman [^`]*`", "", text)  # another program's options
    used = set(re.findall(r"(?<![\w<!-])--[a-z][a-z-]+", own)) - {"--update"}
    assert used <= known


def _help(command: str) -> str:
    top = build_parser()
    if not command or command == "screens":
        return top.format_help()
    (commands,) = (one for one in top._actions if isinstance(one, argparse._SubParsersAction))
    return str(commands.choices[command].format_help())


def test_exit_codes_are_listed() -> None:
    text = README.read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, flags=re.M)}
    assert listed == {int(code) for code in ExitCode}


def test_the_first_command_is_said_where_make_run_puts_it() -> None:
    text = README.read_text(encoding="utf-8")
    section = text.split("## In five minutes")[1]

    assert section.index("`.venv/bin/airflow-wizard`") < section.index("    airflow-wizard ")

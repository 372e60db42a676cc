"""A file for answers that were not committed: `ask` continues from it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.answers.files import parse_answers
from wizard.answers.host_keys import with_readable_host_keys
from wizard.answers.questions import field_specs
from wizard.chart.versions import VERSIONS
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout
from wizard.cli.console import Console, read_line
from wizard.cli.hangup import is_hangup
from wizard.errors import WizardError
from wizard.formats.input_files import read_input_file
from wizard.formats.nested import get_value
from wizard.formats.yaml_reader import MAX_BYTES
from wizard.formats.yaml_writer import dump_yaml
from wizard.plan.merge_base import STATE_DIR

_NAME = "airflow-answers"
_TITLE = "Unfinished answers"
_NOWHERE = "your answers are not saved: they cannot be written to a file here"


@dataclass(frozen=True, slots=True)
class SavedAnswers:
    """Raw answers of a session that ended without a commit, and their file."""

    path: Path
    data: Mapping[str, Any]


def offer_answers_file(
    console: Console,
    data: Mapping[str, Any],
    folder: Path,
    *,
    typed: Sequence[str] = (),
    repo: str = ".",
) -> None:
    """Save raw answers as `save_answers_file` does, unless the person says no.

    Where the terminal goes away instead, they are saved.
    """
    path = _find_place(data, folder)
    if path is None:
        console.say(_NOWHERE)
        return
    try:
        answer = read_line(console, f"Save your answers to {path}? [Y/n]: ").casefold()
    except (KeyboardInterrupt, EOFError) as error:
        console.say("")
        answer = "y" if is_hangup(error) else "n"
    if answer in {"", "y", "yes"}:
        save_answers_file(console, data, folder, typed=typed, repo=repo)
    else:
        console.say("your answers are not saved")


def save_answers_file(
    console: Console,
    data: Mapping[str, Any],
    folder: Path,
    *,
    typed: Sequence[str] = (),
    repo: str = ".",
) -> Path | None:
    """Save raw answers to a new file in `folder`, and print how to continue with it.

    Returns the file; None if nothing was saved.

    File names in the answers are relative to `folder`. The fingerprints in `typed` are not answers,
    so they become options of the printed command. Nothing is saved in .airflow-wizard, where only
    commits write, or if the answers may contain a secret. Never raises, so that the caller can
    report its own error.
    """
    path = _find_place(data, folder)
    if path is None:
        console.say(_NOWHERE)
        return None
    try:
        # "x" fails for a file or link that was created meanwhile.
        with path.open("x", encoding="utf-8") as out:
            out.write(_text(data))
    except OSError as error:
        console.say(f"{path}: cannot be written: {error.strerror}; your answers are not saved")
        return None
    parts = ["airflow-wizard", "ask", *(["--repo", repo] if repo != "." else [])]
    parts += ["--answers", str(path)]
    for value in typed:
        parts += ["--host-key-fingerprint", value]
    console.say(f"saved to {path}; continue with: {shlex.join(parts)}")
    return path


def find_saved_answers(folder: Path) -> SavedAnswers | None:
    """Return the newest unfinished answers in `folder`; None without any that can be read."""
    try:
        paths = sorted(folder.glob(f"{_NAME}*.yaml"), key=lambda one: one.stat().st_mtime)
        path = paths[-1] if paths else None
        if path is None or _TITLE not in (text := read_input_file(path, MAX_BYTES).decode()):
            return None
        return SavedAnswers(path, with_readable_host_keys(parse_answers(text, path.name)))
    except (OSError, UnicodeDecodeError, WizardError):
        return None


def _find_place(data: Mapping[str, Any], folder: Path) -> Path | None:
    """Return a new file in `folder`; None where no file of the person may be, or with a secret."""
    path = _find_free_path(folder)
    if path is None or STATE_DIR in folder.resolve().parts or _holds_secret(data, _text(data)):
        return None
    return path


def _text(data: Mapping[str, Any]) -> str:
    header = f"{_TITLE}: continue with `airflow-wizard ask --answers FILE`."
    return dump_yaml(
        {"schema": 1, **data}, {item.path: item.help for item in field_specs()}, header
    )


def _find_free_path(folder: Path) -> Path | None:
    names = [f"{_NAME}.yaml", *(f"{_NAME}-{number}.yaml" for number in range(2, 100))]
    return next((folder / name for name in names if not (folder / name).exists()), None)


def _holds_secret(data: Mapping[str, Any], text: str) -> bool:
    """Return whether a commit would refuse these answers because they contain a secret."""
    variables, values = get_value(data, ("environment", "variables")), get_value(data, ("values",))
    env: list[Any] = [
        {"name": name, "value": value} for name, value in dict(variables or {}).items()
    ]
    files = {f"{_NAME}.yaml": text, "values.yaml": dump_yaml({**(values or {}), "env": env})}
    chart, airflow = VERSIONS[0].chart, VERSIONS[0].airflow
    found = run_checks(
        {path: content.encode() for path, content in files.items()},
        chart=chart,
        airflow=airflow,
        installation=Layout(values="values.yaml"),
    )
    return any(one.is_error and one.rule.startswith("secret.") for one in found)

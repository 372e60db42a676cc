"""From arguments to raw answers: which installation, and from which layers."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, UsageError
from wizard.formats.yaml_reader import MAX_BYTES
from wizard.workspace.installation import CommandInput, CommittedInstallation, require_committed

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.workspace import Workspace


def open_workspace(arguments: Namespace, console: Console, *, create: bool = False) -> Workspace:
    """The config repository of --repo, to be written; with `create` an empty folder becomes one.

    An interrupted write is put right first, and the console told so.
    """
    from wizard.workspace.workspace import Workspace

    workspace = Workspace.open(_folder(arguments), branch=_branch(arguments), create=create)
    if workspace.recovered:
        console.say(str(workspace.recovered))
    return workspace


def open_workspace_read_only(arguments: Namespace) -> Workspace:
    """The config repository of --repo, only to look; ConflictError after an interrupted write."""
    from wizard.workspace.workspace import Workspace

    return Workspace.open(_folder(arguments), branch=_branch(arguments), recover=False)


def open_or_create_workspace(arguments: Namespace, console: Console) -> Workspace:
    """Like `open_workspace`; offers on the terminal to make a repository of an empty folder."""
    folder = _folder(arguments)
    try:
        return open_workspace(arguments, console)
    except UsageError as error:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise
        from wizard.cli.console import read_line

        console.say(error.message)
        what = "Make this empty folder one" if folder.exists() else "Make the folder and one in it"
        answer = read_line(console, f"{what} (git init -b main)? [Y/n]: ")
        if answer.casefold() not in {"", "y", "yes"}:
            raise
    return open_workspace(arguments, console, create=True)


def _folder(arguments: Namespace) -> Path:
    return Path(getattr(arguments, "repo", "."))


def _branch(arguments: Namespace) -> str:
    return getattr(arguments, "branch", "") or ""


def choose_installation(workspace: Workspace, name: str) -> str:
    """The installation a command is about; empty when the repository has none yet.

    Raises UsageError for a name that is not there, or when there are several and none is named.
    """
    found = workspace.installations()
    if name and name not in found:
        there = f"there are: {', '.join(found)}" if found else "there is none yet"
        raise UsageError(
            f"there is no installation {name!r} in this repository",
            f"{there}; for a new one leave --installation out and give "
            f"--set installation.name={name}"
            + ("" if found else workspace.other_installations_hint()),
        )
    if name:
        return name
    if len(found) > 1:
        raise UsageError(
            f"this repository holds {len(found)} installations",
            f"name one with --installation: {', '.join(found)}",
        )
    return found[0] if found else ""


def read_command_input(
    arguments: Namespace, workspace: Workspace, assignments: Sequence[str] = ()
) -> CommandInput:
    """The raw answers of this run.

    New: --set over answers file over preset over defaults. Existing: the committed answers, or
    --answers in their place; a preset is refused. With `assignments` (the command `set`) it is
    always an existing one.
    """
    from wizard.answers.files import apply_assignments, merge_layers
    from wizard.answers.host_keys import parse_pasted_keys

    preset = getattr(arguments, "preset", None)
    file = getattr(arguments, "answers", None)
    sets = [*(getattr(arguments, "set", None) or []), *assignments]
    layers, folder = _layers(preset, file)
    given = apply_assignments(merge_layers(*layers), sets)
    existing = _find_existing(
        arguments, workspace, _name(given, bool(layers)) if not assignments else ""
    )
    if existing and preset:
        from wizard.workspace.neighbours import NEW_INSTALLATION_HINT

        raise UsageError(
            f"--preset is for a new installation, and {existing} has answers already",
            "change them with `airflow-wizard set KEY=VALUE`; for another installation add "
            + NEW_INSTALLATION_HINT,
        )
    if existing and not file:
        from wizard.workspace.public_keys import with_recorded_keys

        standing = with_recorded_keys(
            workspace, existing, workspace.committed_answers(existing) or {}
        )
        given = apply_assignments(standing, sets)
    if not existing:
        given = _with_repository_path(given, workspace)
    if folder is None and not existing:
        folder = Path.cwd()
    typed = tuple(getattr(arguments, "host_key_fingerprint", None) or ())
    known = bool(layers or sets or existing)
    return CommandInput(workspace, parse_pasted_keys(given), existing, folder, typed, known)


def _layers(preset: str | None, file: str | None) -> tuple[list[Mapping[str, Any]], Path | None]:
    """What is given from outside, and the folder that file names in it are relative to."""
    layers: list[Mapping[str, Any]] = []
    folder = None
    if preset:
        from wizard.answers import presets

        layers.append(presets.load_preset(preset).answers)
    if file:
        from wizard.answers.files import parse_answers

        text, folder = _read_answers(file)
        layers.append(parse_answers(text, _display_name(file)))
    return layers, folder


def _name(given: Mapping[str, Any], layered: bool) -> str:
    """The installation that given answers name; empty when they name none."""
    from wizard.answers.questions import field_spec
    from wizard.formats.nested import get_value

    default = field_spec("installation.name").default if layered else ""
    name = get_value(given, ("installation", "name"), default)
    return name if isinstance(name, str) else ""


def _find_existing(arguments: Namespace, workspace: Workspace, name: str) -> str:
    named = getattr(arguments, "installation", "") or ""
    if named or not name:
        return choose_installation(workspace, named)
    # Answers name their installation; another name than those that exist begins a new one.
    return name if name in workspace.installations() else ""


def _with_repository_path(given: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """A new installation goes beside those of the folder that was opened."""
    from wizard.formats.nested import get_value, put_value

    prefix = workspace.repository.prefix
    if not given or not prefix or get_value(given, ("repository", "path")) is not None:
        return given
    return put_value(given, ("repository", "path"), prefix)


def _display_name(file: str) -> str:
    return "standard input" if file == "-" else file


def _read_answers(file: str) -> tuple[str, Path]:
    """The text of an answers file, and the folder it is in."""
    path = Path(file)
    try:
        if file == "-":
            data, folder = sys.stdin.buffer.read(MAX_BYTES + 1), Path.cwd()
        else:
            with path.open("rb") as opened:
                data, folder = opened.read(MAX_BYTES + 1), path.resolve().parent
        if len(data) > MAX_BYTES:
            raise AnswersError(f"{_display_name(file)}: the file is larger than {MAX_BYTES} bytes")
        return data.decode("utf-8"), folder
    except OSError as error:
        raise AnswersError(f"{_display_name(file)}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AnswersError(f"{_display_name(file)}: is not UTF-8 text") from None


_ANSWER_OPTIONS = ("answers", "preset", "set", "host_key_fingerprint")


def load_installation(
    arguments: Namespace, *, command: str, verb: str, reason: str
) -> CommittedInstallation:
    """The installation that the arguments name, for a command that takes no other answers.

    `command`, `verb` and `reason` are its words in errors. Raises UsageError for arguments that
    would change the answers and where nothing is committed, and all that `require_committed`
    raises.
    """
    refuse_changes(arguments, command=command, reason=reason)
    start = read_command_input(arguments, open_workspace_read_only(arguments))
    if not start.existing:
        raise UsageError(
            f"there is no committed installation to {verb}",
            "commit one first: airflow-wizard commit" + start.workspace.other_installations_hint(),
        )
    return require_committed(start)


def refuse_changes(arguments: Namespace, *, command: str, reason: str) -> None:
    """Raise UsageError for arguments that would change the answers, or name several at once."""
    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    for name in _ANSWER_OPTIONS:
        if getattr(arguments, name, None):
            raise UsageError(
                f"{command} takes no --{name.replace('_', '-')}: {reason}",
                "change and commit first: airflow-wizard set KEY=VALUE --yes",
            )

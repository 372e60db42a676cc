"""Chooses the installation, and reads raw answers from options, files and presets.

The screens show their first frame before the models are loaded. Modules that need the models are
therefore imported on use.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.cli.console import Console, read_line
from wizard.cli.options import Options
from wizard.errors import AnswersError, UsageError
from wizard.formats.input_files import is_existing, read_input_file, show_path
from wizard.formats.messages import show_name
from wizard.formats.terminal import format_first
from wizard.formats.yaml_reader import MAX_BYTES
from wizard.workspace.installation import CommandInput, CommittedInstallation, require_committed
from wizard.workspace.neighbours import NEW_INSTALLATION_HINT
from wizard.workspace.public_keys import with_recorded_keys
from wizard.workspace.workspace import Workspace

# How many names a hint lists.
_NAMES = 10


def open_workspace(options: Options, console: Console, *, create: bool = False) -> Workspace:
    """Open the config repository of --repo; with `create`, initialize an empty folder.

    An interrupted write is finished or undone first, and reported on the console.
    """
    workspace = Workspace.open(
        Path(options.repo), branch=options.branch, target=options.target, create=create
    )
    if workspace.recovered:
        console.say(str(workspace.recovered))
    return workspace


def open_workspace_read_only(options: Options) -> Workspace:
    """Open the repository of --repo read-only; ConflictError after an interrupted write."""
    return Workspace.open(
        Path(options.repo), branch=options.branch, target=options.target, recover=False
    )


def open_or_create_workspace(options: Options, console: Console) -> Workspace:
    """Open the repository of --repo; offers to create it in an empty or missing folder."""
    folder = Path(options.repo)
    try:
        return open_workspace(options, console)
    except UsageError as error:
        if is_existing(folder) and not (folder.is_dir() and not any(folder.iterdir())):
            raise
        console.say(error.message)
        what = "Create one in this folder" if is_existing(folder) else "Create the folder with one"
        answer = read_line(console, f"{what} (git init -b main)? [Y/n]: ")
        if answer.casefold() not in {"", "y", "yes"}:
            raise
    return open_workspace(options, console, create=True)


def choose_installation(workspace: Workspace, name: str) -> str:
    """Return the name of the installation to use; empty if the repository has none yet.

    Raises UsageError for an unknown name, and without a name if there are several installations.
    """
    found = workspace.installations()
    if name and name not in found:
        known = f"use one of: {format_first(found, _NAMES)}" if found else "it has none yet"
        raise UsageError(
            f"there is no installation {show_name(name, found) or 'of that name'} in this "
            "repository",
            f"{known}; for a new one leave --installation out and give "
            "--set installation.name=NAME"
            + ("" if found else workspace.other_installations_hint()),
        )
    if name:
        return name
    if len(found) > 1:
        raise UsageError(
            f"this repository has {len(found)} installations",
            f"name one with --installation: {format_first(found, _NAMES)}",
        )
    return found[0] if found else ""


def read_command_input(
    options: Options, workspace: Workspace, assignments: Sequence[str] = ()
) -> CommandInput:
    """Return the raw answers of this run, and the installation that they belong to.

    For a new installation, --set overrides the answers file, which overrides the preset. An
    existing installation starts from its committed answers, or from --answers instead; a preset is
    refused. With `assignments` (the command `set`) the installation must exist.
    """
    from wizard.answers.files import apply_assignments, merge_layers
    from wizard.answers.host_keys import parse_pasted_keys

    sets = [*options.set, *assignments]
    layers, folder = _read_layers(options.preset, options.answers)
    answers = apply_assignments(merge_layers(*layers), sets)
    existing = _find_existing(
        options, workspace, _installation_name(answers, bool(layers)) if not assignments else ""
    )
    if existing and options.preset:
        raise UsageError(
            f"--preset is for a new installation, and {existing} already has answers",
            "change them with `airflow-wizard set KEY=VALUE`; for a new installation add "
            + NEW_INSTALLATION_HINT,
        )
    if existing and not options.answers:
        committed = with_recorded_keys(
            workspace, existing, workspace.committed_answers(existing) or {}
        )
        answers = apply_assignments(committed, sets)
    if not existing:
        answers = _with_repository_path(answers, workspace)
    if folder is None and not existing:
        folder = Path.cwd()
    known = bool(layers or sets or existing)
    return CommandInput(
        workspace,
        parse_pasted_keys(answers),
        existing,
        folder,
        options.host_key_fingerprint,
        known,
    )


def _read_layers(preset: str, file: str) -> tuple[list[Mapping[str, Any]], Path | None]:
    """Return the answers of preset and file, and the folder of relative file names in them."""
    layers: list[Mapping[str, Any]] = []
    folder = None
    if preset:
        from wizard.answers.presets import load_preset

        layers.append(load_preset(preset).answers)
    if file:
        from wizard.answers.files import parse_answers

        text, folder = _read_answers(file)
        layers.append(parse_answers(text, _display_name(file)))
    return layers, folder


def _installation_name(answers: Mapping[str, Any], has_layers: bool) -> str:
    """Return the installation's name in the answers; empty if it is not a text."""
    from wizard.answers.questions import field_spec
    from wizard.formats.nested import get_value

    default = field_spec("installation.name").default if has_layers else ""
    name = get_value(answers, ("installation", "name"), default)
    return name if isinstance(name, str) else ""


def _find_existing(options: Options, workspace: Workspace, name: str) -> str:
    if options.installation or not name:
        return choose_installation(workspace, options.installation)
    # The answers contain the installation's name; an unknown name starts a new installation.
    return name if name in workspace.installations() else ""


def _with_repository_path(answers: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Set the path of a new installation to the opened folder, unless the answers have a path."""
    from wizard.formats.nested import get_value, put_value

    prefix = workspace.repository.prefix
    if not answers or not prefix or get_value(answers, ("repository", "path")) is not None:
        return answers
    return put_value(answers, ("repository", "path"), prefix)


def _display_name(file: str) -> str:
    """Return how messages name the answers file."""
    return "standard input" if file == "-" else show_path(file) or "--answers"


def _read_answers(file: str) -> tuple[str, Path]:
    """Return the text of an answers file, and its folder."""
    path = Path(file)
    try:
        if file == "-":
            data, folder = sys.stdin.buffer.read(MAX_BYTES + 1), Path.cwd()
        else:
            data, folder = read_input_file(path, MAX_BYTES, pipe=True), path.resolve().parent
        if len(data) > MAX_BYTES:
            raise AnswersError(f"{_display_name(file)}: the file is larger than {MAX_BYTES} bytes")
        return data.decode("utf-8"), folder
    except OSError as error:
        raise AnswersError(f"{_display_name(file)}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AnswersError(f"{_display_name(file)}: is not UTF-8 text") from None


def load_installation(
    options: Options, *, command: str, verb: str, reason: str, removal: bool = False
) -> CommittedInstallation:
    """Return the committed installation that the options name.

    `command`, `verb` and `reason` describe the command in error messages. Raises UsageError if an
    option would change the answers or nothing is committed, and the errors of `require_committed`,
    which describes `removal`.
    """
    refuse_changes(options, command=command, reason=reason)
    start = read_command_input(options, open_workspace_read_only(options))
    if not start.existing:
        raise UsageError(
            f"there is no committed installation to {verb}",
            "commit one first: airflow-wizard commit" + start.workspace.other_installations_hint(),
        )
    return require_committed(start, removal=removal)


def refuse_changes(options: Options, *, command: str, reason: str) -> None:
    """Raise UsageError for --all and for options that would change the answers."""
    if options.all:
        raise UsageError("--all is for plan and check", "name one with --installation")
    changing = (
        "answers",
        "preset",
        "set",
        "host_key_fingerprint",
        "accept",
        "on_conflict",
        "adopt",
    )
    if option := options.find_given(*changing):
        raise UsageError(
            f"{command} cannot be used with {option}: {reason}",
            "change and commit first: airflow-wizard set KEY=VALUE --yes",
        )

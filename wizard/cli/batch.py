"""One or all installations of a repository, each told about on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.selection import open_workspace_read_only, read_command_input
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.workspace import committed
from wizard.workspace.installation import CommandInput
from wizard.workspace.workspace import Workspace

InstallationCommand = Callable[[CommandInput], tuple[ExitCode, dict[str, Any]]]


def find_workspaces(workspace: Workspace) -> list[Workspace]:
    """The workspace itself; at the top of a work tree one for each folder with installations."""
    repository = workspace.repository
    found = [] if repository.prefix else committed.list_prefixes(repository)
    if found in ([], [""]):
        return [workspace]
    return [_subfolder_workspace(workspace, prefix) for prefix in found]


def _subfolder_workspace(workspace: Workspace, prefix: str) -> Workspace:
    if prefix == workspace.repository.prefix:
        return workspace
    repository = workspace.repository.with_prefix(prefix)
    return Workspace(repository, workspace.identity, workspace.work_branch, workspace.recovered)


def installation_title(name: str, workspace: Workspace) -> str:
    """An installation as results name it: with the folder it is in, unless that is the top."""
    prefix = workspace.repository.prefix
    return f"{name} in {prefix}" if prefix else name


def run_for_installations(
    options: Options,
    console: Console,
    work: InstallationCommand,
    found: Sequence[Workspace] | None = None,
) -> tuple[ExitCode, list[Any]]:
    """Do it for each installation the command is about: the worst exit code, and all results.

    With --all that is every one of every folder; `found` (from `find_workspaces`) means them all
    without --all too, or those of the name that --installation gives. One that cannot be dealt
    with does not keep the others from their turn; results are kept only for --json and --out, so
    that memory does not grow with the repository.
    """
    if not found:
        workspace = open_workspace_read_only(options)
        if not options.all:
            code, result = work(read_command_input(options, workspace))
            return code, [result]
        found = find_workspaces(workspace)
    pairs = [(place, name) for place in found for name in place.installations()]
    if options.all:
        _require_all(options, found[0], bool(pairs))
    wanted = options.installation
    pairs = [pair for pair in pairs if wanted in {"", pair[1]}]
    if not pairs:
        raise UsageError(
            f"there is no installation {wanted!r} in this repository",
            found[0].other_installations_hint().lstrip("; "),
        )
    keep = options.json or options.out
    worst, results = ExitCode.DONE, []
    for place, name in pairs:
        code, result = _run_one(options, console, work, place, name)
        worst = max(worst, code)
        if keep:
            folder = place.repository.prefix
            results.append({**result, "folder": folder} if folder else result)
    return worst, results


def _run_one(
    options: Options, console: Console, work: InstallationCommand, place: Workspace, name: str
) -> tuple[ExitCode, dict[str, Any]]:
    try:
        return work(read_command_input(replace(options, installation=name), place))
    except WizardError as error:
        console.say(f"{installation_title(name, place)}:")
        console.fail(error)
        return error.exit_code, {"installation": name, "error": error.message}


def _require_all(options: Options, workspace: Workspace, any_there: bool) -> None:
    if option := options.find_given("answers", "preset", "installation"):
        raise UsageError(f"--all takes no {option}")
    if not any_there:
        raise UsageError(
            "there is no installation in this repository",
            workspace.other_installations_hint().lstrip("; "),
        )

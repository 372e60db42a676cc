"""Runs a command for one installation, or for every installation of a repository."""

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
    """Return the workspace itself; at the top of a work tree, one per folder with installations."""
    repository = workspace.repository
    found = [] if repository.prefix else committed.list_prefixes(repository)
    if found in ([], [""]):
        return [workspace]
    return [_subfolder_workspace(workspace, prefix) for prefix in found]


def _subfolder_workspace(workspace: Workspace, prefix: str) -> Workspace:
    if prefix == workspace.repository.prefix:
        return workspace
    return workspace.with_repository(workspace.repository.with_prefix(prefix))


def installation_title(name: str, workspace: Workspace) -> str:
    """Return an installation's name for results; a folder below the top is added."""
    prefix = workspace.repository.prefix
    return f"{name} in {prefix}" if prefix else name


def run_for_installations(
    options: Options,
    console: Console,
    work: InstallationCommand,
    found: Sequence[Workspace] | None = None,
) -> tuple[ExitCode, list[Any]]:
    """Run `work` for each chosen installation; return the highest exit code and the results.

    With --all, every installation in every folder is chosen. Without --all, every installation in
    `found` (from `find_workspaces`) is chosen, or only those with the name in --installation. With
    neither, one installation is chosen. An error in one installation does not stop the others.
    Results of several installations are kept for --json and --out only, to save memory.
    """
    if not found:
        workspace = open_workspace_read_only(options)
        if not options.all:
            code, result = work(read_command_input(options, workspace))
            return code, [result]
        found = find_workspaces(workspace)
    pairs = [(folder, name) for folder in found for name in folder.installations()]
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
    for folder, name in pairs:
        code, result = _run_one(options, console, work, folder, name)
        worst = max(worst, code)
        if keep:
            prefix = folder.repository.prefix
            results.append({**result, "folder": prefix} if prefix else result)
    return worst, results


def _run_one(
    options: Options, console: Console, work: InstallationCommand, folder: Workspace, name: str
) -> tuple[ExitCode, dict[str, Any]]:
    try:
        return work(read_command_input(replace(options, installation=name), folder))
    except WizardError as error:
        console.say(f"{installation_title(name, folder)}:")
        console.fail(error)
        return error.exit_code, {"installation": name, "error": error.message}


def _require_all(options: Options, workspace: Workspace, has_installations: bool) -> None:
    if option := options.find_given("answers", "preset", "installation"):
        raise UsageError(f"--all cannot be used with {option}", "leave one of the two out")
    if not has_installations:
        raise UsageError(
            "there is no installation in this repository",
            workspace.other_installations_hint().lstrip("; "),
        )

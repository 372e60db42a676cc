"""`undo`: one commit that takes the last run back and keeps what was edited by hand since then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.plan_and_commit import commit_input
from wizard.cli.selection import choose_installation, open_workspace
from wizard.errors import ExitCode, UsageError
from wizard.workspace.installation import CommandInput
from wizard.workspace.last_run import find_last_run, require_reversible, undo_answers


def undo_last_run(options: Options, console: Console) -> ExitCode:
    """Show what taking back the last run changes, ask for confirmation, and commit it.

    Refused (4) if the run migrated the database. An answer that was changed again after the run is
    a conflict (5) unless --on-conflict decides.
    """
    if options.all:
        raise UsageError("--all is for plan and check", "name one with --installation")
    if option := options.find_given("answers", "preset", "set", "adopt"):
        raise UsageError(
            f"undo cannot be used with {option}: it only takes back the last run",
            "change answers afterwards: airflow-wizard set KEY=VALUE",
        )
    workspace = open_workspace(options, console)
    name = choose_installation(workspace, options.installation)
    if not name:
        raise UsageError(
            "there is no installation in this repository", "make one first: airflow-wizard commit"
        )
    run = find_last_run(workspace.repository, name)
    console.say(f"undoing {run}")

    with TemporaryDirectory() as folder:
        start = CommandInput(
            workspace,
            undo_answers(workspace.repository, run, options.on_conflict, Path(folder)),
            name,
            Path(folder),
            options.host_key_fingerprint,
        )
        chosen = replace(options, message=options.message or run.message)
        return commit_input(chosen, start, console, lambda plan: require_reversible(plan, run))

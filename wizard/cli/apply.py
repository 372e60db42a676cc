"""`apply`: make the committed installation live, step by step; safe to repeat."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import TYPE_CHECKING

from wizard.apply.prepare import PreparedRun, prepare_run
from wizard.cli.console import Console, ask_confirmation
from wizard.cli.options import Options
from wizard.cli.reminders import report_unverified
from wizard.cli.run import confirm, execute_run
from wizard.cli.selection import load_installation
from wizard.errors import ExitCode, UsageError
from wizard.systems.database.admin import Admin, prepare_admin

if TYPE_CHECKING:
    from wizard.workspace.installation import CommittedInstallation


def run_apply(options: Options, console: Console) -> ExitCode:
    """Show the steps and the identities of the targets, ask for confirmation, run, wait, verify.

    Returns 0 when every step is verified or its result cannot be read, 5 for a conflict with an
    object of a different owner, 6 when a step failed, and 130 within a second after Ctrl-C, with a
    list of finished and remaining steps.
    """
    found = load_installation(
        options, command="apply", verb="apply", reason="it applies the committed files"
    )
    ready = prepare_run(
        found,
        plan=options.plan or None,
        context=options.context,
        argocd_context=options.argocd_context,
        only=options.only,
        database=_prepare_admin(options, found, console),
        chart=options.chart,
        take_over=options.take_over,
        terminal=console.err.isatty(),
    )
    _print_run(ready, console)
    report_unverified(found.start.workspace, found.name, console)
    if not options.dry_run:
        confirm(options, console)
    if ready.target.database is not None:
        ready.target.database.unlock()
    return execute_run(ready.run(dry_run=options.dry_run), options, console)


def _prepare_admin(
    options: Options, found: CommittedInstallation, console: Console
) -> Admin | None:
    """Return the administrator who creates role and database; None without --database-admin."""
    user = options.database_admin
    if not user:
        if options.allow_reference:
            raise UsageError(
                "--allow-reference has an effect with --database-admin only", "leave it out"
            )
        return None
    if options.only == "delivery":
        raise UsageError(
            "--database-admin belongs to the store, which --only delivery skips",
            "leave one of the two out",
        )
    has_terminal = sys.stdin.isatty()
    asks = has_terminal and not options.json
    return prepare_admin(
        user,
        found,
        allowed=options.allow_reference,
        ask=(lambda question: ask_confirmation(console, question)) if asks else None,
        prompt=(lambda key: getpass(f"{key} (not shown): ", stream=console.err))
        if has_terminal
        else None,
    )


def _print_run(ready: PreparedRun, console: Console) -> None:
    console.say(ready.title)
    for identity in ready.target.identities:
        console.say(f"  as  {identity}")
    for text in ready.missing_logins:
        console.say(f"  {text}")
    for step in ready.planned_steps:
        console.say(f"  {step.title} [{step.owner}] {step.endpoint}")

"""`apply`: make live what was committed, in the order of its actions; safe to repeat."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from wizard.cli.console import Console
from wizard.cli.run import confirm, execute_run
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.apply.prepare import PreparedRun
    from wizard.systems.database.admin import Admin
    from wizard.workspace.installation import CommittedInstallation


def apply(arguments: Namespace, console: Console) -> ExitCode:
    """Show what will be done and as whom, ask, do it, wait, verify.

    0 when everything holds or could not be read, 5 when another's object is in the way, 6 when a
    step failed; 130 after Ctrl-C, within a second, with what was done and what is left.
    """
    from wizard.apply.prepare import prepare_run
    from wizard.cli.reminders import report_unverified
    from wizard.cli.selection import load_installation

    if arguments.undo:
        from wizard.cli.destroy import undo

        return undo(arguments, console)
    found = load_installation(
        arguments, command="apply", verb="apply", reason="it applies what is committed"
    )
    ready = prepare_run(
        found,
        plan=getattr(arguments, "plan", None),
        context=getattr(arguments, "context", "") or "",
        argocd_context=getattr(arguments, "argocd_context", "") or "",
        only=getattr(arguments, "only", None),
        database=_prepare_admin(arguments, found, console),
        chart=getattr(arguments, "chart", "") or "",
        take_over=getattr(arguments, "take_over", None) or (),
    )
    _print_run(ready, console)
    report_unverified(found.start.workspace, found.name, console)
    if not arguments.dry_run:
        confirm(arguments, console)
    if ready.target.database is not None:
        ready.target.database.unlock()
    return execute_run(ready.run(dry_run=arguments.dry_run), arguments, console)


def _prepare_admin(
    arguments: Namespace, found: CommittedInstallation, console: Console
) -> Admin | None:
    """Who makes role and database, where the operator asked for it."""
    import sys

    user = getattr(arguments, "database_admin", None)
    if user is None:
        if getattr(arguments, "allow_reference", None):
            raise UsageError("--allow-reference counts with --database-admin only")
        return None
    if getattr(arguments, "only", None) == "delivery":
        raise UsageError("--database-admin belongs to the store, and --only delivery leaves it out")
    from getpass import getpass

    from wizard.cli.console import ask_confirmation
    from wizard.systems.database.admin import prepare_admin

    there = sys.stdin.isatty()
    asks = there and not getattr(arguments, "json", False)
    return prepare_admin(
        user,
        found,
        allowed=getattr(arguments, "allow_reference", None) or (),
        ask=(lambda question: ask_confirmation(console, question)) if asks else None,
        prompt=(lambda what: getpass(f"{what} (not shown): ", stream=console.err))
        if there
        else None,
    )


def _print_run(ready: PreparedRun, console: Console) -> None:
    console.say(ready.title)
    for who in ready.target.identities:
        console.say(f"  as  {who}")
    for text in ready.missing_logins:
        console.say(f"  {text}")
    for action in ready.planned_steps:
        console.say(f"  {action.title} [{action.owner}] {action.endpoint}")

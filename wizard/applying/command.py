"""`apply`: make live what was committed, in the order of its actions; safe to repeat."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from typing import TYPE_CHECKING

from wizard.applying.progress import counts, interruption, line
from wizard.commands import Console
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.actions import Event
    from wizard.applying.database_admin import Admin
    from wizard.applying.preparing import Prepared
    from wizard.applying.running import Run
    from wizard.installed import Installed


def apply(arguments: Namespace, console: Console) -> ExitCode:
    """Show what will be done and as whom, ask, do it, wait, verify.

    0 when everything holds or could not be read, 5 when another's object is in the way, 6 when a
    step failed; 130 after Ctrl-C, within a second, with what was done and what is left.
    """
    from wizard.applying.preparing import prepared
    from wizard.installed import installed
    from wizard.unverified import remind

    if arguments.undo:
        from wizard.removing.command import undo

        return undo(arguments, console)
    found = installed(
        arguments, command="apply", verb="apply", reason="it applies what is committed"
    )
    ready = prepared(
        found,
        plan=getattr(arguments, "plan", None),
        context=getattr(arguments, "context", "") or "",
        argocd_context=getattr(arguments, "argocd_context", "") or "",
        only=getattr(arguments, "only", None),
        database=_database(arguments, found, console),
        chart=getattr(arguments, "chart", "") or "",
        take_over=getattr(arguments, "take_over", None) or (),
    )
    _show(ready, console)
    remind(found.start.workspace, found.name, console)
    if not arguments.dry_run:
        confirm(arguments, console)
    if ready.target.database is not None:
        ready.target.database.unlock()
    return carried_out(ready.run(dry_run=arguments.dry_run), arguments, console)


def _database(arguments: Namespace, found: Installed, console: Console) -> Admin | None:
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

    from wizard.applying.database_admin import administrator
    from wizard.ask import confirmed

    there = sys.stdin.isatty()
    asks = there and not getattr(arguments, "json", False)
    return administrator(
        user,
        found,
        allowed=getattr(arguments, "allow_reference", None) or (),
        ask=(lambda question: confirmed(console, question)) if asks else None,
        prompt=(lambda what: getpass(f"{what} (not shown): ", stream=console.err))
        if there
        else None,
    )


def carried_out(
    run: Run, arguments: Namespace, console: Console, *, again: str = "apply"
) -> ExitCode:
    """Go through a run and print it; 130 after Ctrl-C, naming the command that goes on."""
    from wizard.applying.running import QUIT_SECONDS

    async def work() -> None:
        async for event in run.events():
            _tell(event, arguments, console)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        for event in run.interrupted():
            _tell(event, arguments, console)
        console.say(counts(run.told))
        console.say(interruption(again))
        run.end(QUIT_SECONDS)
        return ExitCode.INTERRUPTED
    for note in run.notes:
        console.say(note)
    run.end()
    console.say(counts(run.told))
    return run.outcome


def _show(ready: Prepared, console: Console) -> None:
    console.say(ready.title)
    for who in ready.target.identities:
        console.say(f"  as  {who}")
    for text in ready.left:
        console.say(f"  {text}")
    for action in ready.actions:
        console.say(f"  {action.title} [{action.owner}] {action.endpoint}")


def confirm(arguments: Namespace, console: Console) -> None:
    """A yes, given before or now; UsageError without one."""
    import sys

    from wizard.ask import confirmed

    if getattr(arguments, "yes", False):
        return
    if getattr(arguments, "json", False) or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "look with --dry-run, then add --yes",
        )
    if not confirmed(console, "Do this?"):
        raise UsageError("not confirmed; nothing was applied")


def _tell(event: Event, arguments: Namespace, console: Console) -> None:
    if getattr(arguments, "json", False):
        console.data(json.dumps(event.to_json()))
    elif event.state != "checking":
        for text in line(event):
            console.say(text)

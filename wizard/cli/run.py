"""Confirms and carries out the steps of `apply` and `destroy` on the terminal."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from typing import TYPE_CHECKING

from wizard.apply.progress import format_counts, format_event, format_interruption
from wizard.cli.console import Console
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.apply.run import Run
    from wizard.engine.steps import StepEvent


def execute_run(
    run: Run, arguments: Namespace, console: Console, *, again: str = "apply"
) -> ExitCode:
    """Go through a run and print it; 130 after Ctrl-C, naming the command that goes on."""
    from wizard.apply.run import QUIT_SECONDS

    async def work() -> None:
        async for event in run.events():
            _print_event(event, arguments, console)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        for event in run.mark_interrupted():
            _print_event(event, arguments, console)
        console.say(format_counts(run.past_events))
        console.say(format_interruption(again))
        run.end(QUIT_SECONDS)
        return ExitCode.INTERRUPTED
    for note in run.notes:
        console.say(note)
    run.end()
    console.say(format_counts(run.past_events))
    return run.outcome


def confirm(arguments: Namespace, console: Console) -> None:
    """A yes, given before or now; UsageError without one."""
    import sys

    from wizard.cli.console import ask_confirmation

    if getattr(arguments, "yes", False):
        return
    if getattr(arguments, "json", False) or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "look with --dry-run, then add --yes",
        )
    if not ask_confirmation(console, "Do this?"):
        raise UsageError("not confirmed; nothing was applied")


def _print_event(event: StepEvent, arguments: Namespace, console: Console) -> None:
    if getattr(arguments, "json", False):
        console.data(json.dumps(event.to_json()))
    elif event.state != "checking":
        for text in format_event(event):
            console.say(text)

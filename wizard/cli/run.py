"""Confirms and runs the steps of `apply` and `destroy` on the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from wizard.apply.progress import format_counts, format_event, format_interruption
from wizard.apply.run import QUIT_SECONDS, Run
from wizard.cli.console import Console, ask_confirmation
from wizard.cli.options import Options
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.engine.steps import StepEvent


def execute_run(run: Run, options: Options, console: Console, *, again: str = "apply") -> ExitCode:
    """Execute a run and print its events; 130 after Ctrl-C, with the command that continues."""

    async def work() -> None:
        async for event in run.events():
            _print_event(event, options, console)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        for event in run.mark_interrupted():
            _print_event(event, options, console)
        console.say(format_counts(run.past_events))
        console.say(format_interruption(again))
        run.end(QUIT_SECONDS)
        return ExitCode.INTERRUPTED
    for note in run.notes:
        console.say(note)
    run.end()
    console.say(format_counts(run.past_events))
    return run.outcome


def confirm(options: Options, console: Console) -> None:
    """Return if --yes is given or a person confirms; otherwise raise UsageError."""
    if options.yes:
        return
    if options.json or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "run it with --dry-run first, then add --yes",
        )
    if not ask_confirmation(console, "Run these steps?"):
        raise UsageError("not confirmed; nothing was applied")


def _print_event(event: StepEvent, options: Options, console: Console) -> None:
    if options.json:
        console.data(json.dumps(event.to_json()))
    elif event.state != "checking":
        for text in format_event(event):
            console.say(text)

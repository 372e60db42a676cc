"""The two ways that ask: screens and lines. Both end in the same proposal and commit."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from wizard.commands import Console, require_terminal
from wizard.errors import ExitCode, UsageError
from wizard.start import Start, begin, open_workspace


def _start(arguments: Namespace) -> Start:
    return begin(arguments, open_workspace(arguments, create=True))


def run_screens(arguments: Namespace, console: Console) -> ExitCode:
    """The Textual screens; they return when the person commits or quits."""
    require_terminal(console)
    start = _start(arguments)
    from screens.app import run

    from wizard.headless import report

    done = run(
        start.workspace,
        dict(start.data),
        typed=list(start.typed),
        existing=start.existing,
        pick_preset=not start.given,
    )
    if done is None:
        console.say("nothing was written")
        return ExitCode.DONE
    report(done, console)
    return ExitCode.DONE


def run_ask(arguments: Namespace, console: Console) -> ExitCode:
    """Line by line; the plan is shown before anything is written."""
    from wizard.ask import Conversation, confirmed
    from wizard.diff import render_plain
    from wizard.headless import report
    from wizard.workflow import require_ready

    if not sys.stdin.isatty():
        raise UsageError(
            "ask needs a terminal to ask on",
            "without one: airflow-wizard commit --answers FILE --yes",
        )
    start = _start(arguments)
    try:
        data: dict[str, Any] = dict(start.data)
        if not start.given:
            data = _pick_preset(console)
        talk = Conversation(console, data, list(start.typed))
        talk.run()
        proposal = start.workspace.propose(
            talk.data, typed=talk.typed, existing=start.existing, folder=start.folder
        )
        console.data(render_plain(proposal.plan, colour=console.colour))
        require_ready(proposal.plan)
        if not proposal.plan.differs:
            console.say("nothing to change")
            return ExitCode.DONE
        if not confirmed(console, "Write these files and commit them?"):
            console.say("nothing was written")
            return ExitCode.DONE
    except EOFError:
        raise KeyboardInterrupt from None
    report(start.workspace.commit(proposal, terminal=True), console)
    return ExitCode.DONE


def _pick_preset(console: Console) -> dict[str, Any]:
    from wizard import presets
    from wizard.ask import read_line

    names = presets.names()
    console.say("Start from a preset, or from nothing:")
    for number, name in enumerate(names, 1):
        console.say(f"  {number}. {name}: {presets.load(name).description}")
    while True:
        text = read_line(console, "Preset (number or name, empty for none): ")
        if not text:
            return {}
        if text.isdecimal() and 1 <= int(text) <= len(names):
            text = names[int(text) - 1]
        if text in names:
            return dict(presets.load(text).answers)
        console.say(f"  ! choose one of: {', '.join(names)}")

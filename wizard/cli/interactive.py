"""The two ways that ask: screens and lines. Both end in the same proposal and commit."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console, require_terminal
from wizard.cli.selection import open_or_create_workspace, read_command_input
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.workspace.installation import CommandInput

if TYPE_CHECKING:
    from wizard.cli.prompts import PromptSession
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


def _open_workspace(arguments: Namespace, console: Console) -> Workspace:
    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    if getattr(arguments, "json", False):
        raise UsageError("--json is for commands that do not ask", "`airflow-wizard plan --json`")
    return open_or_create_workspace(arguments, console)


def require_start(arguments: Namespace, workspace: Workspace) -> CommandInput:
    """Where to start; UsageError where nothing is given and the installations are elsewhere."""
    start = read_command_input(arguments, workspace)
    if not start.given and (others := workspace.other_installations_hint()):
        raise UsageError(
            "there is no installation in this folder",
            "for a new one here give --preset NAME" + others,
        )
    return start


def run_screens(arguments: Namespace, console: Console) -> ExitCode:
    """The Textual screens; they return when the person commits or quits."""
    require_terminal(console)
    workspace = _open_workspace(arguments, console)
    chart = Path(arguments.chart) if getattr(arguments, "chart", None) else None
    from screens.app import run
    from screens.draft.start import InitialAnswers
    from wizard.cli.plan_and_commit import report_commit

    folder: Path | None = None

    def read() -> InitialAnswers:
        # With it come the models, which the first frame does not wait for.
        from wizard.answers.host_keys import with_readable_host_keys

        nonlocal folder
        start = require_start(arguments, workspace)
        folder = start.folder
        return InitialAnswers(
            with_readable_host_keys(start.data),
            start.typed,
            start.existing,
            not start.given,
            start.folder,
            chart,
            getattr(arguments, "context", None) or "",
        )

    ending = run(workspace, read)
    if ending.committed is not None:
        report_commit(ending.committed, console)
    if ending.applied is not None:
        for text in ending.applied.lines:
            console.say(text)
        return ending.applied.outcome
    if ending.committed is None:
        console.say("nothing was written")
    if ending.left is not None:
        from wizard.cli.unsaved_answers import offer_answers_file

        data, typed = ending.left
        repo = str(getattr(arguments, "repo", "."))
        offer_answers_file(console, data, folder or Path.cwd(), typed=typed, repo=repo)
    return ExitCode.DONE


def run_ask(arguments: Namespace, console: Console) -> ExitCode:
    """Line by line; the plan is shown before anything is written."""
    from wizard.cli.plan_and_commit import commit_options, report_commit
    from wizard.cli.prompts import PromptSession

    if not sys.stdin.isatty():
        raise UsageError(
            "ask needs a terminal to ask on",
            "without one: airflow-wizard commit --answers FILE --yes",
        )
    start = require_start(arguments, _open_workspace(arguments, console))
    data: dict[str, Any] = dict(start.data)
    if not start.given:
        data = _pick_preset(console)
    talk = PromptSession(
        console, data, list(start.typed), start.workspace.committed_entries(start.existing)
    )
    given = talk.data
    try:
        proposal = _confirm_proposal(arguments, start, talk)
        if proposal is None:
            console.say("not confirmed; nothing was written")
            _offer_answers_file(arguments, start, talk, given)
            return ExitCode.USAGE
    except (KeyboardInterrupt, EOFError):
        console.say("\ninterrupted; nothing was written")
        _offer_answers_file(arguments, start, talk, given)
        return ExitCode.INTERRUPTED
    except WizardError as error:
        console.fail(error)
        _offer_answers_file(arguments, start, talk, given)
        return error.exit_code
    try:
        done = start.workspace.commit(proposal, **commit_options(arguments), terminal=True)
    except WizardError as error:
        console.fail(error)
        _offer_answers_file(arguments, start, talk, given)
        return error.exit_code
    report_commit(done, console)
    return ExitCode.DONE


def _confirm_proposal(
    arguments: Namespace, start: CommandInput, talk: PromptSession
) -> Proposal | None:
    """What the answers come to, shown and agreed to; None after a no. Writes nothing."""
    from wizard.cli.console import ask_confirmation
    from wizard.cli.plan_and_commit import show_plan
    from wizard.plan.comparison import require_ready

    chart = getattr(arguments, "chart", None)
    talk.run()
    proposal = start.workspace.propose(
        talk.data,
        typed=talk.typed,
        existing=start.existing,
        folder=start.folder,
        chart=Path(chart) if chart else None,
    )
    show_plan(proposal.plan, talk.console)
    require_ready(proposal.plan)
    if proposal.plan.differs and not ask_confirmation(talk.console, "Write these files?"):
        return None
    return proposal


def _offer_answers_file(
    arguments: Namespace, start: CommandInput, talk: PromptSession, given: Mapping[str, Any]
) -> None:
    """A file for the answers, where any was given that did not come from outside."""
    from wizard.cli.unsaved_answers import offer_answers_file

    if talk.data != given:
        repo = str(getattr(arguments, "repo", "."))
        offer_answers_file(
            talk.console, talk.data, start.folder or Path.cwd(), typed=talk.typed, repo=repo
        )


def _pick_preset(console: Console) -> dict[str, Any]:
    from wizard.answers import presets
    from wizard.cli.console import read_line

    names = presets.list_presets()
    console.say("Start from a preset, or from nothing:")
    for number, name in enumerate(names, 1):
        console.say(f"  {number}. {name}: {presets.load_preset(name).description}")
    while True:
        text = read_line(console, "Preset (number or name, empty for none): ")
        if not text:
            return {}
        if text.isdecimal() and 1 <= int(text) <= len(names):
            text = names[int(text) - 1]
        if text in names:
            return dict(presets.load_preset(text).answers)
        console.say(f"  ! choose one of: {', '.join(names)}")

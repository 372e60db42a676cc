"""The screens and `ask`: both end in the same proposal and commit.

The screens show their first frame before the models are loaded. Modules that need the models, and
Textual, are therefore imported on use.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console, ask_confirmation, read_line, require_terminal
from wizard.cli.hangup import Hangup, HangupError, do_nothing, is_hangup, raise_hangup
from wizard.cli.options import Options
from wizard.cli.selection import open_or_create_workspace, read_command_input
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.workspace.installation import CommandInput

if TYPE_CHECKING:
    from screens.draft.exit_report import ExitReport
    from wizard.cli.ask_review import AskReview
    from wizard.imports.candidates import Candidate
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace

RunCommand = Callable[[Options], ExitCode]


def _open_workspace(options: Options, console: Console) -> Workspace:
    if options.all:
        raise UsageError("--all is for plan and check", "name one with --installation")
    if options.json:
        raise UsageError(
            "--json cannot be used with a command that asks", "run airflow-wizard plan --json"
        )
    return open_or_create_workspace(options, console)


def require_start(options: Options, workspace: Workspace) -> CommandInput:
    """Return the command's input.

    Raises UsageError if there are no answers here, but there are installations elsewhere.
    """
    start = read_command_input(options, workspace)
    if not start.given and (others := workspace.other_installations_hint()):
        raise UsageError(
            "there is no installation in this folder",
            "for a new one in this folder give --preset NAME" + others,
        )
    return start


def run_screens(options: Options, console: Console) -> ExitCode:
    """Run the Textual screens until the person commits or quits, or the terminal goes away."""
    require_terminal(console)
    with Hangup(raise_hangup) as hangup:
        return _run_screens(options, console, hangup)


def _run_screens(options: Options, console: Console, hangup: Hangup) -> ExitCode:
    workspace = _open_workspace(options, console)
    from screens.app import run
    from screens.draft.start import InitialAnswers

    folder: Path | None = None

    def read() -> InitialAnswers:
        # This imports the models, so it runs after the first frame.
        from wizard.answers.host_keys import with_readable_host_keys
        from wizard.cli.unsaved_answers import find_saved_answers
        from wizard.workspace.suggestions import find_contexts, find_suggestions

        nonlocal folder
        start = require_start(options, workspace)
        folder = start.folder
        known = {} if start.existing else find_suggestions(workspace.repository, os.environ)
        candidates = [] if start.given else _list_candidates(workspace)
        saved = None if start.given else find_saved_answers(start.folder or Path.cwd())
        return InitialAnswers(
            with_readable_host_keys(start.data),
            start.typed,
            start.existing,
            not start.given,
            start.folder,
            options.chart_path,
            options.context,
            known,
            (saved.path.name, saved.data) if saved else None,
            None if start.existing or options.context else find_contexts(os.environ),
            candidates,
        )

    ending = run(workspace, read, hangup)
    hangup.react = do_nothing
    if hangup.has_happened:
        _save_uncommitted(ending, console, folder, options)
        return ExitCode.INTERRUPTED
    if ending.committed is not None:
        from wizard.cli.plan_and_commit import report_commit

        report_commit(ending.committed, console)
    if ending.applied is not None:
        for text in ending.applied.lines:
            console.say(text)
        return ending.applied.outcome
    if ending.committed is None:
        console.say("nothing was written")
    _save_uncommitted(ending, console, folder, options)
    return ExitCode.DONE


def _save_uncommitted(
    ending: ExitReport, console: Console, folder: Path | None, options: Options
) -> None:
    if ending.uncommitted is not None:
        from wizard.cli.unsaved_answers import save_answers_file

        data, typed = ending.uncommitted
        save_answers_file(console, data, folder or Path.cwd(), typed=typed, repo=options.repo)


def run_ask(options: Options, console: Console, run: RunCommand) -> ExitCode:
    """Ask the questions line by line, show the plan, ask for confirmation, commit.

    `run` runs another command, where the person wants one before or after the commit.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "ask needs a terminal",
            "without a terminal: airflow-wizard commit --answers FILE --yes",
        )
    with Hangup(raise_hangup) as hangup:
        return _run_ask(options, console, run, hangup)


def _run_ask(options: Options, console: Console, run: RunCommand, hangup: Hangup) -> ExitCode:
    from wizard.cli.ask_review import AskReview
    from wizard.cli.prompts import PromptSession
    from wizard.workspace.suggestions import find_suggestions

    start = require_start(options, _open_workspace(options, console))
    data: dict[str, Any] = dict(start.data)
    if not start.given:
        data = _pick_start(console, start.workspace, start.folder or Path.cwd())
    known = {} if start.existing else find_suggestions(start.workspace.repository, os.environ)
    session = PromptSession(
        console,
        data,
        list(start.typed),
        start.workspace.committed_entries(start.existing),
        known,
        bool(start.existing),
    )
    initial = session.data
    review = AskReview(options, start, session, run)
    try:
        return _ask_and_commit(review, initial, hangup)
    except HangupError:
        # At the end of the input, the signal may come a moment later than the end.
        if not session.is_committed:
            _keep_answers(review, initial, may_ask=False)
        return ExitCode.INTERRUPTED


def _ask_and_commit(review: AskReview, initial: Mapping[str, Any], hangup: Hangup) -> ExitCode:
    console = review.console
    try:
        review.session.run()
        proposal = review.confirm()
        if proposal is not None:
            return _commit(review, proposal)
        console.say("not confirmed; nothing was written")
        code, may_ask = ExitCode.USAGE, True
    except (KeyboardInterrupt, EOFError) as error:
        if review.session.is_committed:
            raise
        may_ask = not is_hangup(error)
        if not may_ask:
            hangup.react = do_nothing
        console.say("\ninterrupted; nothing was written")
        code = ExitCode.INTERRUPTED
    except WizardError as error:
        console.fail(error)
        code, may_ask = error.exit_code, True
    if not review.session.is_committed:
        _keep_answers(review, initial, may_ask=may_ask)
    return code


def _keep_answers(review: AskReview, initial: Mapping[str, Any], *, may_ask: bool) -> None:
    """Save the answers to a file, unless none was given or, with `may_ask`, the person says no."""
    from wizard.cli.unsaved_answers import offer_answers_file, save_answers_file

    session = review.session
    if session.data != initial:
        folder = review.start.folder or Path.cwd()
        keep = offer_answers_file if may_ask else save_answers_file
        keep(session.console, session.data, folder, typed=session.typed, repo=review.options.repo)


def _commit(review: AskReview, proposal: Proposal) -> ExitCode:
    """Commit a confirmed proposal and show what is next; apply it where the person said so."""
    from wizard.cli.plan_and_commit import commit_options, report_commit
    from wizard.cli.status import report_next_steps

    chosen = commit_options(review.options, review.accepted, review.backup, terminal=True)
    done = review.start.workspace.commit(proposal, chosen)
    # From here on the answers are committed: quitting loses none of them.
    review.session.is_committed = True
    report_commit(replace(done, next=[]), review.console)
    if done.commit:
        report_next_steps(review.start.workspace, proposal, done, review.console)
    return review.apply(proposal) if review.applies else ExitCode.DONE


def _list_candidates(workspace: Workspace) -> list[Candidate]:
    """Return what the repository has to import; nothing once it has an installation."""
    if workspace.installations():
        return []
    from wizard.imports.candidates import list_candidates

    return list_candidates(workspace.repository.top)


def _pick_start(console: Console, workspace: Workspace, folder: Path) -> dict[str, Any]:
    """Return the answers to begin with: imported, unfinished ones, or those of a preset."""
    for candidate in _list_candidates(workspace):
        console.say(f"There is {candidate.title}.")
        if ask_confirmation(console, "Begin with its values?"):
            from wizard.imports.candidates import import_candidate

            found = import_candidate(candidate)
            for line in found.to_lines():
                console.say(line)
            return dict(found.data)
    return _pick_preset(console, folder)


def _pick_preset(console: Console, folder: Path) -> dict[str, Any]:
    from wizard.answers import presets
    from wizard.cli.unsaved_answers import find_saved_answers

    names, saved = presets.list_presets(), find_saved_answers(folder)
    if saved is not None:
        console.say(f"Unfinished answers are in {saved.path}.")
        if read_line(console, "Continue with them? [Y/n]: ").casefold() in {"", "y", "yes"}:
            return dict(saved.data)
    console.say("Start from a preset, or without one:")
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

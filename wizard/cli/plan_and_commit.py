"""`plan`, `commit` and `set`: the same proposal as on the screens, without questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import field_specs
from wizard.cli.batch import installation_title, run_for_installations
from wizard.cli.console import Console, ask_confirmation, read_line
from wizard.cli.options import Options
from wizard.cli.reminders import report_unverified
from wizard.cli.selection import open_or_create_workspace, open_workspace, read_command_input
from wizard.clients.ssh.scanner import make_network_scanner
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.formats.output_files import write_output_file
from wizard.plan.comparison import require_ready, require_sound
from wizard.plan.diff import WITHHELD, render_plain
from wizard.plan.merge.sides import Decisions
from wizard.workspace.backup import TAKES, describe_backup
from wizard.workspace.commit import CommitOptions
from wizard.workspace.installation import CommandInput

if TYPE_CHECKING:
    from wizard.plan.plan import Plan
    from wizard.workspace.proposal import CommitResult, Proposal
    from wizard.workspace.workspace import Workspace


_NOT_FOR_SET = {
    "--answers": "replace all answers of the installation with airflow-wizard commit "
    "--answers FILE",
    "--preset": "start a new installation with airflow-wizard commit --preset NAME "
    "--set installation.name=NAME",
}


def run_plan(options: Options, console: Console) -> ExitCode:
    """Show what would change.

    Returns 0 if the plan can be committed, 2 with --detailed-exitcode and changes, 4 for failed
    checks, missing evidence and consequences that need --accept or --backup, 5 for conflicts.
    """

    def work(start: CommandInput) -> tuple[ExitCode, dict[str, Any]]:
        proposal = propose(options, start, console)
        _report_absent(proposal.plan, options, console)
        if not options.json:
            if options.all:
                console.data(f"{installation_title(start.existing, start.workspace)}:")
            show_plan(proposal.plan, console)
        backup = _describe_backup(proposal.plan, start.workspace, options, console)
        _report_refusal(proposal.plan, options, backup, console)
        document = proposal.plan.to_json() if options.json or options.out else {}
        # Unverified probes are stored on this machine, so they are not part of the plan itself.
        document["unverified"] = report_unverified(start.workspace, start.existing, console)
        return _exit_code(proposal, options, backup), document

    code, results = run_for_installations(options, console, work)
    if options.json or options.out:
        text = json.dumps(results if options.all else results[0], indent=2)
        if options.out:
            _write_out(Path(options.out), text)
        if options.json:
            console.data(text)
    return code


def _write_out(path: Path, text: str) -> None:
    try:
        write_output_file(path, f"{text}\n".encode())
    except OSError as error:
        raise UsageError(
            f"--out {path}: {error.strerror}", "give a file in an existing folder"
        ) from None


def _report_refusal(plan: Plan, options: Options, backup: str, console: Console) -> None:
    """Print to standard error why a commit of this plan would fail."""
    try:
        require_ready(plan, options.accept, backup)
    except WizardError as error:
        if options.all:
            console.say(f"{plan.installation}:")
        console.fail(error)


def _exit_code(proposal: Proposal, options: Options, backup: str) -> ExitCode:
    plan = proposal.plan
    if plan.conflicts:
        return ExitCode.CONFLICT
    lacks_backup = plan.needs_backup and not backup
    if plan.refused or lacks_backup or plan.find_unaccepted(options.accept):
        return ExitCode.REFUSED
    if options.detailed_exitcode and proposal.plan.differs:
        return ExitCode.CHANGES
    return ExitCode.DONE


def run_commit(options: Options, console: Console) -> ExitCode:
    """Write the files and commit them; asks on a terminal, otherwise needs --yes."""
    _refuse_all(options)
    if options.yes or not sys.stdin.isatty():
        workspace = open_workspace(options, console, create=options.yes)
    else:
        workspace = open_or_create_workspace(options, console)
    return commit_input(options, read_command_input(options, workspace), console)


def run_set(options: Options, console: Console) -> ExitCode:
    """Change single answers: show the plan, ask for confirmation, commit."""
    _refuse_all(options)
    if option := options.find_given("answers", "preset"):
        raise UsageError(f"set cannot be used with {option}", _NOT_FOR_SET[option])
    workspace = open_workspace(options, console)
    if not workspace.installations():
        raise UsageError(
            "there is no installation to change in this repository",
            "create one: airflow-wizard, or airflow-wizard commit --preset NAME --set KEY=VALUE"
            + workspace.other_installations_hint(),
        )
    start = read_command_input(options, workspace, options.assignments)
    return commit_input(options, start, console)


def _refuse_all(options: Options) -> None:
    if options.all:
        raise UsageError("--all is for plan and check", "name one with --installation")


def commit_input(
    options: Options,
    start: CommandInput,
    console: Console,
    refuse: Callable[[Plan], None] | None = None,
) -> ExitCode:
    """Show the plan of a command's input, ask for confirmation, and commit it.

    `refuse` raises for a plan that the command never allows.
    """
    if options.json and not options.yes:
        raise UsageError("--json needs --yes", "look at `plan --json`, then add --yes")
    proposal = propose(options, start, console)
    if not start.existing and (others := start.workspace.other_installations_hint()):
        console.say(f"this is a new installation{others}")
    _report_ignored(options, proposal, console)
    if not options.json:
        show_plan(proposal.plan, console)
    try:
        require_sound(proposal.plan)
        if refuse is not None:
            refuse(proposal.plan)
        accepted, backup = confirm_consequences(proposal.plan, start.workspace, options, console)
        require_ready(proposal.plan, accepted, backup)
    except WizardError:
        if options.json:
            console.data(json.dumps(proposal.plan.to_json(), indent=2))
        raise
    if proposal.plan.differs and not options.yes and not _confirm_commit(console):
        console.say("not confirmed; nothing was written")
        return ExitCode.USAGE
    chosen = commit_options(options, accepted, backup, terminal=console.err.isatty())
    done = start.workspace.commit(proposal, chosen)
    left = report_unverified(start.workspace, start.existing, console)
    if options.json:
        document = {**_result_json(proposal, done), "unverified": left}
        console.data(json.dumps(document, indent=2))
    report_commit(done, console)
    return ExitCode.DONE


def confirm_consequences(
    plan: Plan, workspace: Workspace, options: Options, console: Console
) -> tuple[tuple[str, ...], str]:
    """Return the accepted consequences, and the sentence about the backup before a migration.

    They are those of --accept and --backup, and what a person answers now. With --yes or without a
    terminal, nobody is asked, and nothing more is accepted.
    """
    accepted = list(options.accept)
    _report_absent(plan, options, console)
    backup = _describe_backup(plan, workspace, options, console)
    if options.yes or not sys.stdin.isatty():
        return tuple(accepted), backup
    for one in plan.find_unaccepted(accepted):
        console.say(str(one))
        if ask_confirmation(console, f"Accept {one.name}?"):
            accepted.append(one.name)
    if plan.needs_backup and not backup and not plan.find_unaccepted(accepted):
        backup = _ask_for_backup(workspace, console)
    return tuple(accepted), backup


def _describe_backup(plan: Plan, workspace: Workspace, options: Options, console: Console) -> str:
    """Return the sentence about the backup of --backup; empty if none is given, or none needed."""
    if not options.backup:
        return ""
    if not plan.needs_backup:
        console.say("note: this change migrates no database, so it needs no --backup")
        return ""
    return describe_backup(options.backup, workspace.identity.date)


def _ask_for_backup(workspace: Workspace, console: Console) -> str:
    """Return the sentence about a backup that a person names; empty if the person names none."""
    while text := read_line(console, f"Backup of the database, {TAKES} (empty: none): "):
        try:
            return describe_backup(text, workspace.identity.date)
        except WizardError as error:
            console.say(f"  ! {error.message}: {error.hint}")
    return ""


def _report_absent(plan: Plan, options: Options, console: Console) -> None:
    """Note the names of --accept that this change does not have; UsageError for unknown names."""
    if not options.accept:
        return
    from wizard.plan.consequences import require_known_names

    if absent := require_known_names(options.accept, plan.consequences):
        console.say(f"note: this change does not have what --accept names: {', '.join(absent)}")


def commit_options(
    options: Options, accepted: tuple[str, ...], backup: str, *, terminal: bool
) -> CommitOptions:
    """Return how commit, set and ask commit."""
    return CommitOptions(
        message=options.message,
        branch=options.branch,
        push=options.push,
        pr=options.pr,
        write_only=options.no_commit,
        terminal=terminal,
        accepted=accepted,
        backup=backup,
    )


def _report_ignored(options: Options, proposal: Proposal, console: Console) -> None:
    """Warn about each given setting that has no effect with the other answers."""
    keys = {one.partition("=")[0] for one in (*options.assignments, *options.set)}
    warnings = " ".join(proposal.plan.warnings)
    for item in field_specs(type(proposal.answers)):
        if item.key in keys and not item.applies(proposal.answers) and item.key not in warnings:
            console.say(f"warning: {item.key} has no effect: it is used with {item.when.text}")


def _confirm_commit(console: Console) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes", "read the plan, then add --yes"
        )
    return ask_confirmation(console, "Write these files?")


def _result_json(proposal: Proposal, done: CommitResult) -> dict[str, Any]:
    return {
        "schema": 1,
        "installation": proposal.plan.installation,
        "digest": proposal.plan.digest,
        "commit": done.commit,
        "upgrade": done.upgrade,
        "paths": done.paths,
        "notes": done.notes,
        "next": done.next,
    }


def report_commit(done: CommitResult, console: Console) -> None:
    """Print what was written, and the next steps."""
    files = "1 file" if done.file_count == 1 else f"{done.file_count} files"
    if done.commit:
        console.say(f"committed {done.commit[:12]}: {files}")
    elif done.paths:
        console.say(f"written to the working tree, not committed: {files}")
    for note in done.notes:
        console.say(note)
    for step in done.next:
        console.say(f"next: {step}")


def propose(options: Options, start: CommandInput, console: Console) -> Proposal:
    """Return the proposal of a command's input; UsageError if no answers were given.

    With --json, prints the warnings to standard error.
    """
    if not start.given:
        raise UsageError(
            "there are no answers to plan with",
            "give --preset NAME, --answers FILE or --set KEY=VALUE; `airflow-wizard presets` "
            "lists presets" + start.workspace.other_installations_hint(),
        )
    proposal = start.workspace.propose(
        _adopt(options, start, console),
        typed=start.typed,
        existing=start.existing,
        folder=start.folder,
        chart=options.chart_path,
        scanner=make_network_scanner(console.say),
        decisions=Decisions(options.on_conflict),
    )
    if options.json:
        for warning in proposal.plan.warnings:
            console.say(f"warning: {warning}")
    return proposal


def _adopt(options: Options, start: CommandInput, console: Console) -> Mapping[str, Any]:
    """Return the answers with the hand edits that --adopt names."""
    if not options.adopt:
        return start.data
    from wizard.workspace.adoption import adopt_edits

    adoption = adopt_edits(start.workspace, start.data, start.existing, options.adopt)
    for key, answer in adoption.keys.items():
        console.say(f"note: the hand edit of {key} becomes the answer {answer}")
    return adoption.data


def show_plan(plan: Plan, console: Console) -> None:
    """Print the plan as text; without diffs if one of them would show a secret."""
    withheld = plan.may_contain_secret
    console.data(render_plain(plan, colour=console.colour, show_diff=not withheld))
    if withheld:
        console.say(WITHHELD)

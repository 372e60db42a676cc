"""plan, commit, set and check: the same engine as the screens, without asking."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.cli.selection import open_workspace, read_command_input
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.workspace.installation import CommandInput

if TYPE_CHECKING:
    from wizard.plan.plan import Plan
    from wizard.workspace.proposal import CommitResult, Proposal


_NOT_FOR_SET = {
    "answers": "the whole answers of an installation are replaced by: airflow-wizard commit "
    "--answers FILE",
    "preset": "a preset begins another installation: airflow-wizard commit --preset NAME "
    "--set installation.name=NAME",
}


def plan(arguments: Namespace, console: Console) -> ExitCode:
    """What would change. 0 nothing stands against it, 2 with --detailed-exitcode and changes."""
    from wizard.cli.batch import installation_title, run_for_installations
    from wizard.cli.reminders import report_unverified

    several = bool(getattr(arguments, "all", False))

    def work(start: CommandInput) -> tuple[ExitCode, dict[str, Any]]:
        proposal = propose(arguments, start, console)
        if not _json(arguments):
            if several:
                console.data(f"{installation_title(start.existing, start.workspace)}:")
            show_plan(proposal.plan, console)
        _tell_refusal(proposal.plan, console, named=several)
        document = proposal.plan.to_json() if _json(arguments) or arguments.out else {}
        # Beside the plan: what is unverified is about this machine, never part of what is planned.
        document["unverified"] = report_unverified(start.workspace, start.existing, console)
        return _exit_code(proposal, arguments), document

    code, results = run_for_installations(arguments, console, work)
    if _json(arguments) or arguments.out:
        text = json.dumps(results if several else results[0], indent=2)
        if arguments.out:
            _write_out(Path(arguments.out), text)
        if _json(arguments):
            console.data(text)
    return code


def _write_out(path: Path, text: str) -> None:
    """All of it or nothing; through a file beside it, unless a device or pipe stands there."""
    import os
    from contextlib import suppress

    special = path.exists() and not path.is_file()
    target = path if special else path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with target.open("w" if special else "x", encoding="utf-8") as out:
            out.write(text + "\n")
        if not special:
            target.replace(path)
    except OSError as error:
        if not special:
            with suppress(OSError):
                target.unlink()
        raise UsageError(f"--out {path}: {error.strerror}", "give a file in a folder") from None


def _tell_refusal(plan: Plan, console: Console, *, named: bool) -> None:
    """What a commit of this plan would end with, on stderr: the plan itself is data."""
    from wizard.plan.comparison import require_ready

    try:
        require_ready(plan)
    except WizardError as error:
        if named:
            console.say(f"{plan.installation}:")
        console.fail(error)


def _exit_code(proposal: Proposal, arguments: Namespace) -> ExitCode:
    if proposal.plan.conflicts:
        return ExitCode.CONFLICT
    if proposal.plan.refused:
        return ExitCode.REFUSED
    if arguments.detailed_exitcode and proposal.plan.differs:
        return ExitCode.CHANGES
    return ExitCode.DONE


def commit(arguments: Namespace, console: Console) -> ExitCode:
    """Write and commit; asks on a terminal, needs --yes without one."""
    import sys

    from wizard.cli.selection import open_or_create_workspace

    _refuse_all(arguments)
    if getattr(arguments, "yes", False) or not sys.stdin.isatty():
        create = bool(getattr(arguments, "yes", False))
        workspace = open_workspace(arguments, console, create=create)
    else:
        workspace = open_or_create_workspace(arguments, console)
    return _commit(arguments, read_command_input(arguments, workspace), console)


def change(arguments: Namespace, console: Console) -> ExitCode:
    """`set KEY=VALUE ...`: the plan, and with --yes the commit."""
    _refuse_all(arguments)
    for option, hint in _NOT_FOR_SET.items():
        if getattr(arguments, option, None):
            raise UsageError(f"set takes no --{option}", hint)
    workspace = open_workspace(arguments, console)
    if not workspace.installations():
        raise UsageError(
            "there is no installation to change in this repository",
            "begin one: airflow-wizard, or airflow-wizard commit --preset NAME --set KEY=VALUE"
            + workspace.other_installations_hint(),
        )
    return _commit(
        arguments, read_command_input(arguments, workspace, arguments.assignments), console
    )


def _refuse_all(arguments: Namespace) -> None:
    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")


def _commit(arguments: Namespace, start: CommandInput, console: Console) -> ExitCode:
    from wizard.cli.reminders import report_unverified
    from wizard.plan.comparison import require_ready

    asked = getattr(arguments, "yes", False)
    if _json(arguments) and not asked:
        raise UsageError("--json asks nothing", "look at `plan --json`, then add --yes")
    proposal = propose(arguments, start, console)
    if not start.existing and (others := start.workspace.other_installations_hint()):
        console.say(f"this is a new installation{others}")
    _tell_ignored(arguments, proposal, console)
    if not _json(arguments):
        show_plan(proposal.plan, console)
    try:
        require_ready(proposal.plan)
    except WizardError:
        if _json(arguments):
            console.data(json.dumps(proposal.plan.to_json(), indent=2))
        raise
    if proposal.plan.differs and not asked and not _confirm_commit(console):
        console.say("not confirmed; nothing was written")
        return ExitCode.USAGE
    done = start.workspace.commit(
        proposal, **commit_options(arguments), terminal=console.err.isatty()
    )
    left = report_unverified(start.workspace, start.existing, console)
    if _json(arguments):
        document = {**_result_json(proposal, done), "unverified": left}
        console.data(json.dumps(document, indent=2))
    report_commit(done, console)
    return ExitCode.DONE


def commit_options(arguments: Namespace) -> dict[str, Any]:
    """What the options of commit, set and ask mean to `Workspace.commit`."""
    return {
        "message": arguments.message,
        "branch": arguments.branch or "",
        "push": arguments.push,
        "pr": arguments.pr,
        "write_only": arguments.no_commit,
    }


def _tell_ignored(arguments: Namespace, proposal: Proposal, console: Console) -> None:
    """A setting that was asked for by name and has no effect must not pass in silence."""
    from wizard.answers.questions import field_specs

    given = [*getattr(arguments, "assignments", []), *(getattr(arguments, "set", None) or [])]
    keys = {assignment.partition("=")[0] for assignment in given}
    told = " ".join(proposal.plan.warnings)
    for item in field_specs(type(proposal.answers)):
        if item.key in keys and not item.applies(proposal.answers) and item.key not in told:
            console.say(f"warning: {item.key} has no effect: it counts with {item.when.text}")


def _confirm_commit(console: Console) -> bool:
    import sys

    from wizard.cli.console import ask_confirmation

    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes", "look at the plan, then add --yes"
        )
    return ask_confirmation(console, "Write these files?")


def _result_json(proposal: Proposal, done: CommitResult) -> dict[str, Any]:
    return {
        "schema": 1,
        "installation": proposal.plan.installation,
        "digest": proposal.plan.digest,
        "commit": done.commit,
        "paths": done.paths,
        "notes": done.notes,
        "next": done.next,
    }


def report_commit(done: CommitResult, console: Console) -> None:
    """What was written, and what to do next."""
    files = "1 file" if len(done.paths) == 1 else f"{len(done.paths)} files"
    if done.commit:
        console.say(f"committed {done.commit[:12]}: {files}")
    elif done.paths:
        console.say(f"written to the working tree, not committed: {files}")
    for note in done.notes:
        console.say(note)
    for step in done.next:
        console.say(f"next: {step}")


def _json(arguments: Namespace) -> bool:
    return bool(getattr(arguments, "json", False))


def propose(arguments: Namespace, start: CommandInput, console: Console) -> Proposal:
    """The proposal of a start; UsageError when nothing was given to plan with.

    Warnings are told here where the plan itself is printed as data.
    """
    if not start.given:
        raise UsageError(
            "there are no answers to plan with",
            "give --preset NAME, --answers FILE or --set KEY=VALUE; `airflow-wizard presets` "
            "lists presets" + start.workspace.other_installations_hint(),
        )
    from wizard.clients.ssh.scanner import make_network_scanner

    chart = getattr(arguments, "chart", None)
    proposal = start.workspace.propose(
        start.data,
        typed=start.typed,
        existing=start.existing,
        folder=start.folder,
        chart=Path(chart) if chart else None,
        scanner=make_network_scanner(console.say),
    )
    if _json(arguments):
        for warning in proposal.plan.warnings:
            console.say(f"warning: {warning}")
    return proposal


def show_plan(plan: Plan, console: Console) -> None:
    """The plan as text; without the diffs where one of them would show a secret."""
    from wizard.plan.diff import render_plain

    held = any(one.is_error and one.rule.startswith("secret.") for one in plan.findings)
    console.data(render_plain(plan, colour=console.colour, show_diff=not held))
    if held:
        console.say("the diff is not shown: a secret stands in it")


def check(arguments: Namespace, console: Console) -> ExitCode:
    """Is what stands committed consistent and safe?"""
    from wizard.cli.check import run_check as audit

    return audit(arguments, console)

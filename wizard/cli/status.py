"""`status`: the next steps of a committed installation, and the state of each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.selection import open_workspace_read_only, read_command_input, refuse_changes
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.status.inspection import open_inspection
from wizard.status.next_steps import SCHEMA, count_states, select_open
from wizard.workspace.installation import CommittedInstallation, refresh_committed

if TYPE_CHECKING:
    from wizard.status.next_steps import NextStep
    from wizard.workspace.proposal import CommitResult, Proposal
    from wizard.workspace.workspace import Workspace

_WIDTH = len("unknown")
_INDENT = " " * (len("10. ") + _WIDTH + 2)


def run_status(options: Options, console: Console) -> ExitCode:
    """Print the next steps with their states; return 0 whatever these are.

    Nothing is changed and nothing is asked for. A system that cannot be asked leaves its steps
    unknown.
    """
    refuse_changes(options, command="status", reason="it shows the committed files")
    start = read_command_input(options, open_workspace_read_only(options))
    if not start.existing:
        raise UsageError(
            "there is no committed installation to show",
            "commit one first: airflow-wizard commit" + start.workspace.other_installations_hint(),
        )
    proposal = start.workspace.propose(start.data, existing=start.existing)
    inspection = open_inspection(
        CommittedInstallation(start, proposal),
        context=options.context,
        argocd_context=options.argocd_context,
    )
    for text in (*(f"as {one}" for one in inspection.identities), *inspection.notes):
        console.say(escape_unprintable(text))
    try:
        steps = asyncio.run(inspection.look())
    finally:
        inspection.end()
    if options.json:
        document = {
            "schema": SCHEMA,
            "installation": start.existing,
            "next": [step.to_json() for step in steps],
        }
        console.data(json.dumps(document, indent=2))
        return ExitCode.DONE
    console.data(f"{start.existing}: {count_states(steps)}")
    for line in format_next_steps(steps):
        console.data(line)
    return ExitCode.DONE


def format_next_steps(steps: Sequence[NextStep]) -> Iterator[str]:
    """Yield the lines of the list: number, state, title and owner, then command and reason."""
    for number, step in enumerate(steps, 1):
        yield f"{number:>2}. {step.state:<{_WIDTH}}  {step.title} [{step.owner}]"
        if step.state != "done" and step.command:
            yield f"{_INDENT}$ {escape_unprintable(step.command)}"
        if step.reason:
            yield f"{_INDENT}{escape_unprintable(step.reason)}"
        if step.fix:
            yield f"{_INDENT}{escape_unprintable(step.fix.text)}"


def report_next_steps(
    workspace: Workspace, proposal: Proposal, done: CommitResult, console: Console
) -> None:
    """Print what follows a commit; only the branch is looked at."""
    try:
        found = refresh_committed(workspace, proposal.answers)
        inspection = open_inspection(found, needed=done.steps)
        steps = select_open(asyncio.run(inspection.look_at_branch()))
    except WizardError as error:
        # The commit is made, whatever cannot be looked at.
        console.say(f"note: next steps: {error.message}")
        steps = []
    if steps:
        console.say("")
        console.say("Next:")
        for line in format_next_steps(steps):
            console.say(line)
    console.say("airflow-wizard status shows what is left, at any time")

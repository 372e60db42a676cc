"""plan, commit, set and check: the same engine as the screens, without asking."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.commands import Console
from wizard.errors import ExitCode, UsageError
from wizard.start import Start, begin, open_workspace

if TYPE_CHECKING:
    from wizard.workflow import Committed, Proposal, Workspace


def plan(arguments: Namespace, console: Console) -> ExitCode:
    """What would change. 0 nothing stands against it, 2 with --detailed-exitcode and changes."""
    from wizard.batch import starts

    worst = ExitCode.DONE
    shown = []
    for start in starts(arguments):
        proposal = _propose(arguments, start, console)
        shown.append(proposal.plan.to_json())
        if not _json(arguments):
            _show(proposal, console)
        worst = max(worst, _verdict(proposal, arguments))
    text = json.dumps(shown if getattr(arguments, "all", False) else shown[0], indent=2)
    if _json(arguments):
        console.data(text)
    if arguments.out:
        _write_out(Path(arguments.out), text)
    return worst


def _write_out(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {path}: {error.strerror}") from None


def _verdict(proposal: Proposal, arguments: Namespace) -> ExitCode:
    if proposal.plan.conflicts:
        return ExitCode.CONFLICT
    if proposal.plan.refused:
        return ExitCode.REFUSED
    if arguments.detailed_exitcode and proposal.plan.differs:
        return ExitCode.CHANGES
    return ExitCode.DONE


def commit(arguments: Namespace, console: Console) -> ExitCode:
    """Write and commit; asks on a terminal, needs --yes without one."""
    workspace = open_workspace(arguments, create=bool(getattr(arguments, "yes", False)))
    return _commit(arguments, begin(arguments, workspace), console)


def change(arguments: Namespace, console: Console) -> ExitCode:
    """`set KEY=VALUE ...`: the plan, and with --yes the commit."""
    for option in ("answers", "preset"):
        if getattr(arguments, option, None):
            raise UsageError(f"set takes no --{option}", "use plan or commit with it")
    workspace = open_workspace(arguments)
    if not workspace.installations():
        raise UsageError(
            "there is no installation to change in this repository",
            "begin one: airflow-wizard, or airflow-wizard commit --preset NAME --set KEY=VALUE",
        )
    return _commit(arguments, begin(arguments, workspace, arguments.assignments), console)


def _commit(arguments: Namespace, start: Start, console: Console) -> ExitCode:
    from wizard.workflow import require_ready

    proposal = _propose(arguments, start, console)
    if not _json(arguments):
        _show(proposal, console)
    require_ready(proposal.plan)
    if proposal.plan.differs and not getattr(arguments, "yes", False):
        _confirm(console)
    done = start.workspace.commit(
        proposal,
        message=arguments.message,
        branch=arguments.branch,
        push=arguments.push,
        pr=arguments.pr,
        write_only=arguments.no_commit,
        terminal=console.err.isatty(),
    )
    if _json(arguments):
        console.data(json.dumps(_done_json(proposal, done), indent=2))
    report(done, console)
    return ExitCode.DONE


def _confirm(console: Console) -> None:
    import sys

    from wizard.ask import confirmed

    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes", "look at the plan, then add --yes"
        )
    if not confirmed(console, "Write these files and commit them?"):
        raise UsageError("not confirmed; nothing was written")


def _done_json(proposal: Proposal, done: Committed) -> dict[str, Any]:
    return {
        "schema": 1,
        "installation": proposal.plan.installation,
        "digest": proposal.plan.digest,
        "commit": done.commit,
        "paths": done.paths,
        "notes": done.notes,
        "next": done.next,
    }


def report(done: Committed, console: Console) -> None:
    """What was written, and what to do next."""
    if done.commit:
        console.say(f"committed {done.commit[:12]}: {len(done.paths)} files")
    elif done.paths:
        console.say(f"written to the working tree, not committed: {len(done.paths)} files")
    for note in done.notes:
        console.say(note)
    for step in done.next:
        console.say(f"next: {step}")


def _json(arguments: Namespace) -> bool:
    return bool(getattr(arguments, "json", False))


def _propose(arguments: Namespace, start: Start, console: Console) -> Proposal:
    if not start.given:
        raise UsageError(
            "there are no answers to plan with",
            "give --preset NAME, --answers FILE or --set KEY=VALUE; `airflow-wizard presets` "
            "lists presets",
        )
    chart = getattr(arguments, "chart", None)
    proposal = start.workspace.propose(
        start.data,
        typed=start.typed,
        existing=start.existing,
        folder=start.folder,
        chart=Path(chart) if chart else None,
    )
    for warning in proposal.plan.warnings:
        console.say(f"warning: {warning}")
    return proposal


def _show(proposal: Proposal, console: Console) -> None:
    from wizard.diff import render_plain

    console.data(render_plain(proposal.plan, colour=console.colour))


def check(arguments: Namespace, console: Console) -> ExitCode:
    """Consistency and safety of what is committed; 4 when a check fails, 5 for hand edits."""
    workspace = open_workspace(arguments)
    names = workspace.installations()
    if not names:
        return _check_foreign(arguments, workspace, console)
    from wizard.batch import starts

    results = []
    worst = ExitCode.DONE
    for start in starts(arguments):
        result = _check_one(arguments, start)
        results.append(result)
        worst = max(worst, result["exit"])
        if not _json(arguments):
            _show_check(result, console)
    if _json(arguments):
        console.data(json.dumps(results, indent=2))
    return worst


def _check_one(arguments: Namespace, start: Start) -> dict[str, Any]:
    from wizard.inspection import inspect

    workspace = start.workspace
    chart = getattr(arguments, "chart", None)
    proposal = workspace.propose(start.data, typed=start.typed, existing=start.existing)
    committed = workspace.repository.read_many(
        change.path for change in proposal.plan.changes if not change.is_base
    )
    files = {path: data for path, data in committed.items() if data is not None}
    found = inspect(proposal.rendering, files, Path(chart) if chart else None)
    edits = [change.path for change in proposal.plan.changes if change.note]
    exit_code = ExitCode.DONE
    if proposal.plan.evidence or any(finding.is_error for finding in found):
        exit_code = ExitCode.REFUSED
    if proposal.plan.conflicts:
        exit_code = ExitCode.CONFLICT
    return {
        "installation": start.existing,
        "findings": [finding.to_json() for finding in found],
        "evidence": list(proposal.plan.evidence),
        "conflicts": [str(conflict) for conflict in proposal.plan.conflicts],
        "hand_edits": edits,
        "files": len(files),
        "exit": exit_code,
    }


def _show_check(result: dict[str, Any], console: Console) -> None:
    name = result["installation"] or "repository"
    for finding in result["findings"]:
        place = ": ".join(part for part in (finding["path"], finding["where"]) if part)
        console.data(f"{finding['severity']}: {place}: {finding['message']}; {finding['fix']}")
    for line in (*result["evidence"], *result["conflicts"]):
        console.data(f"error: {line}")
    for path in result["hand_edits"]:
        console.data(f"note: {path}: hand edit kept")
    state = "ok" if result["exit"] is ExitCode.DONE else "not ok"
    console.data(f"{name}: {state}, {result['files']} files checked")


def _check_foreign(arguments: Namespace, workspace: Workspace, console: Console) -> ExitCode:
    """A repository the wizard has not written: what can be said without answers."""
    from wizard.foreign import inspect_repository

    files, found = inspect_repository(workspace.repository)
    failed = any(finding.is_error for finding in found)
    result = {
        "installation": "",
        "findings": [finding.to_json() for finding in found],
        "evidence": [],
        "conflicts": [],
        "hand_edits": [],
        "files": files,
        "exit": ExitCode.REFUSED if failed else ExitCode.DONE,
    }
    if _json(arguments):
        console.data(json.dumps([result], indent=2))
    else:
        _show_check(result, console)
    return ExitCode.REFUSED if failed else ExitCode.DONE

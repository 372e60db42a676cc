"""`check`: is what stands committed consistent and safe?"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.commands import Console
from wizard.errors import ExitCode, UsageError
from wizard.start import Start, looked_at

if TYPE_CHECKING:
    from wizard.proposal import Proposal
    from wizard.workflow import Workspace


def check(arguments: Namespace, console: Console) -> ExitCode:
    """Consistency and safety of what is committed; 4 when a check fails, 5 for hand edits.

    With --live also what the installation needs from outside.
    """
    for option in ("answers", "preset", "set"):
        if getattr(arguments, option, None):
            raise UsageError(
                f"check takes no --{option}: it is about what is committed",
                "`airflow-wizard plan` checks what would be written",
            )
    live = getattr(arguments, "live", False)
    if not live and getattr(arguments, "allow_reference", None):
        raise UsageError("--allow-reference is for --live", "only --live reads secrets: add it")
    if not live and getattr(arguments, "argocd_context", None):
        raise UsageError("--argocd-context is for --live", "only --live asks clusters: add it")
    workspace = looked_at(arguments)
    if not workspace.installations():
        if live or getattr(arguments, "installation", None) or getattr(arguments, "all", False):
            raise UsageError("there is no installation in this repository", "leave the option out")
        return _check_foreign(arguments, workspace, console)
    from wizard.batch import over

    def work(start: Start) -> tuple[ExitCode, dict[str, Any]]:
        proposal, result = _check_one(arguments, start, console)
        if not _json(arguments):
            _show(result, console)
        if live:
            from wizard.live.command import check_live

            code, result["live"] = check_live(arguments, start, proposal, console)
            result["exit"] = max(result["exit"], code)
        return result["exit"], result

    code, results = over(arguments, console, work)
    if _json(arguments):
        console.data(json.dumps(results, indent=2))
    return code


def _check_one(
    arguments: Namespace, start: Start, console: Console
) -> tuple[Proposal, dict[str, Any]]:
    from wizard.inspection import inspect

    workspace = start.workspace
    proposal = workspace.propose(start.data, typed=start.typed, existing=start.existing)
    plan = proposal.plan
    for warning in plan.warnings:
        console.say(f"warning: {warning}")
    # Conflicting paths have no change, and are as much part of what is committed.
    emitted = {change.path for change in plan.changes if not change.is_base}
    committed = workspace.repository.read_many(sorted({*emitted, *proposal.rendering.tree}))
    files = {path: data for path, data in committed.items() if data is not None}
    found = inspect(proposal.rendering, files, _chart(arguments))
    code = ExitCode.DONE
    if plan.evidence or any(finding.is_error for finding in found):
        code = ExitCode.REFUSED
    if plan.conflicts:
        code = ExitCode.CONFLICT
    return proposal, {
        "installation": start.existing,
        "findings": [finding.to_json() for finding in found],
        "evidence": list(plan.evidence),
        "conflicts": [
            {"path": one.path, "reason": one.reason, "hint": one.hint} for one in plan.conflicts
        ],
        "hand_edits": [change.path for change in plan.changes if change.note],
        "outdated": [c.path for c in plan.changes if c.differs and not c.is_base],
        "files": len(files),
        "exit": code,
    }


def _check_foreign(arguments: Namespace, workspace: Workspace, console: Console) -> ExitCode:
    """A repository the wizard has not written: what can be said without answers."""
    from wizard.foreign import inspect_repository

    files, found = inspect_repository(workspace.repository, _chart(arguments))
    code = ExitCode.REFUSED if any(finding.is_error for finding in found) else ExitCode.DONE
    result = {
        "installation": "",
        "findings": [finding.to_json() for finding in found],
        "evidence": [],
        "conflicts": [],
        "hand_edits": [],
        "outdated": [],
        "files": files,
        "exit": code,
    }
    if _json(arguments):
        console.data(json.dumps([result], indent=2))
    else:
        _show(result, console)
    return code


def _show(result: dict[str, Any], console: Console) -> None:
    name = result["installation"] or "no installation of ours"
    for finding in result["findings"]:
        place = ": ".join(part for part in (finding["path"], finding["where"]) if part)
        fix = f"; {finding['fix']}" if finding["fix"] else ""
        console.data(f"{finding['severity']}: {place}: {finding['message']}{fix}")
    for line in result["evidence"]:
        console.data(f"error: {line}")
    for conflict in result["conflicts"]:
        console.data(f"error: {conflict['path']}: {conflict['reason']}; {conflict['hint']}")
    for path in result["hand_edits"]:
        console.data(f"note: {path}: hand edit kept")
    for path in result["outdated"]:
        console.data(f"note: {path}: is not what the answers render to; see `airflow-wizard plan`")
    state = "ok" if result["exit"] is ExitCode.DONE else "not ok"
    console.data(f"{name}: {state}, {result['files']} files checked")


def _chart(arguments: Namespace) -> Path | None:
    chart = getattr(arguments, "chart", None)
    return Path(chart) if chart else None


def _json(arguments: Namespace) -> bool:
    return bool(getattr(arguments, "json", False))

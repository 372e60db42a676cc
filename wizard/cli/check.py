"""`run_check`: is what stands committed consistent and safe?"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.cli.selection import open_workspace_read_only
from wizard.errors import ExitCode, UsageError
from wizard.workspace.installation import CommandInput

if TYPE_CHECKING:
    from wizard.cli.batch import InstallationCommand
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


def run_check(arguments: Namespace, console: Console) -> ExitCode:
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
    from wizard.cli.batch import find_workspaces, run_for_installations

    workspace = open_workspace_read_only(arguments)
    found = find_workspaces(workspace)
    spread = found != [workspace]
    named = getattr(arguments, "installation", None)
    if not spread and not workspace.installations():
        if live or named or getattr(arguments, "all", False):
            raise UsageError("there is no installation in this repository", "leave the option out")
        code, results = _check_foreign(arguments, workspace, console, [])
    else:
        work = _build_check(arguments, console)
        code, results = run_for_installations(arguments, console, work, found if spread else None)
    if spread and not named and not workspace.installations():
        folders = [place.repository.prefix for place in found]
        rest, more = _check_foreign(arguments, workspace, console, folders)
        code, results = max(code, rest), [*results, *more]
    if _json(arguments):
        console.data(json.dumps(results, indent=2))
    return code


def _build_check(arguments: Namespace, console: Console) -> InstallationCommand:
    from wizard.cli.batch import installation_title

    def work(start: CommandInput) -> tuple[ExitCode, dict[str, Any]]:
        proposal, result = _check_one(arguments, start, console)
        if not _json(arguments):
            below = start.workspace.repository.path_prefix
            _show(result, console, installation_title(start.existing, start.workspace), below)
        if getattr(arguments, "live", False):
            from wizard.cli.check_live import check_live

            code, result["live"] = check_live(arguments, start, proposal, console)
            result["exit"] = max(result["exit"], code)
        return result["exit"], result

    return work


def _check_one(
    arguments: Namespace, start: CommandInput, console: Console
) -> tuple[Proposal, dict[str, Any]]:
    from wizard.checks.run import inspect_rendering

    workspace = start.workspace
    proposal = workspace.propose(start.data, typed=start.typed, existing=start.existing)
    plan = proposal.plan
    for warning in plan.warnings:
        console.say(f"warning: {warning}")
    # Conflicting paths have no change, and are as much part of what is committed.
    emitted = {change.path for change in plan.changes if not change.is_base}
    committed = workspace.repository.read_many(sorted({*emitted, *proposal.rendering.tree}))
    files = {path: data for path, data in committed.items() if data is not None}
    found = inspect_rendering(proposal.rendering, files, _chart(arguments))
    code = ExitCode.DONE
    if plan.missing_evidence or any(finding.is_error for finding in found):
        code = ExitCode.REFUSED
    if plan.conflicts:
        code = ExitCode.CONFLICT
    return proposal, {
        "installation": start.existing,
        "findings": [finding.to_json() for finding in found],
        "evidence": list(plan.missing_evidence),
        "conflicts": [
            {"path": one.path, "reason": one.reason, "hint": one.hint} for one in plan.conflicts
        ],
        "hand_edits": [change.path for change in plan.changes if change.note],
        "outdated": [c.path for c in plan.changes if c.differs and not c.is_base],
        "files": len(files),
        "exit": code,
    }


def _check_foreign(
    arguments: Namespace, workspace: Workspace, console: Console, ours: Sequence[str]
) -> tuple[ExitCode, list[dict[str, Any]]]:
    """What the wizard has not written, outside of the folders `ours`: checked without answers."""
    from wizard.checks.foreign import inspect_repository

    files, found = inspect_repository(workspace.repository, _chart(arguments), ours=ours)
    if ours and not files:
        return ExitCode.DONE, []
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
    if not _json(arguments):
        name = "outside of our installations" if ours else "no installation of ours"
        _show(result, console, name, workspace.repository.path_prefix)
    return code, [result]


def _show(result: dict[str, Any], console: Console, name: str, below: str) -> None:
    for finding in result["findings"]:
        path = f"{below}{finding['path']}" if finding["path"] else ""
        place = ": ".join(part for part in (path, finding["where"]) if part)
        fix = f"; {finding['fix']}" if finding["fix"] else ""
        console.data(f"{finding['severity']}: {place}: {finding['message']}{fix}")
    for line in result["evidence"]:
        console.data(f"error: {line}")
    for one in result["conflicts"]:
        console.data(f"error: {below}{one['path']}: {one['reason']}; {one['hint']}")
    for path in result["hand_edits"]:
        console.data(f"note: {below}{path}: hand edit kept")
    for path in result["outdated"]:
        text = "is not what the answers render to; see `airflow-wizard plan`"
        console.data(f"note: {below}{path}: {text}")
    state = "ok" if result["exit"] is ExitCode.DONE else "not ok"
    console.data(f"{name}: {state}, {result['files']} files checked")


def _chart(arguments: Namespace) -> Path | None:
    chart = getattr(arguments, "chart", None)
    return Path(chart) if chart else None


def _json(arguments: Namespace) -> bool:
    return bool(getattr(arguments, "json", False))

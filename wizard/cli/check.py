"""`check`: checks whether the committed files are consistent and safe."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.chart.next_chart import NEXT_CHART, Loss, forecast_losses
from wizard.checks.foreign import inspect_links, inspect_repository
from wizard.checks.run import inspect_rendering
from wizard.cli.batch import (
    InstallationCommand,
    find_workspaces,
    installation_title,
    run_for_installations,
)
from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.selection import open_workspace_read_only
from wizard.errors import ExitCode, Fix, UsageError
from wizard.findings import Finding
from wizard.plan.guarded_keys import find_guarded_differences
from wizard.workspace.installation import CommandInput
from wizard.workspace.remembered_cluster import find_other_cluster
from wizard.workspace.surroundings import read_surroundings

# Rules that say that something was not read or judged.
_INCOMPLETE = (
    "check.unjudged",
    "check.no-values",
    "check.limit",
    "kustomize.remote",
    "values.chart-version",
)

if TYPE_CHECKING:
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


def run_check(options: Options, console: Console) -> ExitCode:
    """Check whether the committed files are consistent and safe.

    Without a name, all installations are checked. With --live, also probe the systems that the
    installation needs. Returns 4 for findings, 5 for conflicts.
    """
    if option := options.find_given("answers", "preset", "set", "accept", "on_conflict", "adopt"):
        raise UsageError(
            f"check cannot be used with {option}: it examines the committed files",
            "check files before they are written with `airflow-wizard plan`",
        )
    if not options.live and options.allow_reference:
        raise UsageError("--allow-reference is for --live", "add --live to read secrets")
    if not options.live and options.argocd_context:
        raise UsageError("--argocd-context is for --live", "add --live to query clusters")
    workspace = open_workspace_read_only(options)
    found = find_workspaces(workspace)
    spread = found != [workspace]
    named = options.installation
    # Reading files is quick; what is outside is asked about one installation at a time.
    several = spread or (not named and not options.live and len(workspace.installations()) > 1)
    if not spread and not workspace.installations():
        if options.live or named or options.all:
            raise UsageError("there is no installation in this repository", "leave the option out")
        code, results = _check_foreign(options, workspace, console, [])
    else:
        work = _build_check(options, console)
        code, results = run_for_installations(options, console, work, found if several else None)
    if spread and not named and not workspace.installations():
        folders = [place.repository.prefix for place in found]
        rest, more = _check_foreign(options, workspace, console, folders)
        code, results = max(code, rest), [*results, *more]
    if options.json:
        console.data(json.dumps(results, indent=2))
    return code


def _build_check(options: Options, console: Console) -> InstallationCommand:
    told: set[Finding] = set()
    foretold: set[Loss] = set()

    def work(start: CommandInput) -> tuple[ExitCode, dict[str, Any]]:
        proposal, losses, result = _check_one(options, start, console, told)
        # Most installations have the same ones, and no result depends on them.
        for loss in losses:
            if not options.json and loss not in foretold:
                console.say(f"note: chart {NEXT_CHART} is announced to change {loss}")
            foretold.add(loss)
        if not options.json:
            below = start.workspace.repository.path_prefix
            _show(result, console, installation_title(start.existing, start.workspace), below)
        if options.live:
            from wizard.cli.check_live import check_live

            code, result["live"] = check_live(options, start, proposal, console)
            result["exit"] = max(result["exit"], code)
        return result["exit"], result

    return work


def _check_one(
    options: Options, start: CommandInput, console: Console, told: set[Finding]
) -> tuple[Proposal, list[Loss], dict[str, Any]]:
    """Return the proposal, what the next chart is announced to drop of it, and the result."""
    workspace = start.workspace
    proposal = workspace.propose(start.data, typed=start.typed, existing=start.existing)
    plan = proposal.plan
    for warning in plan.warnings:
        console.say(f"warning: {warning}")
    # A path in conflict is not in `plan.changes`, but its file is committed too.
    emitted = {change.path for change in plan.changes if not change.is_base}
    committed = workspace.repository.read_many(sorted({*emitted, *proposal.rendering.tree}))
    files = {path: data for path, data in committed.items() if data is not None}
    beside = read_surroundings(workspace.repository, proposal.rendering, files)
    files = beside.data
    found = [
        *inspect_rendering(
            proposal.rendering,
            files,
            options.chart_path,
            beside.skipped,
            beside.rivals,
            beside.unsearched,
        ),
        *_find_links(workspace, proposal, told),
        *_find_differences(workspace, proposal, files),
        *workspace.inspect_target(proposal.answers, start.existing),
        *find_other_cluster(
            proposal.answers, workspace.repository, start.existing, options.context
        ),
    ]
    code = ExitCode.DONE
    if plan.missing_evidence or any(finding.is_error for finding in found):
        code = ExitCode.REFUSED
    if plan.conflicts:
        code = ExitCode.CONFLICT
    release = proposal.rendering.release
    losses = [*forecast_losses(proposal.rendering.total.values, release.airflow)]
    result = {
        "installation": start.existing,
        "findings": [finding.to_json() for finding in found],
        "evidence": list(plan.missing_evidence),
        "conflicts": [one.to_json() for one in plan.conflicts],
        "hand_edits": [change.path for change in plan.changes if change.note],
        "outdated": [c.path for c in plan.changes if c.is_shown],
        "forecast": [one.to_json() for one in losses],
        "files": len(files),
        "exit": code,
    }
    return proposal, losses, result


def _find_links(workspace: Workspace, proposal: Proposal, told: set[Finding]) -> Iterator[Finding]:
    """Yield findings for links of the repository, each once for all of its installations."""
    gitops = proposal.rendering.release.gitops
    for one in inspect_links(workspace.repository, gitops=gitops):
        whole = replace(one, path=posixpath.normpath(workspace.repository.full_path(one.path)))
        if whole not in told:
            told.add(whole)
            yield one


def _find_differences(
    workspace: Workspace, proposal: Proposal, files: Mapping[str, bytes]
) -> Iterator[Finding]:
    """Yield findings for guarded content that is not what the answers give, in committed files."""
    told = {one.path for one in proposal.plan.conflicts}
    read = workspace.repository.read
    for path, where, breaks in find_guarded_differences(files, proposal.rendering, read):
        if path not in told:
            message = f"not what the answers give: {breaks}"
            fix = "write the rendered file with `airflow-wizard commit`"
            yield Finding("guarded.differs", "error", path, where, message, Fix(fix))


def _check_foreign(
    options: Options, workspace: Workspace, console: Console, ours: Sequence[str]
) -> tuple[ExitCode, list[dict[str, Any]]]:
    """Check files that the wizard did not write, outside the folders `ours`; needs no answers."""
    files, found = inspect_repository(workspace.repository, options.chart_path, ours=ours)
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
        "forecast": [],
        "files": files,
        "exit": code,
    }
    if not options.json:
        name = "files outside the installations" if ours else "no installation of the wizard"
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
        text = "differs from the rendered file; see `airflow-wizard plan`"
        console.data(f"note: {below}{path}: {text}")
    state = "ok" if result["exit"] is ExitCode.DONE else "not ok"
    if state == "ok" and any(finding["rule"] in _INCOMPLETE for finding in result["findings"]):
        state = "ok as far as it can be judged here"
    count = result["files"]
    console.data(f"{name}: {state}, {count} file{'' if count == 1 else 's'} checked")

"""`apply --undo` and `destroy`: they work like `apply`, with steps that delete objects."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.apply.connect import open_target
from wizard.apply.delivery import get_installer
from wizard.apply.prepare import list_missing_logins, parse_take_overs, require_known_steps
from wizard.apply.run import Run
from wizard.cli.console import Console, read_line
from wizard.cli.options import Options
from wizard.cli.run import confirm, execute_run
from wizard.cli.selection import (
    load_installation,
    open_workspace,
    open_workspace_read_only,
    read_command_input,
    refuse_changes,
)
from wizard.destroy.data import DATA_KINDS
from wizard.destroy.files import (
    CommitOptions,
    FileRemoval,
    find_destroy_commit,
    forget_installation,
)
from wizard.destroy.steps import build_destroy_steps, build_undo_steps, require_removable
from wizard.errors import ExitCode, UsageError
from wizard.stores.registry import store_kind
from wizard.workspace.installation import CommittedInstallation, require_committed
from wizard.workspace.merge_request import push_earlier_commits
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import DataKind, Target
    from wizard.workspace.workspace import Workspace


def run_undo(options: Options, console: Console) -> ExitCode:
    """Show the steps that undo `apply`, ask for confirmation, run them; same codes as `apply`."""
    if options.plan:
        raise UsageError(
            "--undo cannot be used with a plan: it undoes the committed installation",
            "run airflow-wizard apply --undo",
        )
    found = load_installation(
        options,
        command="apply --undo",
        verb="undo",
        reason="it undoes the apply of the committed files",
        removal=True,
    )
    require_removable(found)
    target = _open_target(found, options)
    steps = build_undo_steps(target, options.only)
    require_known_steps(target, steps)
    _print_run(f"undo {found.name}", target, steps, console)
    _print_rivals(found, console)
    if note := get_installer(target).undo_note:
        console.say(f"  {note}")
    console.say("  not deleted: payload, volumes, namespace, database and the committed files")
    if not options.dry_run:
        confirm(options, console)
    run = Run(target, steps, dry_run=options.dry_run)
    return execute_run(run, options, console, again="apply --undo")


def run_destroy(options: Options, console: Console) -> ExitCode:
    """Show every object and its data, ask the user to type the name, then delete all of it.

    Returns 64 for a wrong name, before anything is sent; otherwise the same codes as `apply`.
    """
    refuse_changes(options, command="destroy", reason="it deletes the committed installation")
    dry = options.dry_run
    workspace = open_workspace_read_only(options) if dry else open_workspace(options, console)
    finished = _finish_earlier_destroy(options, workspace, console)
    if finished is not None:
        return finished
    found = require_committed(read_command_input(options, workspace), removal=True)
    if not dry:
        _require_confirmable(options, found.name)
    require_removable(found)
    pieces = _read_pieces(options, found)
    files = FileRemoval(found, _read_options(options, console), payload="payload" in pieces)
    files.require_possible()
    target = _open_target(found, options)
    _require_clusters(target)
    steps = build_destroy_steps(target, found, pieces, files)
    require_known_steps(target, steps)
    _print_run(f"destroy {found.name}", target, steps, console)
    _print_rivals(found, console)
    _print_files(files, pieces, console)
    if not dry:
        _confirm(options, found.name, console)
    done = execute_run(Run(target, steps, dry_run=dry), options, console, again="destroy")
    if done is ExitCode.DONE and not dry:
        forget_installation(target.repository, found.name)
    if done is ExitCode.PARTIAL and not dry:
        console.say(
            "the files stay, since they say what to remove; only if the owners of the rest confirm "
            f"that nothing is left, delete them by hand: {files.command}"
        )
    return done


def _read_pieces(options: Options, found: CommittedInstallation) -> tuple[DataKind, ...]:
    """Return the data to delete. Raises UsageError for data that the installation does not have."""
    release = found.proposal.rendering.release
    kind = store_kind(release.store)
    if "namespace" in options.data and "payload" not in options.data and kind.in_namespace:
        raise UsageError(
            f"--data namespace deletes the payload too: with store {release.store}, it is in "
            f"namespace {release.namespace}",
            "add --data payload, or leave --data namespace out",
        )
    if "payload" in options.data and not list_store_paths(found.proposal):
        raise UsageError(
            f"there is no payload: with store {release.store}, the wizard keeps no value outside "
            "the cluster",
            "leave --data payload out; the Secrets themselves are not deleted",
        )
    return tuple(dict.fromkeys(options.data))


def _finish_earlier_destroy(
    options: Options, workspace: Workspace, console: Console
) -> ExitCode | None:
    """Return 0 if an earlier run deleted the files, and push its commit if requested; else None."""
    name = options.installation or options.confirm
    if not name and not workspace.installations():
        raise UsageError(
            "there is no committed installation to destroy",
            workspace.other_installations_hint().lstrip("; "),
        )
    if not name or name in workspace.installations():
        return None
    commit = find_destroy_commit(workspace.repository, name)
    if not commit:
        return None
    console.say(f"{name} is already destroyed: commit {commit[:12]} deleted its files")
    console.say(
        "  no system was looked at; if one was restored from a backup since, run: "
        f"git revert {commit[:12]}, then run this again"
    )
    if not options.dry_run:
        forget_installation(workspace.repository, name)
        if options.push or options.pr:
            branch = workspace.repository.head.branch or ""
            for note in push_earlier_commits(
                workspace.repository,
                options.branch,
                options.branch or branch,
                pr=options.pr,
                terminal=console.err.isatty(),
            ):
                console.say(note)
    return ExitCode.DONE


def _open_target(found: CommittedInstallation, options: Options) -> Target:
    return open_target(
        found,
        context=options.context,
        argocd_context=options.argocd_context,
        agreed=parse_take_overs(options.take_over),
    )


def _require_clusters(target: Target) -> None:
    """Raise UsageError without a cluster, as files that Argo CD still syncs must not be deleted."""
    if target.kube is None or target.argocd is None:
        raise UsageError(
            "destroy needs the cluster, to verify deletions before it deletes the files",
            "name a kubeconfig context with --context, or export KUBECONFIG",
        )


def _read_options(options: Options, console: Console) -> CommitOptions:
    return CommitOptions(
        message=options.message,
        branch=options.branch,
        push=options.push,
        pr=options.pr,
        terminal=console.err.isatty(),
    )


def _print_run(title: str, target: Target, steps: Sequence[Step], console: Console) -> None:
    console.say(title)
    for identity in target.identities:
        console.say(f"  as  {identity}")
    for text in list_missing_logins(target):
        console.say(f"  {text}")
    for step in steps:
        console.say(f"  {step.title} [{step.owner}] {step.endpoint}")


def _print_rivals(found: CommittedInstallation, console: Console) -> None:
    for one in found.rivals:
        console.say(f"  not removed, and may bring it back: {one.path} ({one.message})")


def _print_files(files: FileRemoval, pieces: Sequence[DataKind], console: Console) -> None:
    for path in files.listed_files:
        console.say(f"    {path}{' (edited by hand)' if path in files.edited else ''}")
    for path in files.foreign_files:
        console.say(f"  not deleted: {path}, which the wizard did not write")
    for path in files.kept_values:
        console.say(f"  not deleted: {path}, the encrypted values")
    kept = [piece for piece in DATA_KINDS if piece not in pieces]
    if kept:
        console.say(f"  data not deleted (name it with --data): {', '.join(kept)}")


def _require_confirmable(options: Options, name: str) -> None:
    """Raise UsageError for a wrong --confirm, or if the name is not given and cannot be typed."""
    if options.confirm and options.confirm != name:
        raise UsageError(
            f"--confirm does not name the chosen installation, {name}",
            f"look with --dry-run, then use --confirm {name} to destroy this one",
        )
    may_type = sys.stdin.isatty() and not options.json
    if options.yes and not options.confirm:
        raise UsageError(
            "--yes also needs the installation's name",
            f"look with --dry-run, then run airflow-wizard destroy --confirm {name} --yes",
        )
    if not options.yes and not may_type:
        raise UsageError(
            "destroy needs a terminal, where you type the installation's name",
            f"look with --dry-run, then run airflow-wizard destroy --confirm {name} --yes",
        )


def _confirm(options: Options, name: str, console: Console) -> None:
    if options.yes:
        return
    typed = read_line(console, "Type the installation's name to destroy it: ")
    if typed != name:
        raise UsageError(
            "that is not the installation's name; nothing was removed",
            f"check the list above, then type {name}",
        )

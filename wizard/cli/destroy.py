"""`apply --undo` and `destroy`: the same run as `apply`, over what takes things away."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.cli.console import Console
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.destroy.files import CommitOptions, FileRemoval
    from wizard.engine.steps import Step
    from wizard.systems.target import DataKind, Target
    from wizard.workspace.installation import CommittedInstallation
    from wizard.workspace.workspace import Workspace


def undo(arguments: Namespace, console: Console) -> ExitCode:
    """Show what is taken back, ask, do it; exit codes as those of `apply`."""
    from wizard.apply.run import Run
    from wizard.cli.run import confirm, execute_run
    from wizard.cli.selection import load_installation
    from wizard.destroy.steps import build_undo_steps as steps
    from wizard.destroy.steps import require_removable

    if getattr(arguments, "plan", None):
        raise UsageError(
            "--undo takes no plan: it takes back what stands", "airflow-wizard apply --undo"
        )
    found = load_installation(
        arguments,
        command="apply --undo",
        verb="undo",
        reason="it takes back what was applied of what is committed",
    )
    require_removable(found)
    target = _open_target(found, arguments)
    actions = steps(target, getattr(arguments, "only", None))
    _print_run(f"undo {found.name}", target, actions, console)
    if target.answers.delivery.kind == "argocd":
        console.say("  Airflow and its Secrets stay as they are, and nothing syncs them any more;")
    console.say("  payload, volumes, namespace, database and the committed files stay")
    if not arguments.dry_run:
        confirm(arguments, console)
    run = Run(target, actions, dry_run=arguments.dry_run)
    return execute_run(run, arguments, console, again="apply --undo")


def destroy(arguments: Namespace, console: Console) -> ExitCode:
    """Show every object and what data is behind it, have the name typed, remove all of it.

    64 for another name, before anything is sent; else the exit codes of `apply`.
    """
    from wizard.apply.run import Run
    from wizard.cli.run import execute_run
    from wizard.cli.selection import open_workspace, open_workspace_read_only, read_command_input
    from wizard.destroy.files import FileRemoval, forget_installation
    from wizard.destroy.steps import build_destroy_steps as steps
    from wizard.destroy.steps import require_removable
    from wizard.workspace.installation import require_committed

    _refuse_changed_answers(arguments)
    dry = bool(arguments.dry_run)
    workspace = open_workspace_read_only(arguments) if dry else open_workspace(arguments, console)
    gone = _finish_earlier_destroy(arguments, workspace, console)
    if gone is not None:
        return gone
    found = require_committed(read_command_input(arguments, workspace))
    if not dry:
        _require_confirmable(arguments, found.name)
    require_removable(found)
    files = FileRemoval(found, _read_options(arguments, console))
    files.require_possible()
    target = _open_target(found, arguments)
    _require_clusters(target)
    pieces = tuple(dict.fromkeys(arguments.data or ()))
    actions = steps(target, found, pieces, files)
    _print_run(f"destroy {found.name}", target, actions, console)
    _print_files(files, pieces, console)
    if not dry:
        _confirm(arguments, found.name, console)
    done = execute_run(Run(target, actions, dry_run=dry), arguments, console, again="destroy")
    if done is ExitCode.DONE and not dry:
        forget_installation(target.repository, found.name)
    return done


def _refuse_changed_answers(arguments: Namespace) -> None:
    from wizard.cli.selection import refuse_changes

    refuse_changes(arguments, command="destroy", reason="it removes what is committed")


def _finish_earlier_destroy(
    arguments: Namespace, workspace: Workspace, console: Console
) -> ExitCode | None:
    """0 where the files have gone before; the push may be what was left."""
    from wizard.destroy.files import find_destroy_commit, forget_installation
    from wizard.workspace.merge_request import push_earlier_commits

    name = getattr(arguments, "installation", "") or getattr(arguments, "confirm", "") or ""
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
    console.say(f"there is nothing of {name} any more: its files went with {commit[:12]}")
    if not arguments.dry_run:
        forget_installation(workspace.repository, name)
        if arguments.push or arguments.pr:
            branch = workspace.repository.head.branch or ""
            for note in push_earlier_commits(
                workspace.repository,
                arguments.branch or "",
                arguments.branch or branch,
                pr=arguments.pr,
                terminal=console.err.isatty(),
            ):
                console.say(note)
    return ExitCode.DONE


def _open_target(found: CommittedInstallation, arguments: Namespace) -> Target:
    from wizard.apply.connect import open_target

    return open_target(
        found,
        context=getattr(arguments, "context", "") or "",
        argocd_context=getattr(arguments, "argocd_context", "") or "",
    )


def _require_clusters(target: Target) -> None:
    """Files that Argo CD still follows must not go."""
    if target.kube is None or target.argocd is None:
        raise UsageError(
            "destroy needs the cluster, to see what is gone before the files go",
            "name a kubeconfig context with --context, or export KUBECONFIG",
        )


def _read_options(arguments: Namespace, console: Console) -> CommitOptions:
    from wizard.destroy.files import CommitOptions

    return CommitOptions(
        message=arguments.message,
        branch=arguments.branch or "",
        push=arguments.push,
        pr=arguments.pr,
        terminal=console.err.isatty(),
    )


def _print_run(title: str, target: Target, actions: Sequence[Step], console: Console) -> None:
    from wizard.apply.prepare import list_missing_logins

    console.say(title)
    for who in target.identities:
        console.say(f"  as  {who}")
    for text in list_missing_logins(target):
        console.say(f"  {text}")
    for action in actions:
        console.say(f"  {action.title} [{action.owner}] {action.endpoint}")


def _print_files(files: FileRemoval, pieces: Sequence[DataKind], console: Console) -> None:
    for path in files.listed_files:
        console.say(f"    {path}{' (edited by hand)' if path in files.edited else ''}")
    for path in files.foreign_files:
        console.say(f"  stays: {path}, which this wizard never wrote")
    from wizard.destroy.data import DATA_KINDS

    kept = [piece for piece in DATA_KINDS if piece not in pieces]
    if kept:
        console.say(f"  data that stays, since --data does not name it: {', '.join(kept)}")


def _require_confirmable(arguments: Namespace, name: str) -> None:
    """Before anything is shown: a name that is another's, and nobody there to type one."""
    import sys

    given = arguments.confirm
    if given and given != name:
        raise UsageError(
            f"--confirm {given} is not the installation that is chosen: {name}",
            f"look with --dry-run; then --confirm {name}, if this one is meant",
        )
    asked = getattr(arguments, "yes", False)
    typing = sys.stdin.isatty() and not getattr(arguments, "json", False)
    if asked and not given:
        raise UsageError(
            "--yes alone destroys nothing: the installation's name has to be given too",
            f"look with --dry-run, then: airflow-wizard destroy --confirm {name} --yes",
        )
    if not asked and not typing:
        raise UsageError(
            "there is no terminal to type the name on",
            f"look with --dry-run, then: airflow-wizard destroy --confirm {name} --yes",
        )


def _confirm(arguments: Namespace, name: str, console: Console) -> None:
    from wizard.cli.console import read_line

    if getattr(arguments, "yes", False):
        return
    typed = read_line(console, "Type the installation's name to destroy it: ")
    if typed != name:
        raise UsageError(
            "that is not its name; nothing was removed", f"this one is {name}: look again"
        )

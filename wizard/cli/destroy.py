"""`apply --undo` and `destroy`: the same run as `apply`, over what takes things away."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.cli.console import Console
from wizard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wizard.destroy.files import Files, Options
    from wizard.engine.actions import Action
    from wizard.systems.target import Piece, Target
    from wizard.workspace.installation import Installed
    from wizard.workspace.workspace import Workspace


def undo(arguments: Namespace, console: Console) -> ExitCode:
    """Show what is taken back, ask, do it; exit codes as those of `apply`."""
    from wizard.apply.run import Run
    from wizard.cli.run import carried_out, confirm
    from wizard.cli.selection import installed
    from wizard.destroy.steps import require_removable
    from wizard.destroy.steps import undo as steps

    if getattr(arguments, "plan", None):
        raise UsageError(
            "--undo takes no plan: it takes back what stands", "airflow-wizard apply --undo"
        )
    found = installed(
        arguments,
        command="apply --undo",
        verb="undo",
        reason="it takes back what was applied of what is committed",
    )
    require_removable(found)
    target = _opened(found, arguments)
    actions = steps(target, getattr(arguments, "only", None))
    _show(f"undo {found.name}", target, actions, console)
    if target.answers.delivery.kind == "argocd":
        console.say("  Airflow and its Secrets stay as they are, and nothing syncs them any more;")
    console.say("  payload, volumes, namespace, database and the committed files stay")
    if not arguments.dry_run:
        confirm(arguments, console)
    run = Run(target, actions, dry_run=arguments.dry_run)
    return carried_out(run, arguments, console, again="apply --undo")


def destroy(arguments: Namespace, console: Console) -> ExitCode:
    """Show every object and what data is behind it, have the name typed, remove all of it.

    64 for another name, before anything is sent; else the exit codes of `apply`.
    """
    from wizard.apply.run import Run
    from wizard.cli.run import carried_out
    from wizard.cli.selection import begin, looked_at, open_workspace
    from wizard.destroy.files import Files, forget
    from wizard.destroy.steps import destroy as steps
    from wizard.destroy.steps import require_removable
    from wizard.workspace.installation import of_start

    _require_plain(arguments)
    dry = bool(arguments.dry_run)
    workspace = looked_at(arguments) if dry else open_workspace(arguments, console)
    gone = _already(arguments, workspace, console)
    if gone is not None:
        return gone
    found = of_start(begin(arguments, workspace))
    if not dry:
        _require_confirmable(arguments, found.name)
    require_removable(found)
    files = Files(found, _options(arguments, console))
    files.require_possible()
    target = _opened(found, arguments)
    _require_clusters(target)
    pieces = tuple(dict.fromkeys(arguments.data or ()))
    actions = steps(target, found, pieces, files)
    _show(f"destroy {found.name}", target, actions, console)
    _show_files(files, pieces, console)
    if not dry:
        _confirm(arguments, found.name, console)
    done = carried_out(Run(target, actions, dry_run=dry), arguments, console, again="destroy")
    if done is ExitCode.DONE and not dry:
        forget(target.repository, found.name)
    return done


def _require_plain(arguments: Namespace) -> None:
    from wizard.cli.selection import refuse_changes

    refuse_changes(arguments, command="destroy", reason="it removes what is committed")


def _already(arguments: Namespace, workspace: Workspace, console: Console) -> ExitCode | None:
    """0 where the files have gone before; the push may be what was left."""
    from wizard.destroy.files import destroyed, forget
    from wizard.workspace.merge_request import caught_up

    name = getattr(arguments, "installation", "") or getattr(arguments, "confirm", "") or ""
    if not name and not workspace.installations():
        raise UsageError(
            "there is no committed installation to destroy", workspace.elsewhere().lstrip("; ")
        )
    if not name or name in workspace.installations():
        return None
    commit = destroyed(workspace.repository, name)
    if not commit:
        return None
    console.say(f"there is nothing of {name} any more: its files went with {commit[:12]}")
    if not arguments.dry_run:
        forget(workspace.repository, name)
        if arguments.push or arguments.pr:
            branch = workspace.repository.head.branch or ""
            for note in caught_up(
                workspace.repository,
                arguments.branch or "",
                arguments.branch or branch,
                pr=arguments.pr,
                terminal=console.err.isatty(),
            ):
                console.say(note)
    return ExitCode.DONE


def _opened(found: Installed, arguments: Namespace) -> Target:
    from wizard.apply.connect import opened

    return opened(
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


def _options(arguments: Namespace, console: Console) -> Options:
    from wizard.destroy.files import Options

    return Options(
        message=arguments.message,
        branch=arguments.branch or "",
        push=arguments.push,
        pr=arguments.pr,
        terminal=console.err.isatty(),
    )


def _show(title: str, target: Target, actions: Sequence[Action], console: Console) -> None:
    from wizard.apply.prepare import without

    console.say(title)
    for who in target.identities:
        console.say(f"  as  {who}")
    for text in without(target):
        console.say(f"  {text}")
    for action in actions:
        console.say(f"  {action.title} [{action.owner}] {action.endpoint}")


def _show_files(files: Files, pieces: Sequence[Piece], console: Console) -> None:
    for path in files.shown:
        console.say(f"    {path}{' (edited by hand)' if path in files.edited else ''}")
    for path in files.strangers:
        console.say(f"  stays: {path}, which this wizard never wrote")
    from wizard.destroy.data import PIECES

    kept = [piece for piece in PIECES if piece not in pieces]
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

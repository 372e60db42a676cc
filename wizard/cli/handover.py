"""`handover`: prints or writes scripts for the owners of Vault, database, platform and CI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from wizard.apply.prepare import parse_take_overs, require_delivery
from wizard.cli.options import Options
from wizard.cli.selection import load_installation
from wizard.errors import ExitCode
from wizard.handover.folder import write_files
from wizard.handover.scripts import Owner, render_handover
from wizard.provisioning.earlier_places import list_earlier_places
from wizard.state.apply_journal import ApplyHistory, with_remembered_cluster
from wizard.systems.fork import require_own
from wizard.workspace.repository_identity import compare_remote
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.workspace.installation import CommittedInstallation


# The owners whose scripts compare the source.
_BY_SOURCE = {"vault", "platform"}


def run_handover(options: Options, console: Console) -> ExitCode:
    """Print or write the scripts of one committed installation, without contacting any system.

    Returns 4 for a delivery without owners, 5 if the committed files do not match the answers, if
    the clone may be a fork, or if --out would overwrite files that are not from the wizard.
    """
    installation = load_installation(
        options, command="handover", verb="hand over", reason="it uses the committed files"
    )
    require_delivery(installation)
    proposal = installation.proposal
    committed = {
        change.logical: change.new.decode()
        for change in proposal.plan.changes
        if change.logical and not change.is_base and change.new is not None
    }
    repository = installation.start.workspace.repository
    owners = [options.owner] if options.owner else list(get_args(Owner))
    if _BY_SOURCE & set(owners):
        _require_own_repository(options, installation)
    earlier = {
        path.store.reader: list_earlier_places(proposal, repository, path.store)
        for path in list_store_paths(proposal)
    }
    answers = with_remembered_cluster(proposal.answers, repository, installation.name)
    known = ApplyHistory(repository, installation.name).target_identities()
    scripts = render_handover(answers, proposal.rendering, committed, earlier, known)
    chosen = {owner: scripts[owner] for owner in owners if owner in scripts}
    for owner in owners:
        if owner not in scripts:
            console.say(f"{owner}: nothing to do for this installation")
    if options.out:
        texts = {f"{owner}/{name}": text for owner, own in chosen.items()
                 for name, text in own.items()}  # fmt: skip
        for path in write_files(Path(options.out), installation.name, texts):
            console.say(f"wrote {path}")
    if options.json:
        console.data(json.dumps(chosen, indent=2))
    elif not options.out:
        _print(chosen, console)
    return ExitCode.DONE


def _require_own_repository(options: Options, found: CommittedInstallation) -> None:
    """Raise ConflictError if the clone may be a fork, until `--take-over` confirms its remote.

    The scripts take what names the source for their own, also what the original repository made.
    """
    proposal, repository = found.proposal, found.start.workspace.repository
    remote = compare_remote(repository, proposal.answers, proposal.rendering.release)
    if remote.is_fork:
        require_own(repository, found.name, remote, parse_take_overs(options.take_over))


def _print(chosen: Mapping[str, Mapping[str, str]], console: Console) -> None:
    """Print the files by owner; several files get a title line each, as `head` prints it."""
    files = [(f"{owner}/{name}", text) for owner, own in chosen.items()
             for name, text in own.items()]  # fmt: skip
    for number, (name, text) in enumerate(files):
        title = f"==> {name} <==\n" if len(files) > 1 else ""
        console.data(("\n" if number else "") + title + text)

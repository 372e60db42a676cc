"""Build the `Situation` for probes of unsaved answers, on the screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wizard.plan.derive import derive_release
from wizard.state.apply_journal import ApplyHistory, with_remembered_cluster
from wizard.stores.live import live_store
from wizard.systems.cluster.target_cluster import open_probe_cluster
from wizard.systems.situation import Situation

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.hostkeys.scan import Scanner
    from wizard.workspace.workspace import Workspace


def prepare_situation(
    workspace: Workspace,
    answers: Answers,
    *,
    existing: str = "",
    folder: Path | None = None,
    context: str = "",
    cluster: bool = True,
    scanner: Scanner | None = None,
) -> Situation:
    """Return the `Situation` of answers with verified host keys; blocks while it reads files.

    Without `cluster` the kubeconfig is not read. The result contains no consent. Raises
    AnswersError for an unusable file and WizardError for a context that does not exist.
    """
    answers, assets = workspace.with_assets(answers, existing, folder)
    known: dict[str, str] = {}
    if existing:
        answers = with_remembered_cluster(answers, workspace.repository, existing)
        known = ApplyHistory(workspace.repository, existing).target_identities()
    release = derive_release(answers, assets)
    kube, absent = open_probe_cluster(answers, context) if cluster else (None, None)
    return Situation(
        answers=answers,
        release=release,
        folder=folder,
        kube=kube,
        no_kube=absent,
        mint=live_store(release.store).token_source(kube, answers, release) if kube else None,
        scanner=scanner,
        known=known,
        repository=workspace.repository,
    )

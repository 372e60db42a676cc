"""The cluster that earlier runs of `apply` used, compared with the kubeconfig's; sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.clients.kube.config import read_context
from wizard.clients.kube.protocol import ClusterIdentity
from wizard.errors import Fix, WizardError
from wizard.findings import Finding
from wizard.plan.merge_base import state_folder
from wizard.state.apply_journal import ApplyHistory, with_remembered_cluster
from wizard.state.cluster_identity import compare_clusters

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree


def find_other_cluster(
    answers: Answers, repository: WorkTree, installation: str, context: str
) -> Iterator[Finding]:
    """Yield a warning if the context leads to another address than earlier runs of `apply` used.

    Only the addresses are compared, so it may be the same cluster: `check --live` asks it. Nothing
    is compared before the first `apply` on this machine, and without a usable kubeconfig.
    """
    history = ApplyHistory(repository, installation)
    if not history.target_identities():
        return
    known = with_remembered_cluster(answers, repository, installation).cluster
    try:
        access = read_context(context)
    except WizardError:
        return
    if not compare_clusters(known, ClusterIdentity(access.server, "", "")):
        return
    yield Finding(
        "cluster.other",
        "warning",
        f"{state_folder(installation)}/answers.yaml",
        "cluster.server",
        f"context {access.context} is for {access.server}, but apply used {known.server} before "
        f"(recorded in the answers or in {history.place})",
        Fix(
            "choose the cluster with --context, and compare both with: airflow-wizard check --live"
        ),
    )

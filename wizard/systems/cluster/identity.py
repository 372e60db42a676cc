"""Check that the cluster is the one that the answers record, or record it on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.manifests.steps import CLUSTER_IDENTITY
from wizard.state.cluster_identity import build_cluster_record, compare_clusters, find_missing_proof
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import ask_identity

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import ClusterIdentity, Kube
    from wizard.systems.target import Target


def build_identity_step(target: Target) -> Step:
    """Return the step that stops the run if the cluster is not the recorded one."""
    return _build_step(target, _compare_identity)


def build_identity_proof(target: Target) -> Step:
    """Return the same step for a removal: an unproven identity needs a yes to this cluster."""
    return replace(_build_step(target, _require_proof), independent=True)


def _build_step(target: Target, compare: Callable[[Target, ClusterIdentity], StepStatus]) -> Step:
    endpoint = target.kube.identity if target.kube else "cluster"

    async def check() -> StepStatus:
        if target.kube is None:
            return StepStatus("unknown", "no kubeconfig context names the cluster")
        return await run_in_thread(lambda: _check_identity(target, compare))

    return declared_step(CLUSTER_IDENTITY, endpoint, check)


def _check_identity(
    target: Target, compare: Callable[[Target, ClusterIdentity], StepStatus]
) -> StepStatus:
    here = _cluster(target.kube)
    hub = _cluster(target.argocd) if target.argocd is not target.kube else here
    apart = here and hub and here.uid and hub.uid and here.uid != hub.uid
    if apart and target.release.controller_is_inside:
        return StepStatus(
            "blocked",
            "Argo CD deploys into its own cluster, but the two contexts are of different clusters",
            Fix(
                "use one context for both, or set delivery.argocd.destination to the cluster's "
                "address in Argo CD's list",
                "delivery.argocd.destination",
            ),
        )
    return (
        compare(target, here) if here else StepStatus("unknown", "no kubeconfig context names it")
    )


def _cluster(kube: Kube | None) -> ClusterIdentity | None:
    try:
        return kube.cluster() if kube else None
    except KubeError as error:
        raise explain_error(error) from None


def _require_proof(target: Target, here: ClusterIdentity) -> StepStatus:
    """Compare the UIDs; an address alone may lead to another cluster by now."""
    known = target.cluster
    if compare_clusters(known, here) or (known.uid and here.uid):
        return _compare_identity(target, here)
    why = "no earlier run and no answer recorded its UID"
    if not here.uid:
        why = "this login may not read its UID, that of namespace kube-system"
    what = f"cluster {here.uid or 'of unknown UID'} at {here.server}"
    look = ask_identity(target.agreed, CLUSTER_IDENTITY.id, what, why)
    if look.state == "holds" and here.uid:
        target.met_identities.update(build_cluster_record(here))
    return look


def _compare_identity(target: Target, here: ClusterIdentity) -> StepStatus:
    known = target.cluster
    shown = f"{here.server}, Kubernetes {here.version}"
    found = compare_clusters(known, here) or find_missing_proof(known, here)
    if found:
        uid = here.uid or "UID"
        return StepStatus(
            "blocked",
            found,
            Fix(
                "use the context of the recorded cluster; or, to use this cluster, run: "
                f"airflow-wizard set cluster.uid={uid}"
            ),
        )
    if not here.uid:
        return StepStatus(
            "unknown",
            f"{shown}: no permission to read its identity, the UID of namespace kube-system",
            Fix(
                "ask the platform team to run: "
                "kubectl get namespace kube-system -o jsonpath={.metadata.uid}"
            ),
        )
    target.met_identities.update(build_cluster_record(here))
    state = "as recorded" if target.answers.cluster.uid else "not recorded yet"
    if known.uid and not target.answers.cluster.uid:
        state = "as in an earlier run; the next commit records it"
    return StepStatus("holds", f"{shown}: cluster {here.uid}, {state}")

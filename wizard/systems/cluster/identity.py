"""Which cluster answers: the one that the answers record, or the first one that is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.actions import Action, Look
from wizard.engine.probes import in_thread
from wizard.manifests.argocd import IN_CLUSTER
from wizard.state.cluster_identity import difference, record_of, unproven
from wizard.systems.cluster.objects import explained

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Cluster, Kube
    from wizard.systems.target import Target


def identity(target: Target) -> Action:
    """Whether the cluster that answers is the one the answers record; another one stops."""
    endpoint = target.kube.identity if target.kube else "cluster"

    async def check() -> Look:
        if target.kube is None:
            return Look("unknown", "no kubeconfig context names the cluster")
        return await in_thread(lambda: _identity(target))

    title = "Compare the cluster with the recorded one"
    return Action("cluster.identity", title, "me", endpoint, check)


def _identity(target: Target) -> Look:
    here = _cluster(target.kube)
    hub = _cluster(target.argocd) if target.argocd is not target.kube else here
    apart = here and hub and here.uid and hub.uid and here.uid != hub.uid
    if apart and target.answers.delivery.argocd.destination == IN_CLUSTER:
        return Look(
            "blocked",
            "Argo CD deploys into its own cluster, but its context and the cluster's lead to two",
            "name one context for both, or set delivery.argocd.destination to the cluster's "
            "address as Argo CD lists it",
        )
    return _same(target, here) if here else Look("unknown", "no kubeconfig context names it")


def _cluster(kube: Kube | None) -> Cluster | None:
    try:
        return kube.cluster() if kube else None
    except KubeError as error:
        raise explained(error) from None


def _same(target: Target, here: Cluster) -> Look:
    known = target.cluster
    shown = f"{here.server}, Kubernetes {here.version}"
    found = difference(known, here) or unproven(known, here)
    if found:
        uid = here.uid or "UID"
        return Look(
            "blocked",
            found,
            "use the context of the cluster that was committed for; if this one is meant: "
            f"airflow-wizard set cluster.uid={uid}",
        )
    if not here.uid:
        return Look(
            "unknown",
            f"{shown}: its identity, the UID of namespace kube-system, may not be read",
            "whoever may: kubectl get namespace kube-system -o jsonpath={.metadata.uid}",
        )
    target.met.update(record_of(here))
    state = "as recorded" if target.answers.cluster.uid else "not recorded yet"
    if known.uid and not target.answers.cluster.uid:
        state = "as an earlier run met it; the next commit records it"
    return Look("holds", f"{shown}: cluster {here.uid}, {state}")

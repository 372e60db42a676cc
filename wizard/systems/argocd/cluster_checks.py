"""Checks of the cluster that Argo CD runs in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.deliveries.argocd.questions import STORE_CREDENTIAL, argocd_answers
from wizard.engine.probes import ProbeResult, fail_result, pass_result, skip_result
from wizard.errors import Fix
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.manifests.prerequisites import argo_cd
from wizard.systems.argocd.application_health import check_application_health
from wizard.systems.argocd.existing_project import check_existing_project
from wizard.systems.argocd.rights import list_argocd_rights
from wizard.systems.cluster.prerequisites import check_pods
from wizard.systems.cluster.probes import ClusterCheck, check_external_secrets, check_rights
from wizard.systems.cluster.rights import ARGO_GROUP

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release


_NAMESPACE = "delivery.argocd.namespace"


def list_argocd_checks(
    answers: Answers, release: Release, kube: Kube, argocd: Kube | None
) -> Iterator[ClusterCheck]:
    """Yield the checks of the cluster that Argo CD runs in.

    `argocd` is that cluster if it is not Airflow's own; without it, a separate cluster is not
    checked.
    """
    argo = argocd_answers(answers.delivery)
    where = argocd or (kube if argo.destination == IN_CLUSTER_SERVER else None)
    if where is None:
        text = f"Argo CD runs in a different cluster, where this one is {argo.destination}"
        skipped = skip_result(
            f"{text}; not checked", "name the context of Argo CD's cluster with --argocd-context"
        )
        yield ClusterCheck("argocd", "Argo CD", lambda: skipped, _NAMESPACE)
        return
    program = argo_cd(argo.namespace)
    yield ClusterCheck(
        "argocd",
        "Argo CD",
        lambda: check_pods(where, program, check_argocd_api(where, argo.namespace)),
        _NAMESPACE,
    )
    if where is not kube and STORE_CREDENTIAL.holds(answers):
        yield ClusterCheck(
            "argocd-external-secrets",
            "External Secrets in Argo CD's cluster",
            lambda: check_external_secrets(where, cluster_store=False),
            "delivery.argocd.credential",
        )
    if argo.uses_existing_project:
        yield ClusterCheck(
            "argocd-project",
            f"AppProject {argo.project}",
            lambda: check_existing_project(where, answers, release),
            "delivery.argocd.project",
        )
    if argo.applications == "two":
        yield ClusterCheck(
            "argocd-application-health",
            "order of the two Applications",
            lambda: check_application_health(where, argo.namespace),
            "delivery.argocd.applications",
        )
    for need in list_argocd_rights(answers):
        yield ClusterCheck(
            f"rights.{need.id}", f"rights to {need.purpose}", partial(check_rights, where, need)
        )


def check_argocd_api(kube: Kube, namespace: str) -> ProbeResult:
    """Check that the cluster serves Argo CD's kinds and has its namespace."""
    api = f"{ARGO_GROUP}/v1alpha1"
    # Argo Workflows and Rollouts use the same group.
    missing = {"Application", "AppProject"} - kube.kinds(api)
    if missing:
        return fail_result(
            f"Argo CD is not installed: {api} has no {' and no '.join(sorted(missing))}",
            "install Argo CD, or name the context of its cluster with --argocd-context",
        )
    try:
        there = kube.get(Ref("v1", "Namespace", namespace), metadata=True)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return pass_result(f"serves {api}; no permission to read namespace {namespace}")
    if there is None:
        return fail_result(
            f"serves {api}, but namespace {namespace} does not exist",
            Fix("correct delivery.argocd.namespace", "delivery.argocd.namespace"),
        )
    return pass_result(f"serves {api}, namespace {namespace}")

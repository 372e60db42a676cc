"""The rights that an installation needs in the cluster, each with its purpose and owner.

Server-side apply needs `create` for a new object and `patch` for an existing one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wizard.clients.kube.protocol import Right
from wizard.deliveries.registry import delivery_kind
from wizard.questions.cases import (
    CLUSTER_BACKUP,
    CLUSTER_DATABASE,
    DATABASE_CLEANUP,
    DISRUPTION_BUDGETS,
    HPA,
    HTTP_ROUTE,
    INGRESS,
    KEDA,
    NETWORK_POLICIES,
    POD_CLEANUP,
    SERVICE_MONITOR,
    TASK_NAMESPACES,
)
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

EXTERNAL_SECRETS_GROUP, ARGO_GROUP = "external-secrets.io", "argoproj.io"
KNOWN_HOSTS_CONFIG_MAP = "argocd-ssh-known-hosts-cm"
_ADMISSION = "admissionregistration.k8s.io"
APPLY_VERBS, WATCH_VERBS = ("create", "patch"), ("get", "list", "watch")
# Objects of CloudNativePG and of its plugin for backups.
_DATABASE = (
    (CLUSTER_DATABASE, "postgresql.cnpg.io", "clusters"),
    (CLUSTER_BACKUP, "postgresql.cnpg.io", "scheduledbackups"),
    (CLUSTER_BACKUP, "barmancloud.cnpg.io", "objectstores"),
)
# Kinds of the chart's objects in every installation, by API group.
_CHART = (
    ("", ("configmaps", "secrets", "services", "serviceaccounts", "persistentvolumeclaims")),
    ("apps", ("deployments", "statefulsets")),
    ("batch", ("jobs",)),
    ("rbac.authorization.k8s.io", ("roles", "rolebindings")),
)
# Kinds of the chart's objects, and of manifests beside it, that an answer adds.
_OPTIONAL = (
    (NETWORK_POLICIES, "networking.k8s.io", "networkpolicies"),
    (INGRESS, "networking.k8s.io", "ingresses"),
    (HTTP_ROUTE, "gateway.networking.k8s.io", "httproutes"),
    (SERVICE_MONITOR, "monitoring.coreos.com", "servicemonitors"),
    (DISRUPTION_BUDGETS, "policy", "poddisruptionbudgets"),
    (KEDA, "keda.sh", "scaledobjects"),
    (HPA, "autoscaling", "horizontalpodautoscalers"),
    (DATABASE_CLEANUP, "batch", "cronjobs"),
    (POD_CLEANUP, "batch", "cronjobs"),
)
_CLUSTER_WIDE = (
    (TASK_NAMESPACES, "rbac.authorization.k8s.io", "clusterroles"),
    (TASK_NAMESPACES, "rbac.authorization.k8s.io", "clusterrolebindings"),
)


@dataclass(frozen=True, slots=True)
class RightSet:
    """Rights for one purpose; `purpose` completes "needed to ...".

    `fallback` describes what happens without optional rights; empty for required rights.
    """

    id: str
    purpose: str
    owner: Literal["me", "platform"]
    rights: tuple[Right, ...]
    fallback: str = ""


def list_rights(answers: Answers, release: Release) -> Iterator[RightSet]:
    """Yield the sets of rights needed in the cluster that Airflow runs in."""
    space = release.namespace
    yield RightSet("verify", "check that it works", "me", tuple(_verify_rights(release)))
    if not delivery_kind(release.delivery).local:
        yield _health_rights(space)
    settings = store_kind(release.store).settings
    if settings is not None:
        store = settings(answers.secrets, release)
        mint = Right(
            "create", "serviceaccounts", "", store.account_namespace, store.service_account,
            "token",
        )  # fmt: skip
        yield RightSet("login", "test the store's own login", "me", (mint,))
        if not release.cluster_store:
            kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
            rights = [Right(verb, kind, _ADMISSION) for kind in kinds for verb in APPLY_VERBS]
            yield RightSet(
                "guard", "keep pods away from the store's ServiceAccount", "platform",
                tuple(rights),
            )  # fmt: skip
    if store_kind(release.store).composes_secrets:
        rights = [
            Right(verb, "secrets", "", space) for verb in ("get", "create", "update", "patch")
        ]
        yield RightSet("secrets", "create the Secrets", "me", tuple(rights))
    if not release.gitops:
        yield RightSet(
            "namespace", "create the namespace", "platform", (Right("create", "namespaces"),)
        )
        # Helm stores its state in Secrets; finished Jobs are deleted before an upgrade.
        install = [Right("list", "secrets", "", space)]
        install += [
            Right("delete", kind, group, space)
            for group, kind in (("", "secrets"), ("batch", "jobs"))
        ]
        kinds_of = [(group, kind) for group, listed in _CHART for kind in listed]
        kinds_of += [(group, kind) for when, group, kind in _OPTIONAL if when.holds(answers)]
        install += [
            Right(verb, kind, group, space)
            for group, kind in dict.fromkeys(kinds_of)
            for verb in ("get", *APPLY_VERBS)
        ]
        if release.external_secrets:
            install += [
                Right(verb, kind, EXTERNAL_SECRETS_GROUP, "" if "cluster" in kind else space)
                for kind in ("externalsecrets", _store_kind(release))
                for verb in APPLY_VERBS
            ]
        install += [
            Right(verb, kind, group, space)
            for when, group, kind in _DATABASE
            if when.holds(answers)
            for verb in ("get", *APPLY_VERBS)
        ]
        yield RightSet("install", "install the chart", "me", tuple(install))
        if whole := tuple(_list_cluster_rights(answers)):
            yield RightSet("cluster-objects", "create objects of the cluster", "platform", whole)


def _list_cluster_rights(answers: Answers) -> Iterator[Right]:
    """Yield the rights to the chart's objects that are in no namespace."""
    for when, group, kind in _CLUSTER_WIDE:
        if when.holds(answers):
            for verb in ("get", *APPLY_VERBS):
                yield Right(verb, kind, group)


def _health_rights(space: str) -> RightSet:
    # A WebSocket begins with a GET, whose verb is `get`. From Kubernetes 1.35 on the API server
    # also requires `create`, as it always did for kubectl's older protocol (kubernetes#134577).
    rights = (Right(verb, "pods", "", space, "", "portforward") for verb in ("get", "create"))
    return RightSet(
        "health", "ask Airflow for its health (optional)", "me", tuple(rights),
        "only the readiness probe of Airflow's API server is checked",
    )  # fmt: skip


def _verify_rights(release: Release) -> Iterator[Right]:
    space = release.namespace
    if release.external_secrets:
        for kind in ("externalsecrets", _store_kind(release)):
            place = "" if kind.startswith("cluster") else space
            for verb in WATCH_VERBS:
                yield Right(verb, kind, EXTERNAL_SECRETS_GROUP, place)
    for group, kind in (("", "secrets"), ("", "pods"), ("batch", "jobs"), ("apps", "deployments")):
        yield Right("get", kind, group, space)
    yield Right("list", "pods", "", space)
    if release.database_cluster:
        yield Right("get", "clusters", "postgresql.cnpg.io", space)
    for kind in ("deployments", "statefulsets"):
        yield Right("list", kind, "apps", space)


def _store_kind(release: Release) -> str:
    return "clustersecretstores" if release.cluster_store else "secretstores"

"""Which rights in the cluster an installation needs, for what, and whose work that is; pure.

Server-side apply needs `create` for a new object and `patch` for one that is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wizard.clients.kube.protocol import Right
from wizard.deliveries.argocd import argocd_answers
from wizard.deliveries.argocd.questions import STORE_CREDENTIAL
from wizard.stores.vault.settings import vault_settings

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

EXTERNAL_SECRETS_GROUP, ARGO_GROUP = "external-secrets.io", "argoproj.io"
KNOWN_HOSTS_CONFIG_MAP = "argocd-ssh-known-hosts-cm"
_ADMISSION = "admissionregistration.k8s.io"
_APPLY, _WATCH = ("create", "patch"), ("get", "list", "watch")
# What the chart makes, and what stands beside it.
_CHART = (
    ("", ("configmaps", "secrets", "services", "serviceaccounts", "persistentvolumeclaims")),
    ("apps", ("deployments", "statefulsets")),
    ("batch", ("jobs",)),
    ("rbac.authorization.k8s.io", ("roles", "rolebindings")),
)


@dataclass(frozen=True, slots=True)
class RightSet:
    """Rights that belong together: `id` is a word, `purpose` finishes "needed to ...".

    `without` says what is lost without them; empty where they are not optional.
    """

    id: str
    purpose: str
    owner: Literal["me", "platform"]
    rights: tuple[Right, ...]
    fallback: str = ""


def list_rights(answers: Answers, release: Release) -> Iterator[RightSet]:
    """The needs in the cluster that Airflow runs in."""
    space = release.namespace
    vault = release.store == "vault"
    yield RightSet("verify", "see whether it works", "me", tuple(_verify_rights(release)))
    if release.delivery != "kind":
        yield _health_rights(space)
    if vault:
        store = vault_settings(answers.secrets, release)
        mint = Right(
            "create", "serviceaccounts", "", store.account_namespace, store.service_account,
            "token",
        )  # fmt: skip
        yield RightSet("login", "try the store's own login", "me", (mint,))
        if not release.cluster_store:
            kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
            rights = [Right(verb, kind, _ADMISSION) for kind in kinds for verb in _APPLY]
            yield RightSet(
                "guard", "keep pods away from the store's ServiceAccount", "platform",
                tuple(rights),
            )  # fmt: skip
    if release.delivery != "argocd":
        yield RightSet(
            "namespace", "create the namespace", "platform", (Right("create", "namespaces"),)
        )
        # Helm keeps its state in Secrets, and removes what falls away; finished Jobs go before.
        install = [Right("list", "secrets", "", space)]
        install += [
            Right("delete", kind, group, space)
            for group, kind in (("", "secrets"), ("batch", "jobs"))
        ]
        install += [
            Right(verb, kind, group, space)
            for group, kinds_of in _CHART
            for kind in kinds_of
            for verb in ("get", *_APPLY)
        ]
        if vault:
            install += [
                Right(verb, kind, EXTERNAL_SECRETS_GROUP, "" if "cluster" in kind else space)
                for kind in ("externalsecrets", _store_kind(release))
                for verb in _APPLY
            ]
        yield RightSet("install", "install the chart", "me", tuple(install))


def _health_rights(space: str) -> RightSet:
    # A WebSocket begins with a GET, whose verb is `get`; from Kubernetes 1.35 on the API server
    # asks for `create` too, as it always did for kubectl's older way (kubernetes#134577).
    rights = (Right(verb, "pods", "", space, "", "portforward") for verb in ("get", "create"))
    return RightSet(
        "health", "ask Airflow for its health (optional)", "me", tuple(rights),
        "that the API server answers its readiness probe is all that is known of Airflow's health",
    )  # fmt: skip


def list_argocd_rights(answers: Answers) -> Iterator[RightSet]:
    """The needs in the cluster that Argo CD runs in."""
    argo = argocd_answers(answers.delivery)
    space = argo.namespace
    rights = [
        Right(verb, kind, ARGO_GROUP, space)
        for kind in ("appprojects", "applications")
        for verb in ("get", *_APPLY)
    ]
    yield RightSet("argocd", "create AppProject and Applications", "platform", tuple(rights))
    watched = tuple(Right(verb, "applications", ARGO_GROUP, space) for verb in _WATCH)
    yield RightSet("sync", "wait until Argo CD has synced", "me", watched)
    if STORE_CREDENTIAL.holds(answers):
        made = (("", "serviceaccounts"), (EXTERNAL_SECRETS_GROUP, "secretstores"),
                (EXTERNAL_SECRETS_GROUP, "externalsecrets"))  # fmt: skip
        own = [Right(verb, kind, group, space) for group, kind in made for verb in ("get", *_APPLY)]
        yield RightSet("credential", "give Argo CD a credential from Vault", "platform", tuple(own))
    repository = [Right(verb, "secrets", "", space) for verb in ("list", *_APPLY)]
    if argo.repo_url.startswith("ssh://") or "://" not in argo.repo_url:
        repository += [
            Right(verb, "configmaps", "", space, KNOWN_HOSTS_CONFIG_MAP)
            for verb in ("get", "update")
        ]
    yield RightSet("repository", "let Argo CD read this repository", "platform", tuple(repository))


def _verify_rights(release: Release) -> Iterator[Right]:
    space = release.namespace
    if release.store == "vault":
        for kind in ("externalsecrets", _store_kind(release)):
            place = "" if kind.startswith("cluster") else space
            for verb in _WATCH:
                yield Right(verb, kind, EXTERNAL_SECRETS_GROUP, place)
    for group, kind in (("", "secrets"), ("", "pods"), ("batch", "jobs"), ("apps", "deployments")):
        yield Right("get", kind, group, space)
    yield Right("list", "pods", "", space)
    for kind in ("deployments", "statefulsets"):
        yield Right("list", kind, "apps", space)


def _store_kind(release: Release) -> str:
    return "clustersecretstores" if release.cluster_store else "secretstores"

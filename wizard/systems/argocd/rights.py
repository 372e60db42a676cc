"""The rights that an installation needs in the cluster that Argo CD runs in; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Right
from wizard.deliveries.argocd.questions import STORE_CREDENTIAL, argocd_answers
from wizard.systems.cluster.rights import (
    APPLY_VERBS,
    ARGO_GROUP,
    EXTERNAL_SECRETS_GROUP,
    KNOWN_HOSTS_CONFIG_MAP,
    WATCH_VERBS,
    RightSet,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def list_argocd_rights(answers: Answers) -> Iterator[RightSet]:
    """Yield the sets of rights needed in the cluster that Argo CD runs in."""
    argo = argocd_answers(answers.delivery)
    space = argo.namespace
    rights = [
        Right(verb, kind, ARGO_GROUP, space)
        for kind in ("appprojects", "applications")
        for verb in ("get", *APPLY_VERBS)
        if kind == "applications" or verb == "get" or not argo.uses_existing_project
    ]
    made = "Applications" if argo.uses_existing_project else "AppProject and Applications"
    yield RightSet("argocd", f"create {made}", "platform", tuple(rights))
    watched = tuple(Right(verb, "applications", ARGO_GROUP, space) for verb in WATCH_VERBS)
    yield RightSet("sync", "wait until Argo CD has synced", "me", watched)
    if STORE_CREDENTIAL.holds(answers):
        kinds = (("", "serviceaccounts"), (EXTERNAL_SECRETS_GROUP, "secretstores"),
                (EXTERNAL_SECRETS_GROUP, "externalsecrets"))  # fmt: skip
        own = [
            Right(verb, kind, group, space)
            for group, kind in kinds
            for verb in ("get", *APPLY_VERBS)
        ]
        yield RightSet("credential", "give Argo CD a credential from Vault", "platform", tuple(own))
    repository = [Right(verb, "secrets", "", space) for verb in ("list", *APPLY_VERBS)]
    if argo.repo_url.startswith("ssh://") or "://" not in argo.repo_url:
        repository += [
            Right(verb, "configmaps", "", space, KNOWN_HOSTS_CONFIG_MAP)
            for verb in ("get", "update")
        ]
    yield RightSet(
        "repository", "give Argo CD access to this repository", "platform", tuple(repository)
    )

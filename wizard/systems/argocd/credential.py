"""Check that Argo CD has a credential for the config repository; it is never changed.

Source: facts on Argo CD (Repo credentials): Secrets with a label; `repo-creds` match by prefix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import REPOSITORY
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix, WizardError
from wizard.formats.addresses import normalize_url, parse_git_url
from wizard.systems.argocd.controller import look_at_controller, name_controller
from wizard.systems.argocd.secrets import PREFIX, ArgoSecret, list_secrets
from wizard.systems.argocd.secrets import REPOSITORY as REPOSITORY_SECRET
from wizard.systems.cluster.objects import explain_error

if TYPE_CHECKING:
    from wizard.systems.target import Target


def build_credential_step(target: Target) -> Step:
    """Return the check; an SSH repository without a credential stops the delivery."""
    argo, kube = argocd_answers(target.answers.delivery), target.argocd

    def look(at: Kube) -> StepStatus:
        return _find_credential(at, argo.namespace, argo.repo_url)

    return declared_step(REPOSITORY, name_controller(kube), lambda: look_at_controller(kube, look))


def _find_credential(kube: Kube, namespace: str, url: str) -> StepStatus:
    """Check that a Secret of Argo CD names this repository or a prefix of its URL."""
    try:
        found = list(list_secrets(kube, namespace, (REPOSITORY_SECRET, PREFIX)))
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error) from None
        return StepStatus(
            "unknown",
            "no permission to read Argo CD's repository Secrets; the sync will show it",
        )
    wanted = normalize_url(url)
    for one in found:
        theirs = normalize_url(one.fields.get("url", ""))
        if theirs and (wanted.startswith(theirs) if one.kind == PREFIX else wanted == theirs):
            return _check_switches(one)
    if parse_git_url(url).scheme != "ssh":
        return StepStatus(
            "unknown",
            "Argo CD has no credential for it, which is correct only for a public repository",
        )
    raise WizardError(
        f"no Secret in {namespace} gives Argo CD a credential for {url}",
        Fix(
            "ask Argo CD's admin to add one with a separate read-only key: `argocd repo add "
            f"{url} --ssh-private-key-path FILE`; or generate one in Vault: airflow-wizard set "
            "delivery.argocd.credential=store",
            "delivery.argocd.credential",
        ),
    )


def find_other_credential(kube: Kube, namespace: str, url: str, own: str) -> StepStatus | None:
    """Return `blocked` if a different Secret already names this repository; None otherwise."""
    try:
        for one in list_secrets(kube, namespace, (REPOSITORY_SECRET,)):
            theirs = normalize_url(one.fields.get("url", ""))
            if one.name != own and theirs == normalize_url(url):
                return StepStatus(
                    "blocked",
                    f"Secret {one.name} already gives Argo CD a credential for this repository, "
                    "and Argo CD uses only one",
                    Fix(
                        "use it: airflow-wizard set delivery.argocd.credential=known; or "
                        "ask its owner to delete it first",
                        "delivery.argocd.credential",
                    ),
                )
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error) from None
    return None


def _check_switches(one: ArgoSecret) -> StepStatus:
    if "true" in {one.fields.get("insecure"), one.fields.get("insecureIgnoreHostKey")}:
        return StepStatus(
            "blocked",
            f"Secret {one.name} makes Argo CD accept any host key for this repository",
            Fix("ask Argo CD's admin to remove `insecure` from it"),
        )
    return StepStatus("holds", f"Argo CD has a credential for it (Secret {one.name})")

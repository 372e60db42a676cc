"""Whether Argo CD has a credential for the config repository; it is Argo CD's own, only looked at.

Source: facts on Argo CD (Repo credentials): Secrets with a label, `repo-creds` count by prefix.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.deliveries.argocd.manifests import REPOSITORY_LABEL
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import REPOSITORY
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix, WizardError
from wizard.formats.addresses import normalize_url, parse_git_url
from wizard.systems.cluster.objects import explain_error

if TYPE_CHECKING:
    from wizard.systems.target import Target


def build_credential_step(target: Target) -> Step:
    """The look; where an SSH repository has no credential, the delivery cannot go on."""
    argo, kube = argocd_answers(target.answers.delivery), target.argocd

    async def check() -> StepStatus:
        if kube is None:
            return StepStatus("unknown", "no kubeconfig context names Argo CD's cluster")
        return await run_in_thread(lambda: _find_credential(kube, argo.namespace, argo.repo_url))

    endpoint = kube.identity if kube else "Argo CD's cluster"
    return declared_step(REPOSITORY, endpoint, check)


def _find_credential(kube: Kube, namespace: str, url: str) -> StepStatus:
    """Whether a Secret of Argo CD's names this repository, or a prefix of it."""
    try:
        found = [
            (kind, about["metadata"]["name"], _fields(kube, namespace, about["metadata"]["name"]))
            for kind in ("repository", "repo-creds")
            for about in kube.find("v1", "Secret", namespace, labels=f"{REPOSITORY_LABEL}={kind}",
                                   metadata=True)
        ]  # fmt: skip
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error) from None
        return StepStatus(
            "unknown", "Argo CD's repository Secrets may not be read; the sync proves it"
        )
    wanted = normalize_url(url)
    for kind, name, fields in found:
        theirs = normalize_url(fields.get("url", ""))
        if theirs and (wanted == theirs if kind == "repository" else wanted.startswith(theirs)):
            return _check_switches(name, fields)
    if parse_git_url(url).scheme != "ssh":
        return StepStatus(
            "unknown", "Argo CD has no credential for it, and needs none if it is public"
        )
    raise WizardError(
        f"no Secret in {namespace} gives Argo CD a credential for {url}",
        Fix(
            "let Argo CD's admin add it, with a read-only key of its own: `argocd repo add "
            f"{url} --ssh-private-key-path FILE`; or have one made, in Vault: airflow-wizard set "
            "delivery.argocd.credential=store",
            "delivery.argocd.credential",
        ),
    )


def find_other_credential(kube: Kube, namespace: str, url: str, own: str) -> StepStatus | None:
    """What is in the way where a Secret of somebody else names this very repository; else None."""
    try:
        names = [
            about["metadata"]["name"]
            for about in kube.find(
                "v1", "Secret", namespace, labels=f"{REPOSITORY_LABEL}=repository", metadata=True
            )
        ]
        for name in names:
            theirs = normalize_url(_fields(kube, namespace, name).get("url", ""))
            if name != own and theirs == normalize_url(url):
                return StepStatus(
                    "blocked",
                    f"Secret {name} gives Argo CD a credential for this repository already, and "
                    "it has one for each",
                    Fix(
                        "use that one: airflow-wizard set delivery.argocd.credential=known; or "
                        "have its owner remove it first",
                        "delivery.argocd.credential",
                    ),
                )
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error) from None
    return None


def _check_switches(name: str, fields: Mapping[str, str]) -> StepStatus:
    if "true" in {fields.get("insecure"), fields.get("insecureIgnoreHostKey")}:
        return StepStatus(
            "blocked",
            f"Secret {name} lets Argo CD read this repository from any host that answers",
            Fix("let Argo CD's admin remove `insecure` from it: host keys must be checked"),
        )
    return StepStatus("holds", f"Argo CD has a credential for it (Secret {name})")


def _fields(kube: Kube, namespace: str, name: str) -> dict[str, str]:
    """URL and switches of one repository Secret.

    The API server gives Secrets only whole; its keys and passwords are dropped unread right here.
    """
    data = (kube.get(Ref("v1", "Secret", name, namespace)) or {}).get("data") or {}
    found = {}
    for field in ("url", "insecure", "insecureIgnoreHostKey"):
        try:
            found[field] = base64.b64decode(data.get(field) or "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found

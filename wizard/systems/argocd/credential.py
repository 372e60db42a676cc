"""Check that Argo CD has a credential for the config repository; it is never changed.

Source: facts on Argo CD (Repo credentials): Secrets with a label; `repo-creds` match by prefix.
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
    """Return the check; an SSH repository without a credential stops the delivery."""
    argo, kube = argocd_answers(target.answers.delivery), target.argocd

    async def check() -> StepStatus:
        if kube is None:
            return StepStatus("unknown", "no kubeconfig context names Argo CD's cluster")
        return await run_in_thread(lambda: _find_credential(kube, argo.namespace, argo.repo_url))

    endpoint = kube.identity if kube else "Argo CD's cluster"
    return declared_step(REPOSITORY, endpoint, check)


def _find_credential(kube: Kube, namespace: str, url: str) -> StepStatus:
    """Check that a Secret of Argo CD names this repository or a prefix of its URL."""
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
            "unknown",
            "no permission to read Argo CD's repository Secrets; the sync will show it",
        )
    wanted = normalize_url(url)
    for kind, name, fields in found:
        theirs = normalize_url(fields.get("url", ""))
        if theirs and (wanted == theirs if kind == "repository" else wanted.startswith(theirs)):
            return _check_switches(name, fields)
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
                    f"Secret {name} already gives Argo CD a credential for this repository, and "
                    "Argo CD uses only one",
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


def _check_switches(name: str, fields: Mapping[str, str]) -> StepStatus:
    if "true" in {fields.get("insecure"), fields.get("insecureIgnoreHostKey")}:
        return StepStatus(
            "blocked",
            f"Secret {name} makes Argo CD accept any host key for this repository",
            Fix("ask Argo CD's admin to remove `insecure` from it"),
        )
    return StepStatus("holds", f"Argo CD has a credential for it (Secret {name})")


def _fields(kube: Kube, namespace: str, name: str) -> dict[str, str]:
    """Return the URL and the `insecure` switches of one repository Secret.

    The API server returns only whole Secrets; keys and passwords in them are dropped unread.
    """
    data = (kube.get(Ref("v1", "Secret", name, namespace)) or {}).get("data") or {}
    found = {}
    for field in ("url", "insecure", "insecureIgnoreHostKey"):
        try:
            found[field] = base64.b64decode(data.get(field) or "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found

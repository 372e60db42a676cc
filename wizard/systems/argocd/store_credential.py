"""Argo CD's credential from the store: put in place in its cluster, then waited for.

Argo CD cannot fetch from the repository what lets it read the repository. Values are never read:
which keys the Secret has is told by its metadata alone. Source: facts on Argo CD (Repo
credentials).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref, data_keys
from wizard.deliveries.argocd.manifests import (
    CREDENTIAL_PARTS,
    CREDENTIAL_PREFIX,
    REPOSITORY_LABEL,
)
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import CREDENTIAL, CREDENTIAL_WAIT
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, WizardError
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.argocd import credential
from wizard.systems.cluster import external_secrets
from wizard.systems.cluster.conditions import wait_status
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step
from wizard.systems.cluster.waits import WAIT_FOR_SECRETS, build_wait

if TYPE_CHECKING:
    from wizard.systems.target import Target

_KINDS = {"account": "ServiceAccount", "store": "SecretStore", "secret": "ExternalSecret"}


def has_store_credential(target: Target) -> bool:
    """Whether Argo CD's credential comes from the store."""
    return bool(target.answers.delivery.readers(target.release))


def build_store_credential_steps(target: Target) -> tuple[Step, ...]:
    """Its account, store and ExternalSecret, and the wait for the Secret that comes of them."""
    argo = argocd_answers(target.answers.delivery)
    put = build_manifests_step(
        target,
        CREDENTIAL,
        target.argocd,
        credential_manifests(target),
        needs=external_secrets.OPERATOR_HINT,
    )
    look, kube = put.check, target.argocd

    async def check() -> StepStatus:
        """A credential of somebody else for the same repository would be overruled, or overrule."""
        if kube is None:
            return await look()
        own = _name(target)
        theirs = await run_in_thread(
            lambda: credential.find_other_credential(kube, argo.namespace, argo.repo_url, own)
        )
        return theirs or await look()

    ready = build_wait(
        target.argocd,
        CREDENTIAL_WAIT,
        WAIT_FOR_SECRETS,
        lambda kube: _check_credential(kube, target),
    )
    return (replace(put, check=check), ready)


def credential_manifests(target: Target) -> list[CommittedManifest]:
    """What `apply` puts into Argo CD's namespace for it, in this order."""
    namespace, found = argocd_answers(target.answers.delivery).namespace, []
    for part in CREDENTIAL_PARTS:
        logical = f"{CREDENTIAL_PREFIX}{part}"
        if logical not in target.files:
            raise WizardError(f"{logical} is not committed", "airflow-wizard commit writes it")
        path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
        found.append(CommittedManifest(path, target.text(logical), (_KINDS[part],), namespace))
    return found


def _external_secret(target: Target) -> dict[str, Any]:
    logical = f"{CREDENTIAL_PREFIX}secret"
    return read_mapping(target.text(logical), logical)


def _name(target: Target) -> str:
    """The Secret that the committed ExternalSecret makes."""
    return str(_external_secret(target)["spec"]["target"]["name"])


def _check_credential(kube: Kube, target: Target) -> StepStatus:
    """Whether the ExternalSecret is synced, and the Secret is one that Argo CD takes."""
    wanted = _external_secret(target)
    ref = Ref.from_manifest(wanted)
    found = kube.get(ref)
    if found is None:
        return StepStatus("wanted", f"{ref} is not there yet", Fix("see the step before"))
    if not external_secrets.is_synced(found):
        store = Ref.from_manifest(
            read_mapping(target.text(f"{CREDENTIAL_PREFIX}store"), f"{CREDENTIAL_PREFIX}store")
        )
        why = external_secrets.diagnose_store_ref(kube, store)
        if why is not None:
            return wait_status(
                "", why, f"kubectl -n {store.namespace} describe secretstore {store.name}"
            )
        return external_secrets.explain_unsynced(kube, ref.namespace, ref.name, found)
    return _check_secret(kube, ref.namespace, wanted["spec"]["target"])


def _check_secret(kube: Kube, namespace: str, made: dict[str, Any]) -> StepStatus:
    ref = Ref("v1", "Secret", str(made["name"]), namespace)
    try:
        about = kube.get(ref, metadata=True)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus("unknown", f"its ExternalSecret is synced; {ref} may not be read")
    describe = Fix(f"kubectl -n {namespace} describe externalsecret {ref.name}")
    if about is None:
        return StepStatus("wanted", f"{ref} is not there", describe)
    label = (about["metadata"].get("labels") or {}).get(REPOSITORY_LABEL)
    absent = sorted(set(made["template"]["data"]) - data_keys(about))
    if label != "repository" or absent:
        lacks = f"the keys {', '.join(absent)}" if absent else f"the label {REPOSITORY_LABEL}"
        return StepStatus("wanted", f"{ref} lacks {lacks}", describe)
    return StepStatus("holds", f"Argo CD has its credential ({ref}), synced from the store")

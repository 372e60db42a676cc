"""Create Argo CD's credential from the store in Argo CD's cluster, then wait for it.

Argo CD cannot sync the credential that it needs to read the repository. Values are never read: the
metadata tells which keys the Secret has. Source: facts on Argo CD (Repo credentials).
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
    """Return whether Argo CD's credential comes from the store."""
    return bool(target.answers.delivery.readers(target.release))


def build_store_credential_steps(target: Target) -> tuple[Step, ...]:
    """Return the step for account, store and ExternalSecret, and the wait for the Secret."""
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
        """Block if the repository has a different credential already: Argo CD uses only one."""
        if kube is None:
            return await look()
        own = _name(target)
        conflict = await run_in_thread(
            lambda: credential.find_other_credential(kube, argo.namespace, argo.repo_url, own)
        )
        return conflict or await look()

    ready = build_wait(
        target.argocd,
        CREDENTIAL_WAIT,
        WAIT_FOR_SECRETS,
        lambda kube: _check_credential(kube, target),
    )
    return (replace(put, check=check), ready)


def credential_manifests(target: Target) -> list[CommittedManifest]:
    """Return the objects that `apply` creates in Argo CD's namespace, in order."""
    namespace, found = argocd_answers(target.answers.delivery).namespace, []
    for part in CREDENTIAL_PARTS:
        logical = f"{CREDENTIAL_PREFIX}{part}"
        if logical not in target.files:
            raise WizardError(f"{logical} is not committed", "run airflow-wizard commit")
        path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
        found.append(CommittedManifest(path, target.text(logical), (_KINDS[part],), namespace))
    return found


def _external_secret(target: Target) -> dict[str, Any]:
    logical = f"{CREDENTIAL_PREFIX}secret"
    return read_mapping(target.text(logical), logical)


def _name(target: Target) -> str:
    """Return the name of the Secret that the committed ExternalSecret creates."""
    return str(_external_secret(target)["spec"]["target"]["name"])


def _check_credential(kube: Kube, target: Target) -> StepStatus:
    """Check that the ExternalSecret is synced, and that Argo CD recognises the Secret."""
    wanted = _external_secret(target)
    ref = Ref.from_manifest(wanted)
    found = kube.get(ref)
    if found is None:
        return StepStatus("wanted", f"{ref} does not exist yet", Fix("see the previous step"))
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


def _check_secret(kube: Kube, namespace: str, spec: dict[str, Any]) -> StepStatus:
    ref = Ref("v1", "Secret", str(spec["name"]), namespace)
    try:
        about = kube.get(ref, metadata=True)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus("unknown", f"its ExternalSecret is synced; no permission to read {ref}")
    describe = Fix(f"kubectl -n {namespace} describe externalsecret {ref.name}")
    if about is None:
        return StepStatus("wanted", f"{ref} does not exist", describe)
    label = (about["metadata"].get("labels") or {}).get(REPOSITORY_LABEL)
    keys = sorted(set(spec["template"]["data"]) - data_keys(about))
    if label != "repository" or keys:
        missing = f"the keys {', '.join(keys)}" if keys else f"the label {REPOSITORY_LABEL}"
        return StepStatus("wanted", f"{ref} is missing {missing}", describe)
    return StepStatus("holds", f"Argo CD has its credential ({ref}) from the store")

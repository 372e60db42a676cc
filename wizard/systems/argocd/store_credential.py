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
from wizard.engine.actions import Action, Look
from wizard.engine.probes import in_thread
from wizard.errors import WizardError
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.argocd import REPOSITORY_LABEL
from wizard.manifests.store_readers import CREDENTIAL, CREDENTIAL_TITLE, CREDENTIAL_WAIT, PARTS
from wizard.systems.argocd import credential
from wizard.systems.cluster import external_secrets
from wizard.systems.cluster.conditions import waiting
from wizard.systems.cluster.objects import Source, manifests_action
from wizard.systems.cluster.waits import SECRETS_SECONDS, wait

if TYPE_CHECKING:
    from wizard.systems.target import Target

_KINDS = {"account": "ServiceAccount", "store": "SecretStore", "secret": "ExternalSecret"}


def used(target: Target) -> bool:
    """Whether Argo CD's credential comes from the store."""
    return bool(target.answers.delivery.readers(target.release))


def actions(target: Target) -> tuple[Action, ...]:
    """Its account, store and ExternalSecret, and the wait for the Secret that comes of them."""
    argo = target.answers.delivery.argocd
    put = manifests_action(
        target,
        "argocd.credential",
        CREDENTIAL_TITLE,
        "platform",
        target.argocd,
        sources(target),
        needs=external_secrets.NEEDS,
    )
    look, kube = put.check, target.argocd

    async def check() -> Look:
        """A credential of somebody else for the same repository would be overruled, or overrule."""
        if kube is None:
            return await look()
        own = _name(target)
        theirs = await in_thread(
            lambda: credential.another(kube, argo.namespace, argo.repo_url, own)
        )
        return theirs or await look()

    ready = wait(
        target.argocd,
        "argocd.repository",
        CREDENTIAL_WAIT,
        SECRETS_SECONDS,
        lambda kube: _ready(kube, target),
    )
    return (replace(put, check=check), ready)


def sources(target: Target) -> list[Source]:
    """What `apply` puts into Argo CD's namespace for it, in this order."""
    namespace, found = target.answers.delivery.argocd.namespace, []
    for part in PARTS:
        logical = f"{CREDENTIAL}{part}"
        if logical not in target.files:
            raise WizardError(f"{logical} is not committed", "airflow-wizard commit writes it")
        path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
        found.append(Source(path, target.text(logical), (_KINDS[part],), namespace))
    return found


def _external_secret(target: Target) -> dict[str, Any]:
    logical = f"{CREDENTIAL}secret"
    return read_mapping(target.text(logical), logical)


def _name(target: Target) -> str:
    """The Secret that the committed ExternalSecret makes."""
    return str(_external_secret(target)["spec"]["target"]["name"])


def _ready(kube: Kube, target: Target) -> Look:
    """Whether the ExternalSecret is synced, and the Secret is one that Argo CD takes."""
    wanted = _external_secret(target)
    ref = Ref.of(wanted)
    found = kube.get(ref)
    if found is None:
        return Look("wanted", f"{ref} is not there yet", "see the step before")
    if not external_secrets.synced(found):
        store = Ref.of(read_mapping(target.text(f"{CREDENTIAL}store"), f"{CREDENTIAL}store"))
        why = external_secrets.trouble_of(kube, store)
        if why is not None:
            return waiting(
                "", why, f"kubectl -n {store.namespace} describe secretstore {store.name}"
            )
        return external_secrets.not_synced(kube, ref.namespace, ref.name, found)
    return _taken(kube, ref.namespace, wanted["spec"]["target"])


def _taken(kube: Kube, namespace: str, made: dict[str, Any]) -> Look:
    ref = Ref("v1", "Secret", str(made["name"]), namespace)
    try:
        about = kube.get(ref, metadata=True)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return Look("unknown", f"its ExternalSecret is synced; {ref} may not be read")
    describe = f"kubectl -n {namespace} describe externalsecret {ref.name}"
    if about is None:
        return Look("wanted", f"{ref} is not there", describe)
    label = (about["metadata"].get("labels") or {}).get(REPOSITORY_LABEL)
    absent = sorted(set(made["template"]["data"]) - data_keys(about))
    if label != "repository" or absent:
        lacks = f"the keys {', '.join(absent)}" if absent else f"the label {REPOSITORY_LABEL}"
        return Look("wanted", f"{ref} lacks {lacks}", describe)
    return Look("holds", f"Argo CD has its credential ({ref}), synced from the store")

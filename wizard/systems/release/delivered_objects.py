"""What was delivered into the cluster: ExternalSecrets first, then what Argo CD did not take along.

The operator takes its finalizer off an ExternalSecret only while it can work, so they go while
store, ServiceAccount and operator stand (facts on External Secrets, life cycle).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref
from wizard.clients.vault.transport import VaultError
from wizard.engine.actions import Action, Look
from wizard.formats.terminal import visible
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import another
from wizard.systems.argocd.application import names
from wizard.systems.argocd.application_removal import TRACKING, require_gone, tracked_by
from wizard.systems.cluster.conditions import condition
from wizard.systems.cluster.external_secrets import external_secrets
from wizard.systems.cluster.object_removal import Removal, looked_action, removal_action, standing
from wizard.systems.cluster.ownership import labelled
from wizard.systems.vault.session import Session

if TYPE_CHECKING:
    from wizard.systems.target import Target

SECRETS_SECONDS, OBJECTS_SECONDS = 180.0, 300.0
_RBAC = "rbac.authorization.k8s.io/v1"
# What the chart renders into its namespace, data apart; pods go with what started them.
KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "Service"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    (_RBAC, "RoleBinding"),
    (_RBAC, "Role"),
    ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"),
)


def secrets(target: Target) -> Action:
    """The ExternalSecrets; the Secrets that they own go with them."""
    found = secret_refs(target)
    return removal_action(
        "destroy.external-secrets",
        f"Remove {len(found)} ExternalSecrets; their Secrets go with them",
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, none="no ExternalSecret of it is there"),
        left=f"kubectl -n {target.release.namespace} delete externalsecret "
        + " ".join(ref.name for ref in found),
        patience=SECRETS_SECONDS,
    )


def secret_refs(target: Target) -> list[Ref]:
    """The committed ExternalSecrets."""
    return [Ref.of(manifest) for manifest in external_secrets(target).values()]


def copies(target: Target, session: Session) -> Action:
    """Whether the values live on in the store, before their copies in the cluster go."""
    work = _Copies(target, session)
    return looked_action(
        "destroy.copies",
        f"See that {session.store.mount}/{session.store.path} holds what the Secrets are made of",
        target.kube,
        work.look,
        None,
        left=f"vault kv metadata get -mount={session.store.mount} {session.store.path}",
    )


class _Copies:
    def __init__(self, target: Target, session: Session) -> None:
        self._target = target
        self._session = session
        self._where = f"{session.store.mount}/{session.store.path}"

    def look(self, kube: Kube) -> Look:
        """Whether nothing is lost with the Secrets."""
        found = [one for ref in secret_refs(self._target) if (one := standing(kube, ref))]
        if not found:
            return Look("holds", "no Secret in the cluster is made from it any more")
        try:
            stored = self._stored()
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            self._session.require_alive()
            return self._served(found)
        if stored is None:
            return self._served(found)
        if lacking := sorted(self._read() - stored):
            return self._last(f"lacks {', '.join(lacking)}" if stored else "is not there")
        return Look("holds", f"{self._where} holds them")

    def _read(self) -> set[str]:
        """The keys that the committed ExternalSecrets read there."""
        path = self._session.store.path
        return {
            visible(str(one["remoteRef"].get("property")))
            for manifest in external_secrets(self._target).values()
            for one in manifest["spec"].get("data") or []
            if one["remoteRef"]["key"] == path
        }

    def _stored(self) -> set[str] | None:
        """The keys that stand there; None where nobody is logged in to see them."""
        if self._target.vault is None:
            return None
        store = self._session.store
        held = self._session.patiently(lambda: self._session.vault.read(store.mount, store.path))
        return set() if held is None or held.deleted else set(held.data)

    def _served(self, found: list[Manifest]) -> Look:
        """What cannot be read is proven by its effect: the operator has read it."""
        ready = [condition(one, "Ready").get("status") == "True" for one in found]
        if all(ready):
            return Look("holds", f"all {len(found)} ExternalSecrets are served from it")
        return self._last("may not be read, and not every ExternalSecret is served from it")

    def _last(self, why: str) -> Look:
        return Look(
            "blocked",
            f"{self._where} {why}: the Secrets in the cluster may be the last copy of the Fernet "
            "key and the passwords",
            "log in to Vault so that it is seen, or put it back; or, if they may be lost, name it: "
            "--data payload",
        )


def objects(target: Target) -> Action:
    """What Argo CD has delivered and not taken along, such as after an undo."""
    namespace, release = target.release.namespace, target.release.names.release
    selector = f"release={release},tier=airflow"

    def removal(kube: Kube) -> Removal:
        return Removal(
            kube,
            lambda: _delivered(kube, target),
            lambda one, ref: _of_another(target, one, ref),
            none="nothing that was delivered is left",
            before=lambda: require_gone(target),
        )

    return removal_action(
        "destroy.objects",
        f"Remove what is left of release {release} in {namespace}, volumes apart",
        "platform",
        target.kube,
        removal,
        left=f"kubectl -n {namespace} delete deployment,statefulset,job,cronjob,service,configmap "
        f"-l {selector}",
        patience=OBJECTS_SECONDS,
    )


def _delivered(kube: Kube, target: Target) -> list[Ref]:
    """Workloads and the like that Argo CD says are ours, then our committed manifests."""
    found = [
        Ref(api, kind, one["metadata"]["name"], target.release.namespace)
        for api, kind in KINDS
        for one in listed(kube, api, kind, target.release.namespace)
        if is_delivered(one, target)
    ]
    for logical, text in target.under("secrets/").items():
        manifest = read_mapping(text, logical)
        ref = Ref.of(manifest)
        if manifest.get("kind") == "ExternalSecret" or ref in found:
            continue
        one = standing(kube, ref)
        own = target.release.source
        if one is not None and (another(one, own) or labelled(one, ref, own) is None):
            found.append(ref)
    return found


def _of_another(target: Target, found: Manifest, ref: Ref) -> Look | None:
    other = another(found, target.release.source)
    return Look("kept", f"{ref} belongs to {visible(other)}; it is left") if other else None


def is_delivered(found: Manifest, target: Target) -> bool:
    """Whether Argo CD tracks an object as one of this installation's Applications'."""
    about = found["metadata"]
    if tracked_by(found) not in names(target):
        return False
    own = (about.get("labels") or {}).get("release") == target.release.names.release
    # A label alone is what any chart may put on its objects.
    return own or TRACKING in (about.get("annotations") or {})


def listed(kube: Kube, api: str, kind: str, namespace: str) -> list[Manifest]:
    """Metadata of all objects of a kind; none where the cluster does not serve it."""
    try:
        return kube.find(api, kind, namespace, metadata=True)
    except KubeError as error:
        if error.kind == "missing":
            return []
        raise


def shown(refs: list[Ref], most: int = 3) -> str:
    """Some of these, by kind and name."""
    more = f" and {len(refs) - most} more" if len(refs) > most else ""
    return ", ".join(f"{ref.kind} {visible(ref.name)}" for ref in refs[:most]) + more

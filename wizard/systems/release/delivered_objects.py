"""What was delivered into the cluster: ExternalSecrets first, then what Argo CD did not take along.

The operator takes its finalizer off an ExternalSecret only while it can work, so they go while
store, ServiceAccount and operator stand (facts on External Secrets, life cycle).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import describe_other_owner
from wizard.systems.argocd.application import application_names
from wizard.systems.argocd.application_removal import (
    TRACKING,
    find_tracking_application,
    require_gone,
)
from wizard.systems.cluster.conditions import condition
from wizard.systems.cluster.external_secrets import read_external_secrets
from wizard.systems.cluster.object_removal import (
    WAIT_FOR_SECRET_REMOVAL,
    Removal,
    build_cluster_step,
    build_removal_step,
    read_object,
)
from wizard.systems.cluster.ownership import check_label

if TYPE_CHECKING:
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import Target

OBJECTS_SECONDS = 300.0
_RBAC = "rbac.authorization.k8s.io/v1"
# What the chart renders into its namespace, data apart; pods go with what started them.
DELIVERED_KINDS = (
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


def build_secrets_removal(target: Target) -> Step:
    """The ExternalSecrets; the Secrets that they own go with them."""
    found = external_secret_refs(target)
    return build_removal_step(
        "destroy.external-secrets",
        f"Remove {len(found)} ExternalSecrets; their Secrets go with them",
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, none="no ExternalSecret of it is there"),
        left=f"kubectl -n {target.release.namespace} delete externalsecret "
        + " ".join(ref.name for ref in found),
        patience=WAIT_FOR_SECRET_REMOVAL,
    )


def external_secret_refs(target: Target) -> list[Ref]:
    """The committed ExternalSecrets."""
    return [Ref.from_manifest(manifest) for manifest in read_external_secrets(target).values()]


def build_copies_check(target: Target, session: StoreLogin) -> Step:
    """Whether the values live on in the store, before their copies in the cluster go."""
    work = _CopiesCheck(target, session)
    return build_cluster_step(
        "destroy.copies",
        f"See that {session.place} holds what the Secrets are made of",
        target.kube,
        work.look,
        None,
        left=session.inspect_command,
    )


class _CopiesCheck:
    def __init__(self, target: Target, session: StoreLogin) -> None:
        self._target = target
        self._session = session
        self._where = session.place

    def look(self, kube: Kube) -> StepStatus:
        """Whether nothing is lost with the Secrets."""
        found = [
            one for ref in external_secret_refs(self._target) if (one := read_object(kube, ref))
        ]
        if not found:
            return StepStatus("holds", "no Secret in the cluster is made from it any more")
        stored = self._session.stored_keys()
        if stored is None:
            return self._check_served(found)
        if lacking := sorted(self._list_read_keys() - stored):
            return self._last_copy_status(
                f"lacks {', '.join(lacking)}" if stored else "is not there"
            )
        return StepStatus("holds", f"{self._where} holds them")

    def _list_read_keys(self) -> set[str]:
        """The keys that the committed ExternalSecrets read there."""
        path = self._session.path
        return {
            escape_unprintable(str(one["remoteRef"].get("property")))
            for manifest in read_external_secrets(self._target).values()
            for one in manifest["spec"].get("data") or []
            if one["remoteRef"]["key"] == path
        }

    def _check_served(self, found: list[KubeObject]) -> StepStatus:
        """What cannot be read is proven by its effect: the operator has read it."""
        ready = [condition(one, "Ready").get("status") == "True" for one in found]
        if all(ready):
            return StepStatus("holds", f"all {len(found)} ExternalSecrets are served from it")
        return self._last_copy_status(
            "may not be read, and not every ExternalSecret is served from it"
        )

    def _last_copy_status(self, why: str) -> StepStatus:
        return StepStatus(
            "blocked",
            f"{self._where} {why}: the Secrets in the cluster may be the last copy of the Fernet "
            "key and the passwords",
            Fix(
                "log in to Vault so that it is seen, or put it back; or, if they may be lost, name "
                "it: --data payload"
            ),
        )


def build_objects_removal(target: Target) -> Step:
    """What Argo CD has delivered and not taken along, such as after an undo."""
    namespace, release = target.release.namespace, target.release.names.release
    selector = f"release={release},tier=airflow"

    def removal(kube: Kube) -> Removal:
        return Removal(
            kube,
            lambda: _find_delivered(kube, target),
            lambda one, ref: _check_owner(target, one, ref),
            none="nothing that was delivered is left",
            before=lambda: require_gone(target),
        )

    return build_removal_step(
        "destroy.objects",
        f"Remove what is left of release {release} in {namespace}, volumes apart",
        "platform",
        target.kube,
        removal,
        left=f"kubectl -n {namespace} delete deployment,statefulset,job,cronjob,service,configmap "
        f"-l {selector}",
        patience=OBJECTS_SECONDS,
    )


def _find_delivered(kube: Kube, target: Target) -> list[Ref]:
    """Workloads and the like that Argo CD says are ours, then our committed manifests."""
    found = [
        Ref(api, kind, one["metadata"]["name"], target.release.namespace)
        for api, kind in DELIVERED_KINDS
        for one in list_metadata(kube, api, kind, target.release.namespace)
        if is_delivered(one, target)
    ]
    for logical, text in target.files_under("secrets/").items():
        manifest = read_mapping(text, logical)
        ref = Ref.from_manifest(manifest)
        if manifest.get("kind") == "ExternalSecret" or ref in found:
            continue
        one = read_object(kube, ref)
        own = target.release.owner_id
        if one is not None and (
            describe_other_owner(one, own) or check_label(one, ref, own) is None
        ):
            found.append(ref)
    return found


def _check_owner(target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    other = describe_other_owner(found, target.release.owner_id)
    return (
        StepStatus("kept", f"{ref} belongs to {escape_unprintable(other)}; it is left")
        if other
        else None
    )


def is_delivered(found: KubeObject, target: Target) -> bool:
    """Whether Argo CD tracks an object as one of this installation's Applications'."""
    about = found["metadata"]
    if find_tracking_application(found) not in application_names(target):
        return False
    own = (about.get("labels") or {}).get("release") == target.release.names.release
    # A label alone is what any chart may put on its objects.
    return own or TRACKING in (about.get("annotations") or {})


def list_metadata(kube: Kube, api: str, kind: str, namespace: str) -> list[KubeObject]:
    """Metadata of all objects of a kind; none where the cluster does not serve it."""
    try:
        return kube.find(api, kind, namespace, metadata=True)
    except KubeError as error:
        if error.kind == "missing":
            return []
        raise


def format_refs(refs: list[Ref], most: int = 3) -> str:
    """Some of these, by kind and name."""
    more = f" and {len(refs) - most} more" if len(refs) > most else ""
    return ", ".join(f"{ref.kind} {escape_unprintable(ref.name)}" for ref in refs[:most]) + more

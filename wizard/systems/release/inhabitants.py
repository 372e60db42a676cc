"""The objects in a namespace, and which of them do not belong to this release.

Kinds come from the API server's discovery, as when the cluster deletes a namespace, so custom
resources of any operator are included. An owned object counts as known only if its owners are
known, because pods and volumes of other operators have owners too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.manifests.ownership import Ownership, read_source
from wizard.plan.render import render
from wizard.systems.argocd.tracking import judge_delivered
from wizard.systems.cluster.dependents import DATA_KINDS, is_made_for
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.release.claims import is_rendered_by_helm, judge_by_installer, judge_claim
from wizard.systems.release.delivered_objects import list_metadata

if TYPE_CHECKING:
    from wizard.systems.target import Target

# Objects that every namespace has.
_ALWAYS = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
# Events about other objects expire by themselves.
_EVENTS = {("v1", "Event"), ("events.k8s.io/v1", "Event")}


class NamespaceContents:
    """All objects of the target's namespace, by their metadata; may raise KubeError."""

    def __init__(self, kube: Kube, target: Target) -> None:
        self._kube = kube
        self._target = target
        self._namespace = target.release.namespace
        self._kinds = kube.list_namespaced_kinds()
        self._found: dict[str, tuple[Ref, KubeObject]] = {}
        for api, kind in self._kinds:
            if (api, kind) in _EVENTS:
                continue
            for one in list_metadata(kube, api, kind, self._namespace):
                about = one["metadata"]
                self._found[str(about["uid"])] = (
                    Ref(api, kind, about["name"], self._namespace),
                    one,
                )
        self._named = {(ref.kind, ref.name): uid for uid, (ref, _) in self._found.items()}

    def list_foreign(self) -> list[Ref]:
        """Return the objects that do not belong to this installation; owners come first."""
        found = [uid for uid in self._found if not self._is_known(uid, frozenset())]
        found.sort(key=lambda uid: bool(self._found[uid][1]["metadata"].get("ownerReferences")))
        return [self._found[uid][0] for uid in found]

    def list_kind(self, kind: str) -> list[Ref]:
        """Return all objects of a kind."""
        return [ref for ref, _ in self._found.values() if ref.kind == kind]

    def list_earlier_values(self) -> list[Ref]:
        """Return our Secrets that the present store does not make, from its own values.

        An earlier store or release left them, and their values may exist nowhere else.
        """
        made = {one.name for one in render(self._target.answers).total.secrets}
        return [
            ref
            for ref, found in self._found.values()
            if ref.kind == "Secret"
            and ref.name not in made
            and not found["metadata"].get("ownerReferences")
            and read_source(found) == self._target.release.owner_id != ""
        ]

    def _is_known(self, uid: str, below: frozenset[str]) -> bool:
        ref, found = self._found[uid]
        about = found["metadata"]
        if (ref.kind, ref.name) in _ALWAYS or about.get("deletionTimestamp"):
            return True
        if self._is_own(found, ref):
            return True
        if ref.kind == "Endpoints":
            service = self._named.get(("Service", ref.name))
            return service is not None and self._is_known(service, below)
        owners = about.get("ownerReferences") or []
        if (ref.api_version, ref.kind) in DATA_KINDS and any(
            self._has_copied_owner(ref, one) for one in owners
        ):
            return False
        seen = below | {uid}
        return bool(owners) and all(self._is_owner_known(one, seen) for one in owners)

    def _has_copied_owner(self, ref: Ref, owner: Mapping[str, Any]) -> bool:
        """Return whether an object names an owner of ours that no controller makes it for."""
        known = self._found.get(str(owner.get("uid")))
        if known is None or not self._is_own(known[1], known[0]):
            return False
        found = read_object(self._kube, known[0])
        return found is not None and not is_made_for(ref, found)

    def _is_own(self, found: KubeObject, ref: Ref) -> bool:
        return self._judge(found, ref).is_ours

    def _judge(self, found: KubeObject, ref: Ref) -> Ownership:
        if ref.kind == "PersistentVolumeClaim":
            return judge_claim(self._target, self._kube, found)
        labels = found["metadata"].get("labels") or {}
        task = (labels.get("release"), labels.get("tier"), labels.get("kubernetes_executor")) == (
            self._target.release.names.release, "airflow", "True",
        )  # fmt: skip
        # Airflow itself starts the pods of its tasks; nothing owns them.
        if (ref.kind == "Pod" and task) or is_rendered_by_helm(found, self._target):
            return judge_by_installer(self._target, self._kube)
        return judge_delivered(self._target, found, ref)

    def _is_owner_known(self, owner: Mapping[str, Any], below: frozenset[str]) -> bool:
        """Return whether an owner is known or gone; the cluster deletes dependents of gone ones."""
        uid = str(owner.get("uid"))
        if uid in below:
            return False
        if uid in self._found:
            return self._is_known(uid, below)
        api, kind = str(owner.get("apiVersion")), str(owner.get("kind"))
        group = api.rpartition("/")[0]
        if not any(kind == name and one.rpartition("/")[0] == group for one, name in self._kinds):
            return False
        ref = Ref(api, kind, str(owner.get("name")), self._namespace)
        existing = self._kube.get(ref, metadata=True)
        return existing is None or str(existing["metadata"]["uid"]) != uid

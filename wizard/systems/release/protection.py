"""Protection of data before Argo CD deletes an Application with everything that it delivered.

Argo CD deletes each object that it manages for the Application, whatever it holds: what the chart
or the kustomization renders, and what only has its mark. It keeps objects with `Delete=false`, and
it never deletes CRDs. Its own list, the Application's status, is therefore read beforehand, and the
namespace is searched for its mark, because the list may be old. Kinds without data are left to it,
and the quota, limits and priority classes that the chart renders with the committed values. Every
other object is kept unless `--data` asks for it.
Source: Argo CD, controller/appcontroller.go (shouldBeDeleted, getPermittedAppLiveObjects).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.cloudnativepg import DATA_KINDS as DATABASE_KINDS
from wizard.manifests.ownership import read_source
from wizard.systems.argocd.application_removal import split_applications
from wizard.systems.argocd.cascade import update_object
from wizard.systems.argocd.tracking import (
    TRACKING,
    is_marked,
    judge_delivered,
    list_resources,
    names_object,
)
from wizard.systems.cluster.object_removal import build_cluster_step, merge_statuses, read_object
from wizard.systems.cluster.ownership import refuse_removal
from wizard.systems.cluster.source import judge_object
from wizard.systems.release.claims import CLAIM, judge_claim
from wizard.systems.release.delivered_objects import (
    DELIVERED_KINDS,
    find_limiting_objects,
    format_refs,
    list_metadata,
)

if TYPE_CHECKING:
    from wizard.systems.target import DataKind, Target

_NAMESPACE = ("v1", "Namespace")
_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
_KEEP = "Delete=false"
# Kinds without data of their own, as group and kind; a Secret or an unknown kind may hold data.
_WITHOUT_DATA = {(api.rpartition("/")[0], kind) for api, kind in DELIVERED_KINDS} | {
    ("", "Pod"),
    ("", "Endpoints"),
    ("apps", "ReplicaSet"),
    ("apps", "DaemonSet"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("gateway.networking.k8s.io", "GRPCRoute"),
    ("keda.sh", "ScaledObject"),
    ("keda.sh", "TriggerAuthentication"),
    ("monitoring.coreos.com", "ServiceMonitor"),
    ("monitoring.coreos.com", "PodMonitor"),
    ("monitoring.coreos.com", "PrometheusRule"),
    ("argoproj.io", "Application"),
    # Argo CD never deletes it.
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
}


def build_keep_step(target: Target, pieces: Collection[DataKind]) -> Step:
    """Return the step that protects data before Argo CD deletes its objects."""
    work = _KeepStep(target, pieces)
    return build_cluster_step(
        "destroy.keep",
        "Protect data and the namespace from deletion by Argo CD",
        target.kube,
        work.look,
        work.change,
        left="kubectl annotate pvc NAME argocd.argoproj.io/sync-options=Delete=false",
    )


class _KeepStep:
    def __init__(self, target: Target, pieces: Collection[DataKind]) -> None:
        self._target = target
        self._pieces = pieces
        self._namespace = target.release.namespace

    @cached_property
    def _limiting(self) -> frozenset[tuple[str, str, str]]:
        return find_limiting_objects(self._target)

    def look(self, kube: Kube) -> StepStatus:
        """Check that nothing but what `--data` names would be deleted with the Applications."""
        applications = self._read_applications()
        if not applications:
            return StepStatus("holds", "Argo CD has no Application of this installation")
        try:
            owned = [] if "volumes" in self._pieces else self._find_owned_claims(kube, applications)
            bare = self._find_unprotected(kube, applications)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus(
                "blocked",
                f"cannot tell whether volumes or other data would be deleted: {error.message}",
                Fix(
                    "ask for the right to list persistentvolumeclaims there and to read what the "
                    "Applications manage; or, to delete the volumes too, add --data volumes"
                ),
            )
        if owned:
            return StepStatus(
                "blocked",
                f"{', '.join(owned)} would be deleted with their owner",
                Fix(
                    "set persistentVolumeClaimRetentionPolicy: Retain in the values first; or, to "
                    "delete them too, add --data volumes"
                ),
            )
        if foreign := self._list_foreign(bare):
            return merge_statuses(foreign, "")
        if bare:
            found = format_refs([ref for ref, _ in bare], most=20)
            return StepStatus("wanted", f"Argo CD would delete {found}")
        return StepStatus("holds", "Argo CD deletes none of them")

    def _read_applications(self) -> list[KubeObject]:
        """Return the Applications that are deleted with their objects."""
        argocd, (_, children) = self._target.argocd, split_applications(self._target)
        if argocd is None:
            return []
        return [one for ref in children if (one := read_object(argocd, ref)) is not None]

    def _find_owned_claims(self, kube: Kube, applications: list[KubeObject]) -> list[str]:
        """Return the claims that the cluster deletes with an object that Argo CD deletes."""
        going = {
            (one.get("kind"), one.get("name"))
            for application in applications
            for one in list_resources(application)
        } - self._list_kept_owners(kube)
        marked = {
            str(one["metadata"]["uid"])
            for one in list_metadata(kube, "apps/v1", "StatefulSet", self._namespace)
            if is_marked(one, self._target)
        }
        found = []
        for one in list_metadata(kube, *CLAIM, self._namespace):
            labels = one["metadata"].get("labels") or {}
            owners = one["metadata"].get("ownerReferences") or []
            if any(
                labels.get("release") == self._target.release.names.release
                or is_marked(one, self._target)
                or owner.get("uid") in marked
                or (owner.get("kind"), owner.get("name")) in going
                for owner in owners
            ):
                found.append(f"PersistentVolumeClaim {escape_unprintable(one['metadata']['name'])}")
        return found

    def _list_kept_owners(self, kube: Kube) -> set[tuple[Any, Any]]:
        """Return kind and name of the databases that Argo CD keeps: their claims stay, too."""
        found = [ref for ref in self._list_committed() if _is_database(ref)]
        live = ((ref, read_object(kube, ref, metadata=True)) for ref in found)
        return {(ref.kind, ref.name) for ref, one in live if one is not None and _is_protected(one)}

    def _find_unprotected(
        self, kube: Kube, applications: list[KubeObject]
    ) -> list[tuple[Ref, KubeObject]]:
        """Return the objects that Argo CD would delete although nobody asked for it."""
        found = {}
        for ref in self._list_candidates(kube, applications):
            one = read_object(kube, ref, metadata=True)
            if one is None or _is_protected(one) or one["metadata"].get("deletionTimestamp"):
                continue
            if not self._may_go(kube, ref, one):
                found[str(one["metadata"]["uid"])] = (ref, one)
        for ref in self._list_committed():
            one = read_object(kube, ref, metadata=True)
            # One of others has this name by now, and may still have our mark.
            if one is not None and is_marked(one, self._target) and self._is_foreign(one):
                found[str(one["metadata"]["uid"])] = (ref, one)
        return list(found.values())

    def _is_foreign(self, found: KubeObject) -> bool:
        return judge_object(found, self._target.release.owner_id).is_proven_foreign

    def _list_candidates(self, kube: Kube, applications: list[KubeObject]) -> Iterator[Ref]:
        """Yield what Argo CD lists, and whatever in the namespace has its mark.

        The list may be older than an object that Argo CD deletes all the same.
        """
        own = {
            (_group(ref), ref.kind, ref.namespace, ref.name)
            for ref in self._list_committed()
            if ref.kind not in {"Namespace", "PersistentVolumeClaim"} and not _is_database(ref)
        }
        for ref in self._list_managed(applications):
            if (_group(ref), ref.kind, ref.namespace, ref.name) not in own:
                yield ref
        for ref in self._list_marked(kube):
            if (_group(ref), ref.kind, ref.namespace, ref.name) not in own:
                yield ref
        for one in self._list_namespaces(kube):
            if is_marked(one, self._target):
                yield Ref(*_NAMESPACE, one["metadata"]["name"])

    def _list_managed(self, applications: list[KubeObject]) -> Iterator[Ref]:
        """Yield the objects that Argo CD manages for the Applications and that may hold data."""
        for application in applications:
            for one in list_resources(application):
                group, kind = str(one.get("group") or ""), str(one.get("kind") or "")
                name, version = str(one.get("name")), str(one.get("version") or "v1")
                if self._is_without_data(group, kind, name) and not one.get("requiresPruning"):
                    continue
                api = "/".join(filter(None, (group, version)))
                yield Ref(api, kind, name, str(one.get("namespace") or ""))

    def _is_without_data(self, group: str, kind: str, name: str) -> bool:
        return (group, kind) in _WITHOUT_DATA or (group, kind, name) in self._limiting

    def _list_namespaces(self, kube: Kube) -> list[KubeObject]:
        """Return all namespaces, as Argo CD would delete a copy of ours with everything in it.

        Without the right to list them, only that of the installation.
        """
        try:
            return kube.find(*_NAMESPACE, metadata=True)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
        own = kube.get(Ref(*_NAMESPACE, self._namespace), metadata=True)
        return [] if own is None else [own]

    def _list_marked(self, kube: Kube) -> Iterator[Ref]:
        """Yield the objects with our mark, of the kinds that this login may list, claims first.

        Argo CD leaves objects with an owner to the cluster, and an id that names another object.
        Endpoints go with their Service, whose labels they have.
        """
        apart = {CLAIM, ("v1", "Endpoints")}
        for api, kind in (
            CLAIM,
            *(one for one in kube.list_namespaced_kinds() if one not in apart),
        ):
            try:
                found = list_metadata(kube, api, kind, self._namespace)
            except KubeError as error:
                # What is in the Application's list is protected without this right.
                if error.kind != "forbidden" or (api, kind) == CLAIM:
                    raise
                continue
            for one in found:
                ref = Ref(api, kind, one["metadata"]["name"], self._namespace)
                is_claim = (api, kind) == CLAIM
                if is_marked(one, self._target) and (is_claim or _may_be_deleted(one, ref)):
                    yield ref

    def _list_committed(self) -> list[Ref]:
        """Return the objects of the committed files, which Git can restore."""
        return [
            Ref.from_manifest(read_mapping(text, logical))
            for logical, text in self._target.files_under("secrets/").items()
        ]

    def _may_go(self, kube: Kube, ref: Ref, found: KubeObject) -> bool:
        """Return whether Argo CD may delete an object; the namespace has a step of its own."""
        if ref.kind == CLAIM[1] and not _group(ref):
            ours = ref.namespace == self._namespace and judge_claim(self._target, kube, found)
            return "volumes" in self._pieces and bool(ours and ours.is_ours)
        # An object that no source renders any more may have the mark by accident.
        is_plain = self._is_without_data(_group(ref), ref.kind, ref.name)
        return is_plain and judge_delivered(self._target, found, ref).is_ours

    def _list_foreign(self, found: list[tuple[Ref, KubeObject]]) -> list[StepStatus]:
        """Return why objects that name another source must not be annotated."""
        refusals = [
            refuse_removal(judge_object(one, self._target.release.owner_id), one, ref)
            for ref, one in found
            if read_source(one)
        ]
        return [one for one in refusals if one is not None]

    def change(self, kube: Kube) -> str:
        """Annotate the objects, so that Argo CD does not delete them.

        Raises ConflictError when one of them belongs to another installation.
        """
        found = self._find_unprotected(kube, self._read_applications())
        for refusal in self._list_foreign(found):
            raise ConflictError(refusal.detail, refusal.fix)
        for ref, one in found:
            update_object(kube, ref, _protect, uid=one["metadata"]["uid"])
        refs = [ref for ref, _ in found]
        return f"kept from deletion with {_KEEP}: {format_refs(refs, most=20)}"


def _may_be_deleted(found: KubeObject, ref: Ref) -> bool:
    """Return whether Argo CD deletes a marked object itself."""
    about = found["metadata"]
    has_id = TRACKING in (about.get("annotations") or {})
    return not about.get("ownerReferences") and (not has_id or names_object(found, ref))


def _is_database(ref: Ref) -> bool:
    return (ref.api_version, ref.kind) in DATABASE_KINDS


def _group(ref: Ref) -> str:
    return ref.api_version.rpartition("/")[0]


def _options(found: KubeObject) -> list[str]:
    text = str((found["metadata"].get("annotations") or {}).get(_SYNC_OPTIONS) or "")
    return [one.strip() for one in text.split(",") if one.strip()]


def _is_protected(found: KubeObject) -> bool:
    return _KEEP in _options(found)


def _protect(found: KubeObject) -> KubeObject:
    own = [one for one in _options(found) if not one.startswith("Delete=")]
    notes = {**(found["metadata"].get("annotations") or {}), _SYNC_OPTIONS: ",".join([*own, _KEEP])}
    return {**found, "metadata": {**found["metadata"], "annotations": notes}}

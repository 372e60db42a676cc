"""Steps that delete the delivered objects: ExternalSecrets first, then objects that Argo CD left.

The operator removes its finalizer from an ExternalSecret only while the operator works, so the
ExternalSecrets are deleted while store, ServiceAccount and operator still exist (facts on External
Secrets, life cycle).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from wizard.chart.kinds import LIMITING_KINDS, list_limiting_objects, list_special_kinds
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.cloudnativepg import DATA_KINDS as DATABASE_KINDS
from wizard.manifests.ownership import read_source
from wizard.secrets.payload import DOCUMENT_KEY, place_name
from wizard.systems.argocd.application_removal import require_gone
from wizard.systems.argocd.tracking import is_tracked, judge_delivered
from wizard.systems.cluster.external_secrets import (
    FRESH_MINUTES,
    is_just_synced,
    read_external_secrets,
)
from wizard.systems.cluster.object_removal import (
    WAIT_FOR_SECRET_REMOVAL,
    Removal,
    build_cluster_step,
    build_removal_step,
    read_object,
)
from wizard.systems.cluster.ownership import Judge, join_judges, refuse_removal
from wizard.systems.cluster.source import has_label
from wizard.systems.cluster.store_users import refuse_used_store
from wizard.systems.release.claims import CLAIM

if TYPE_CHECKING:
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

OBJECTS_SECONDS = 300.0
# A place of a document in a template, as `wizard.manifests.external_secrets` writes it.
_DOCUMENT_PLACE = re.compile(r"\(fromYaml \.config\)\.([A-Za-z0-9_.]+)")
_RBAC = "rbac.authorization.k8s.io/v1"
# Kinds that the chart renders, without volume claims; pods are deleted with their owners.
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
    """Return the step that deletes the ExternalSecrets and with them the Secrets they own."""
    found = external_secret_refs(target)
    return build_removal_step(
        "destroy.external-secrets",
        f"Delete {len(found)} ExternalSecrets and with them their Secrets",
        "platform",
        target.kube,
        lambda kube: Removal(
            kube, lambda: found, build_delivered_judge(target), none="it has no ExternalSecret"
        ),
        left=f"kubectl -n {target.release.namespace} delete externalsecret "
        + " ".join(ref.name for ref in found),
        agreed=target.agreed,
        patience=WAIT_FOR_SECRET_REMOVAL,
    )


def build_delivered_judge(target: Target) -> Judge:
    """Return a judge that blocks what is not proven to be delivered from our files."""
    return lambda found, ref: refuse_removal(judge_delivered(target, found, ref), found, ref)


def build_store_check(target: Target) -> Step:
    """Return the step that checks, before any change, that nobody else reads the store."""
    own = committed_refs(target)

    def look(kube: Kube) -> StepStatus:
        for ref in own:
            found = read_object(kube, ref)
            if found is None or judge_delivered(target, found, ref).is_proven_foreign:
                continue
            if refusal := refuse_used_store(kube, ref, own, target.release.owner_id):
                return refusal
        return StepStatus("holds", "no object of others reads it")

    return build_cluster_step(
        "destroy.store",
        "Check that only this installation reads its store",
        target.kube,
        look,
        None,
        left="kubectl get externalsecrets --all-namespaces",
    )


def committed_refs(target: Target) -> list[Ref]:
    """Return references to all committed manifests beside the chart."""
    return [
        Ref.from_manifest(read_mapping(text, logical))
        for logical, text in target.files_under("secrets/").items()
    ]


def external_secret_refs(target: Target) -> list[Ref]:
    """Return references to the committed ExternalSecrets."""
    return [Ref.from_manifest(manifest) for manifest in read_external_secrets(target).values()]


def build_copies_check(target: Target, session: StoreLogin) -> Step:
    """Return the step that checks that the store has the values before their copies are deleted."""
    work = _CopiesCheck(target, session)
    return build_cluster_step(
        "destroy.copies",
        f"Check that {session.place} holds the values of the Secrets",
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
        """Check that the store has every value of the Secrets."""
        found = [
            one for ref in external_secret_refs(self._target) if (one := read_object(kube, ref))
        ]
        if not found:
            return StepStatus("holds", "no Secret in the cluster comes from it any more")
        stored = self._session.stored_keys()
        if stored is None:
            return self._check_served(kube, found)
        if missing := sorted(self._list_read_names(document=stored.document) - stored.names):
            return self._last_copy_status(
                f"does not hold {', '.join(map(escape_unprintable, missing))}"
                if stored.names
                else "does not exist, or its newest version was deleted"
            )
        if stored.expires:
            return self._last_copy_status(
                f"will be deleted at {escape_unprintable(stored.expires)}"
            )
        return StepStatus("holds", f"{self._where} holds all values")

    def _list_read_names(self, *, document: bool) -> set[str]:
        """Return the names that the committed ExternalSecrets read in the payload."""
        found: set[str] = set()
        for manifest in read_external_secrets(self._target).values():
            read = [
                name
                for one in manifest["spec"].get("data") or []
                if (name := self._session.read_name(one["remoteRef"]))
            ]
            if document and DOCUMENT_KEY in read:
                template = (manifest["spec"].get("target") or {}).get("template") or {}
                texts = map(str, (template.get("data") or {}).values())
                read = [place for text in texts for place in _DOCUMENT_PLACE.findall(text)]
            found |= {place_name(one, document=document) for one in read}
        return found

    def _check_served(self, kube: Kube, found: list[KubeObject]) -> StepStatus:
        """Check that the operator has read the payload for all ExternalSecrets just now.

        An older state says nothing: the payload may have been deleted since.
        """
        now = kube.read_clock()
        stale = [one["metadata"]["name"] for one in found if not is_just_synced(one, now)]
        if not stale:
            return StepStatus("holds", f"all {len(found)} ExternalSecrets were just synced from it")
        names = " ".join(map(quote, stale))
        return self._last_copy_status(
            f"is not readable, and {len(stale)} of {len(found)} ExternalSecrets were not synced "
            f"from it in the last {FRESH_MINUTES} minutes",
            f"sync them now: kubectl -n {self._target.release.namespace} annotate externalsecret "
            f"{names} --overwrite force-sync=$(date +%s); then run this again; or ",
        )

    def _last_copy_status(self, why: str, first: str = "") -> StepStatus:
        return StepStatus(
            "blocked",
            f"{self._where} {why}: the Secrets in the cluster may be the last copy of the Fernet "
            "key and the passwords",
            Fix(
                f"{first}log in to the store so that it can be read, or restore it; or, to delete "
                "the values too, add --data payload"
            ),
        )


def build_objects_removal(target: Target, pieces: Collection[DataKind] = ()) -> Step:
    """Return the step that deletes objects that Argo CD delivered and kept, as in an undo.

    Without `volumes` in `pieces`, an object stays that the cluster would delete a claim with.
    """
    namespace, release = target.release.namespace, target.release.names.release
    selector = f"release={release},tier=airflow"
    own = committed_refs(target)

    def removal(kube: Kube) -> Removal:
        return Removal(
            kube,
            lambda: _find_delivered(kube, target),
            join_judges(
                lambda one, ref: _check_owner(target, one, ref),
                lambda _one, ref: (
                    refuse_used_store(kube, ref, own, target.release.owner_id)
                    if ref in own
                    else None
                ),
                lambda _one, ref: keep_database(pieces, ref),
                lambda one, ref: (
                    None if "volumes" in pieces else _check_claims(kube, target, one, ref)
                ),
            ),
            none="no delivered object exists any more",
            before=lambda: require_gone(target),
        )

    return build_removal_step(
        "destroy.objects",
        f"Delete the remaining objects of release {release} in {namespace}, except volumes",
        "platform",
        target.kube,
        removal,
        left=f"kubectl -n {namespace} delete deployment,statefulset,job,cronjob,service,configmap "
        f"-l {selector}",
        agreed=target.agreed,
        patience=OBJECTS_SECONDS,
    )


def _find_delivered(kube: Kube, target: Target) -> list[Ref]:
    """Return the objects that Argo CD tracks as ours, then our committed manifests.

    The manifests name their source, so they go last: they prove whose the others are.
    """
    namespace, committed = target.release.namespace, _find_committed(kube, target)
    limiting = find_limiting_objects(target)
    found = []
    for api, kind in (*DELIVERED_KINDS, *_list_special_kinds(target)):
        for one in list_metadata(kube, api, kind, namespace):
            place = str(one["metadata"].get("namespace") or "")
            ref = Ref(api, kind, one["metadata"]["name"], place)
            group = api.rpartition("/")[0]
            if (group, kind) in LIMITING_KINDS and (group, kind, ref.name) not in limiting:
                continue
            if ref not in committed and is_tracked(one, target):
                found.append(ref)
    return found + committed


def _list_special_kinds(target: Target) -> list[tuple[str, str]]:
    """Return the kinds that the chart renders only with the committed values.

    Others may be listed only by few: those of the whole cluster, and those that limit a namespace.
    """
    return [
        (f"{one.group}/v1" if one.group else "v1", one.kind)
        for one in list_special_kinds(_read_values(target))
    ]


def find_limiting_objects(target: Target) -> frozenset[tuple[str, str, str]]:
    """Return group, kind and name of what limits pods and that the chart renders for us.

    A quota of another name is one of others, whatever mark it has.
    """
    return frozenset(list_limiting_objects(_read_values(target), target.release.names))


def _read_values(target: Target) -> dict[str, Any]:
    return read_mapping(target.files.get("values", b"{}").decode("utf-8"), "values")


def _find_committed(kube: Kube, target: Target) -> list[Ref]:
    """Return the committed manifests that exist and name our source, or have a mark.

    Whoever takes an object over, as Helm does, may replace the mark.
    """
    found = []
    for logical, text in target.files_under("secrets/").items():
        manifest = read_mapping(text, logical)
        ref = Ref.from_manifest(manifest)
        if manifest.get("kind") == "ExternalSecret":
            continue
        one = read_object(kube, ref)
        if one is not None and (
            has_label(one)
            or is_tracked(one, target)
            or read_source(one) == target.release.owner_id != ""
        ):
            found.append(ref)
    return found


def _check_owner(target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    owner = judge_delivered(target, found, ref)
    if owner.whose == "another's":
        return StepStatus("kept", f"{ref} {escape_unprintable(owner.reason)}; not deleted")
    return refuse_removal(owner, found, ref)


def keep_database(pieces: Collection[DataKind], ref: Ref) -> StepStatus | None:
    """Keep a database of CloudNativePG, whose volumes go with it, and its backups."""
    if "volumes" in pieces or (ref.api_version, ref.kind) not in DATABASE_KINDS:
        return None
    return StepStatus(
        "kept",
        f"{ref} stays with the database and its volumes; not deleted",
        Fix("to delete it with all data: add --data volumes; backups stay where they are"),
    )


def _check_claims(kube: Kube, target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Block the deletion of an object that owns claims, as with whenDeleted: Delete."""
    if ref.kind != "StatefulSet":
        return None
    uid = found["metadata"]["uid"]
    owned = [
        Ref(*CLAIM, one["metadata"]["name"], ref.namespace)
        for one in list_metadata(kube, *CLAIM, target.release.namespace)
        if any(owner.get("uid") == uid for owner in one["metadata"].get("ownerReferences") or [])
    ]
    if not owned:
        return None
    return StepStatus(
        "blocked",
        f"{format_refs(owned)} would be deleted with {ref}, which owns it; not deleted",
        Fix(
            f"keep it: kubectl -n {ref.namespace} patch statefulset {ref.name} --type merge -p "
            '\'{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}\'; or, '
            "to delete it too, add --data volumes"
        ),
    )


def list_metadata(kube: Kube, api: str, kind: str, namespace: str) -> list[KubeObject]:
    """Return the metadata of all objects of a kind; none when the cluster does not serve it."""
    try:
        return kube.find(api, kind, namespace, metadata=True)
    except KubeError as error:
        if error.kind == "missing":
            return []
        raise


def format_refs(refs: list[Ref], most: int = 3) -> str:
    """Return kind and name of the first `most` objects, and the number of the others."""
    return format_first([f"{ref.kind} {ref.name}" for ref in refs], most)

"""Whose a volume claim in the namespace is: labels alone prove nothing, since anybody sets them.

A claim is the release's if Argo CD or Helm rendered it, if a StatefulSet of the release owns it, or
if its name comes from a claim template of such a StatefulSet. Claims from a template name neither
their StatefulSet nor their source, so a removal marks them before it deletes the StatefulSets.
Source: the chart's volumeClaimTemplates, and Kubernetes' rule <template>-<StatefulSet>-<ordinal>.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.formats.nested import walk as walk_values
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import Ownership, judge_source, read_source
from wizard.systems.argocd.application import application_names
from wizard.systems.argocd.tracking import (
    TRACKING,
    has_copied_marks,
    has_release_label,
    judge_application,
    judge_delivered,
)
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.source import list_annotation_writers
from wizard.systems.cluster.store_users import walk
from wizard.systems.release.revisions import judge_release

if TYPE_CHECKING:
    from wizard.systems.target import Target

CLAIM = ("v1", "PersistentVolumeClaim")
_STATEFUL_SET = ("apps/v1", "StatefulSet")
# What may mount a claim by its name.
_WORKLOADS = (
    ("v1", "Pod"), _STATEFUL_SET, ("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"), ("batch/v1", "CronJob"),
)  # fmt: skip
# Keys of values and of volumes that name a claim of others.
_NAMES = ("existingClaim", "claimName")
# The templates of the chart's StatefulSets (logs of workers and triggerers, queue, database).
_TEMPLATES = ("logs", "dags", "redis-db", "data")
_SETS = ("worker", "triggerer", "scheduler", "dag-processor", "redis", "postgresql")
_SET = re.compile(f"(?:{'|'.join(_SETS)})(?:-[a-z0-9-]{{1,250}})?")
_ORDINAL = re.compile("[0-9]{1,9}")
_HELM = "helm"
_HELM_NAME, _HELM_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


def judge_claim(target: Target, kube: Kube, found: KubeObject) -> Ownership:
    """Return whose a volume claim is. Raises KubeError if the evidence cannot be read."""
    about, release = found["metadata"], target.release
    ref = Ref("v1", "PersistentVolumeClaim", about["name"], release.namespace)
    if about["name"] in list_mounted_claims(target):
        return Ownership("another's", "is named in the values as a claim that others made")
    if read_source(found):
        owner = judge_source(read_source(found), release.owner_id)
        if not (owner.is_ours and has_copied_marks(target, found, ref)):
            return owner
        owner = _judge_unmarked(target, kube, found, ref)
        copied = Ownership("unknown", "has a copy of the mark of this installation's volumes")
        return copied if owner.is_ours else owner
    return _judge_unmarked(target, kube, found, ref)


def _judge_unmarked(target: Target, kube: Kube, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose a volume claim is, without its source."""
    about, release = found["metadata"], target.release
    if TRACKING in (about.get("annotations") or {}):
        return judge_delivered(target, found, ref)
    if is_rendered_by_helm(found, target):
        return judge_by_installer(target, kube)
    owners = about.get("ownerReferences") or []
    if owners:
        return _judge_owners(target, kube, about["name"], owners)
    labels = about.get("labels") or {}
    if has_release_label(found, target) and labels.get("tier") == "airflow":
        if user := _find_template_user(about["name"], release.names.release):
            return _judge_template_claim(target, kube, found, user)
        if has_release_mark(found, target):
            return Ownership("another's", "has Helm's annotations, but helm did not write them")
        return Ownership(
            "another's", "has the release's labels, but no StatefulSet of the release claims it"
        )
    owner = judge_delivered(target, found, ref)
    if not owner.is_ours:
        return owner
    return Ownership("unknown", "is marked only by a label, which any chart may set")


def list_mounted_claims(target: Target) -> frozenset[str]:
    """Return the claims that the committed values mount without rendering them.

    Whatever marks they have, for example after a restore from a backup, others made them.
    """
    values = read_mapping(target.files.get("values", b"{}").decode("utf-8"), "values")
    return frozenset(
        str(one) for path, one in walk_values(values) if one and path[-1:] and path[-1] in _NAMES
    )


def find_other_user(target: Target, kube: Kube, found: KubeObject) -> str:
    """Return the StatefulSet, pod or other workload of others that uses the claim; "" if none does.

    A StatefulSet takes an existing claim by its name alone, whatever the claim's own mark says.
    Raises KubeError if the workloads or the evidence cannot be read.
    """
    name, namespace = found["metadata"]["name"], target.release.namespace
    for one in kube.find(*_STATEFUL_SET, namespace, metadata=True):
        user = one["metadata"]["name"]
        template, _, ordinal = name.rpartition("-")
        if not (ordinal.isdecimal() and template.endswith(f"-{user}")):
            continue
        if not _judge_user(target, kube, one, Ref(*_STATEFUL_SET, user, namespace)).is_ours:
            return f"StatefulSet {user}"
    for api, kind in _WORKLOADS:
        for one in kube.find(api, kind, namespace):
            mounts = walk(one.get("spec"), "persistentVolumeClaim")
            if not has_release_label(one, target) and any(
                mounted.get("claimName") == name for mounted in mounts
            ):
                return f"{kind} {one['metadata']['name']}"
    return ""


def is_rendered_by_helm(found: KubeObject, target: Target) -> bool:
    """Return whether helm itself wrote that an object is our release's; people copy annotations.

    Source: helm, cmd/helm/main.go (ManagedFieldsManager), whatever the program is called.
    """
    return has_release_mark(found, target) and _HELM in list_annotation_writers(found, _HELM_NAME)


def has_release_mark(found: KubeObject, target: Target) -> bool:
    """Return whether Helm's annotations name our release in our namespace."""
    notes = found["metadata"].get("annotations") or {}
    release = target.release
    return not release.gitops and (notes.get(_HELM_NAME), notes.get(_HELM_NAMESPACE)) == (
        release.names.release,
        release.namespace,
    )


def judge_by_installer(target: Target, kube: Kube) -> Ownership:
    """Return whose the chart's objects are, from the Application or the release behind them."""
    if target.release.gitops:
        return judge_application(target, application_names(target)[-1])
    return judge_release(target, kube)


def _find_template_user(name: str, release: str) -> str:
    """Return the StatefulSet of the release whose template a claim's name is from; empty if none.

    A set of workers may have a name of its own behind that of the workers.
    """
    for place in _TEMPLATES:
        user, _, ordinal = name.removeprefix(f"{place}-").rpartition("-")
        if (
            name.startswith(f"{place}-{release}-")
            and _ORDINAL.fullmatch(ordinal)
            and _SET.fullmatch(user.removeprefix(f"{release}-"))
        ):
            return user
    return ""


def _judge_template_claim(target: Target, kube: Kube, found: KubeObject, user: str) -> Ownership:
    """Return whose a claim is that is named as one of a StatefulSet.

    A StatefulSet takes an existing claim of its names, with the data of whoever had it before. The
    removal marks what is proven before it deletes the StatefulSets, so without the StatefulSet an
    unmarked claim is not proven: a run that was killed may have doubted it. What was seen is
    remembered during the run.
    """
    uid = str(found["metadata"].get("uid"))
    if uid in target.verdicts:
        return target.verdicts[uid]
    owner = _judge_template_user(target, kube, user)
    if not owner.is_ours:
        return owner
    taker = read_object(kube, Ref(*_STATEFUL_SET, user, target.release.namespace), metadata=True)
    if taker is None:
        return Ownership("unknown", f"has no mark, and StatefulSet {user} is gone")
    # Times of the API are ISO 8601 in UTC.
    times = [str(one["metadata"].get("creationTimestamp") or "") for one in (found, taker)]
    if times[0] < times[1]:
        owner = Ownership(
            "unknown", f"is older than StatefulSet {user}, so it may be of somebody before"
        )
    elif maker := _find_person(found):
        owner = Ownership("unknown", f"was made with {maker}, not by StatefulSet {user}")
    target.verdicts[uid] = owner
    return owner


def _find_person(found: KubeObject) -> str:
    """Return the name of kubectl if a person made the claim with it; empty otherwise.

    Whoever makes a claim sets its access modes, which never change; a person may also resize it.
    """
    for one in found["metadata"].get("managedFields") or []:
        manager = str(one.get("manager") or "")
        spec = (one.get("fieldsV1") or {}).get("f:spec") or {}
        if manager.startswith("kubectl") and "f:accessModes" in spec:
            return manager
    return ""


def _judge_template_user(target: Target, kube: Kube, user: str) -> Ownership:
    """Return whose the StatefulSet is that a claim is named after.

    Only the names that the chart itself gives count without the StatefulSet: a person who copies a
    claim adds something to its name.
    """
    if user.removeprefix(f"{target.release.names.release}-") in _SETS:
        return judge_by_installer(target, kube)
    ref = Ref(*_STATEFUL_SET, user, target.release.namespace)
    found = read_object(kube, ref)
    if found is None:
        return Ownership(
            "another's", f"is named as one of StatefulSet {user}, which does not exist"
        )
    return _judge_user(target, kube, found, ref)


def _judge_owners(target: Target, kube: Kube, name: str, owners: list[dict[str, str]]) -> Ownership:
    """Return whose a claim with owners is: all of them must be ours, and it is named after them."""
    verdict = Ownership("another's", "has an owner that does not belong to this release")
    for one in owners:
        ref = Ref(
            str(one.get("apiVersion")), str(one.get("kind")), str(one.get("name")),
            target.release.namespace,
        )  # fmt: skip
        found = read_object(kube, ref) if ref.kind in {"StatefulSet", "Pod"} else None
        if found is None or found["metadata"].get("uid") != one.get("uid"):
            return verdict
        owner = _judge_user(target, kube, found, ref)
        if not owner.is_ours:
            return owner if owner.source else verdict
        if not _is_named_after(name, ref):
            return Ownership("another's", f"has a copy of the owner {ref.kind} {ref.name}")
        verdict = owner
    return verdict


def _is_named_after(claim: str, owner: Ref) -> bool:
    """Return whether the cluster gives a claim this name: <template>-<set>-<n>, <pod>-<volume>."""
    if owner.kind == "Pod":
        return claim.startswith(f"{owner.name}-")
    place, _, ordinal = claim.rpartition("-")
    return bool(_ORDINAL.fullmatch(ordinal)) and place.endswith(f"-{owner.name}")


def _judge_user(target: Target, kube: Kube, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose the owner or user of a claim is."""
    if is_rendered_by_helm(found, target):
        return judge_by_installer(target, kube)
    return judge_delivered(target, found, ref)

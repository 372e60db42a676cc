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
from wizard.manifests.ownership import Ownership, judge_source, read_source
from wizard.systems.argocd.application import application_names
from wizard.systems.argocd.tracking import (
    TRACKING,
    has_release_label,
    judge_application,
    judge_delivered,
)
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.release.revisions import judge_release

if TYPE_CHECKING:
    from wizard.systems.target import Target

CLAIM = ("v1", "PersistentVolumeClaim")
_STATEFUL_SET = ("apps/v1", "StatefulSet")
# The templates of the chart's StatefulSets (logs of workers and triggerers, queue, database).
_TEMPLATES = ("logs", "dags", "redis-db", "data")
_SET_AND_ORDINAL = re.compile(
    "(?:worker|triggerer|scheduler|dag-processor|redis|postgresql)(?:-[a-z0-9-]{1,250})?-[0-9]{1,9}"
)
_HELM_NAME, _HELM_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


def judge_claim(target: Target, kube: Kube, found: KubeObject) -> Ownership:
    """Return whose a volume claim is. Raises KubeError if the evidence cannot be read."""
    about, release = found["metadata"], target.release
    ref = Ref("v1", "PersistentVolumeClaim", about["name"], release.namespace)
    if read_source(found):
        return judge_source(read_source(found), release.owner_id)
    if TRACKING in (about.get("annotations") or {}):
        return judge_delivered(target, found, ref)
    if is_rendered_by_helm(found, target):
        return judge_by_installer(target, kube)
    owners = about.get("ownerReferences") or []
    if owners:
        return _judge_owners(target, kube, owners)
    labels = about.get("labels") or {}
    if has_release_label(found, target) and labels.get("tier") == "airflow":
        if _is_from_template(about["name"], release.names.release):
            return judge_by_installer(target, kube)
        return Ownership(
            "another's", "has the release's labels, but no StatefulSet of the release claims it"
        )
    owner = judge_delivered(target, found, ref)
    if not owner.is_ours:
        return owner
    return Ownership("unknown", "is marked only by a label, which any chart may set")


def find_other_user(target: Target, kube: Kube, found: KubeObject) -> str:
    """Return the name of a StatefulSet of others that has taken the claim over; "" if none has.

    A StatefulSet takes an existing claim by its name alone, whatever the claim's own mark says.
    Raises KubeError if the StatefulSets or the evidence cannot be read.
    """
    name, namespace = found["metadata"]["name"], target.release.namespace
    for one in kube.find(*_STATEFUL_SET, namespace, metadata=True):
        user = one["metadata"]["name"]
        template, _, ordinal = name.rpartition("-")
        if not (ordinal.isdecimal() and template.endswith(f"-{user}")):
            continue
        if not _judge_user(target, kube, one, Ref(*_STATEFUL_SET, user, namespace)).is_ours:
            return str(user)
    return ""


def is_rendered_by_helm(found: KubeObject, target: Target) -> bool:
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


def _is_from_template(name: str, release: str) -> bool:
    prefixes = [one for place in _TEMPLATES if name.startswith(one := f"{place}-{release}-")]
    return any(_SET_AND_ORDINAL.fullmatch(name.removeprefix(one)) for one in prefixes)


def _judge_owners(target: Target, kube: Kube, owners: list[dict[str, str]]) -> Ownership:
    """Return whose a claim with owners is: all of them must be ours."""
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
        verdict = owner
    return verdict


def _judge_user(target: Target, kube: Kube, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose the owner or user of a claim is."""
    if is_rendered_by_helm(found, target):
        return judge_by_installer(target, kube)
    return judge_delivered(target, found, ref)

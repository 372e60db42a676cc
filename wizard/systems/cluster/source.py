"""Whose an object of the cluster is: the only answer for objects that the wizard writes itself.

What a controller delivers from its files is judged in `wizard.systems.argocd.tracking`.
"""

from __future__ import annotations

from wizard.clients.kube.protocol import FIELD_MANAGER, KubeObject
from wizard.manifests.ownership import (
    OWNER_ANNOTATION,
    Ownership,
    judge_source,
    read_source,
    source_manager,
)

MANAGED_BY = "app.kubernetes.io/managed-by"
# Field managers of the wizard and of Argo CD's controllers; all others are people's.
OWN_MANAGERS = (FIELD_MANAGER, "argocd-controller", "argocd-application-controller")


def judge_object(found: KubeObject, own: str) -> Ownership:
    """Return whose an object is; `own` is the source of this installation.

    The object's source decides. Without a source, the wizard's label shows that some wizard made
    it: an earlier version, or a person from the files of some repository.
    """
    source = read_source(found)
    if source or has_label(found):
        return judge_source(source, own)
    return Ownership("another's", f"does not have the wizard's label {MANAGED_BY}={FIELD_MANAGER}")


def has_label(found: KubeObject) -> bool:
    """Return whether an object has the label of this wizard."""
    return bool((found["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER)


def list_annotation_writers(found: KubeObject, annotation: str) -> frozenset[str]:
    """Return the field managers that wrote an annotation of an object."""
    return frozenset(
        str(one.get("manager"))
        for one in found["metadata"].get("managedFields") or []
        if f"f:{annotation}"
        in ((one.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations", {})
    )


def is_source_copied(found: KubeObject) -> bool:
    """Return whether neither the wizard nor Argo CD wrote the source that an object names.

    People copy objects with all their annotations, as `kubectl get -o yaml | kubectl apply` does.
    """
    own = {*OWN_MANAGERS, source_manager(read_source(found))}
    return not own & list_annotation_writers(found, OWNER_ANNOTATION)

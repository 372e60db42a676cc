"""Whose an object of the cluster is: the only answer for objects that the wizard writes itself.

What a controller delivers from its files is judged in `wizard.systems.argocd.tracking`.
"""

from __future__ import annotations

from wizard.clients.kube.protocol import FIELD_MANAGER, KubeObject
from wizard.manifests.ownership import Ownership, judge_source, read_source

MANAGED_BY = "app.kubernetes.io/managed-by"


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

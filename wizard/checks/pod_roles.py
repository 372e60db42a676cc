"""What the roles of a tree allow the account that launches the pods of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested

# What the KubernetesExecutor does with pods; it adopts those of another scheduler by a patch.
# Source: its provider, version 10.25.0; chart 1.22.0, `pod-launcher-role.yaml`.
POD_VERBS = ("create", "get", "list", "watch", "patch", "delete")
_ANY = "*"


def may_launch_pods(subject: Subject, bindings: Iterable[Document]) -> bool:
    """Return whether the roles of these bindings together allow everything in `POD_VERBS`.

    Nothing is known of a role that no file of the tree has, so it is taken for the right one.
    """
    allowed: set[str] = set()
    for binding in bindings:
        role = _find_role(subject, binding)
        if role is None or "aggregationRule" in role.data:
            return True
        allowed.update(_list_pod_verbs(role))
    return _ANY in allowed or allowed.issuperset(POD_VERBS)


def _find_role(subject: Subject, binding: Document) -> Document | None:
    """Return the role that a binding names; None if it is not in the tree."""
    wanted = as_mapping(get_nested(binding.data, "roleRef"))
    for role in subject.objects("Role", "ClusterRole"):
        anywhere = role.kind == "ClusterRole"
        near = anywhere or subject.namespace(role) == subject.namespace(binding)
        if (role.kind, role.name) == (wanted.get("kind"), wanted.get("name")) and near:
            return role
    return None


def _list_pod_verbs(role: Document) -> Iterator[str]:
    """Yield the verbs that a role has on all pods."""
    for rule in as_list(role.data.get("rules")):
        if get_nested(rule, "resourceNames"):
            continue
        if _names(rule, "apiGroups", "") and _names(rule, "resources", "pods"):
            yield from map(str, as_list(get_nested(rule, "verbs")))


def _names(rule: Any, key: str, wanted: str) -> bool:
    return bool({wanted, _ANY} & {str(one) for one in as_list(get_nested(rule, key))})

"""Rules on pods: the namespaces of task pods, their template, and what namespaces admit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.errors import Problem

if TYPE_CHECKING:
    from wizard.answers.model import Answers

# Write access to these controls the whole cluster.
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


def check_task_namespaces(answers: Answers) -> Iterator[Problem]:
    """Report namespaces of task pods that are named twice, or that no task may run in."""
    key = "executor.multi_namespace"
    found = answers.executor.multi_namespace
    if "Kubernetes" not in answers.executor.kind or not found:
        return
    if answers.installation.namespace in found:
        name = answers.installation.namespace
        yield Problem(key, f"remove {name}: task pods may always run in the installation's own")
    if len(set(found)) < len(found):
        yield Problem(key, "name each namespace once")
    if taken := sorted(SYSTEM_NAMESPACES.intersection(found)):
        yield Problem(key, f"remove {taken[0]}, which is a namespace of Kubernetes itself")
    if answers.components.logs.persistence:
        yield Problem(
            "components.logs.persistence",
            "turn it off, or leave executor.multi_namespace empty: pods of other namespaces cannot "
            "mount the volume",
        )


POD_RULES = (check_task_namespaces,)

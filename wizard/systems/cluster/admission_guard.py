"""The guard of the store's ServiceAccount, in whatever way the rest is delivered.

Policy and binding each do nothing without the other (Kubernetes, ValidatingAdmissionPolicy), so
the policy comes first and the binding makes it count; they go in the reverse of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.systems.cluster.objects import Source, manifests_action

if TYPE_CHECKING:
    from wizard.engine.actions import Action
    from wizard.systems.target import Target

ACTION = "cluster.store-account"
# In the order in which they are applied, by their files' names.
FILES = {
    "store-account-policy": "ValidatingAdmissionPolicy",
    "store-account-binding": "ValidatingAdmissionPolicyBinding",
}
KINDS = tuple(FILES.values())
_NEEDS = "ValidatingAdmissionPolicy is served by Kubernetes 1.30 and newer"


def ordered(sources: Iterable[Source]) -> list[Source]:
    """The policy, then what makes it count."""
    return sorted(sources, key=lambda one: KINDS.index(one.kinds[0]))


def action(target: Target, sources: Iterable[Source]) -> Action:
    """The change that puts both in place."""
    return manifests_action(
        target,
        ACTION,
        "Keep pods away from the store's ServiceAccount",
        "platform",
        target.kube,
        list(sources),
        needs=_NEEDS,
    )

"""The admission policy that guards the store's ServiceAccount, for every kind of delivery.

A policy without a binding has no effect (Kubernetes, ValidatingAdmissionPolicy), so the policy is
applied first and the binding activates it. They are deleted in reverse order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.manifests.account_guard import GUARD_STEP
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

# File name to kind, in the order in which they are applied.
FILES = {
    "store-account-policy": "ValidatingAdmissionPolicy",
    "store-account-binding": "ValidatingAdmissionPolicyBinding",
}
KINDS = tuple(FILES.values())
_NEEDS = "upgrade the cluster to Kubernetes 1.30 or newer, which serves ValidatingAdmissionPolicy"


def sort_guard_manifests(sources: Iterable[CommittedManifest]) -> list[CommittedManifest]:
    """Return the policy first, then its binding."""
    return sorted(sources, key=lambda one: KINDS.index(one.kinds[0]))


def build_guard_step(target: Target, sources: Iterable[CommittedManifest]) -> Step:
    """Return the step that applies the policy and its binding."""
    return build_manifests_step(
        target,
        GUARD_STEP,
        target.kube,
        list(sources),
        needs=_NEEDS,
    )

"""The guard of the store's ServiceAccount, in whatever way the rest is delivered.

Policy and binding each do nothing without the other (Kubernetes, ValidatingAdmissionPolicy), so
the policy comes first and the binding makes it count; they go in the reverse of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.stores.vault.account_guard import GUARD_STEP
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

# In the order in which they are applied, by their files' names.
FILES = {
    "store-account-policy": "ValidatingAdmissionPolicy",
    "store-account-binding": "ValidatingAdmissionPolicyBinding",
}
KINDS = tuple(FILES.values())
_NEEDS = "ValidatingAdmissionPolicy is served by Kubernetes 1.30 and newer"


def sort_guard_manifests(sources: Iterable[CommittedManifest]) -> list[CommittedManifest]:
    """The policy, then what makes it count."""
    return sorted(sources, key=lambda one: KINDS.index(one.kinds[0]))


def build_guard_step(target: Target, sources: Iterable[CommittedManifest]) -> Step:
    """The change that puts both in place."""
    return build_manifests_step(
        target,
        GUARD_STEP,
        target.kube,
        list(sources),
        needs=_NEEDS,
    )

"""The token reviewer of a Vault outside the cluster: never deleted, since others may depend on it.

Any auth mount of any Vault may use its token, and the cluster does not record which mounts do
(facts on Vault, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.systems.cluster.object_removal import build_cluster_step, read_object
from wizard.systems.cluster.source import has_label
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import is_in_cluster

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

_COMMAND = (
    f"kubectl delete clusterrolebinding {reviewer.BINDING}; "
    f"kubectl delete namespace {reviewer.NAMESPACE}"
)


def build_reviewer_removal(target: Target, store: VaultSettings) -> tuple[Step, ...]:
    """Return the step that reports the reviewer.

    Empty if Vault reviews tokens with its own account.
    """
    if is_in_cluster(store.server):
        return ()
    name = f"{reviewer.NAMESPACE}/{reviewer.ACCOUNT}"
    title = f"Keep the token reviewer {name}; the cluster's owner decides about it"
    step = build_cluster_step(
        "remove.reviewer", title, target.kube, _check_reviewer, None, left=_COMMAND, alone=True
    )
    return (step,)


def _check_reviewer(kube: Kube) -> StepStatus:
    ref = Ref("v1", "ServiceAccount", reviewer.ACCOUNT, reviewer.NAMESPACE)
    try:
        found = read_object(kube, ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus("kept", f"no permission to read {ref}; it is kept in any case")
    if found is None:
        return StepStatus("holds", f"{ref} does not exist")
    if not has_label(found):
        return StepStatus("kept", f"{ref} was not created by this wizard")
    return StepStatus(
        "kept",
        f"any auth mount of any Vault may use the token of {ref}",
        Fix(f"once none does, run: {_COMMAND}"),
    )

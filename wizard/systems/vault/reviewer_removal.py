"""The token reviewer of a Vault outside the cluster: it stays, because others may live by it.

Any auth mount of any Vault may have been given its token, and nothing in the cluster says which
(facts on Vault, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.actions import Action, Look
from wizard.systems.cluster.object_removal import looked_action, standing
from wizard.systems.cluster.ownership import labelled
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import inside

if TYPE_CHECKING:
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.systems.target import Target

_COMMAND = (
    f"kubectl delete clusterrolebinding {reviewer.BINDING}; "
    f"kubectl delete namespace {reviewer.NAMESPACE}"
)


def actions(target: Target, store: StoreSettings) -> tuple[Action, ...]:
    """What is told of it; nothing where Vault reviews tokens with its own account."""
    if inside(store.server):
        return ()
    name = f"{reviewer.NAMESPACE}/{reviewer.ACCOUNT}"
    title = f"Leave the token reviewer {name} to the cluster's owner"
    action = looked_action(
        "remove.reviewer", title, target.kube, _look, None, left=_COMMAND, alone=True
    )
    return (action,)


def _look(kube: Kube) -> Look:
    ref = Ref("v1", "ServiceAccount", reviewer.ACCOUNT, reviewer.NAMESPACE)
    try:
        found = standing(kube, ref)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return Look("unknown", f"{ref} may not be read")
    if found is None:
        return Look("holds", f"{ref} is not there")
    if labelled(found, ref) is not None:
        return Look("kept", f"{ref} was not made by this wizard")
    return Look(
        "kept",
        f"any auth mount of any Vault may have been given the token of {ref}",
        f"once none has: {_COMMAND}",
    )

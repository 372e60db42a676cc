"""The token reviewer of a Vault outside the cluster: it stays, because others may live by it.

Any auth mount of any Vault may have been given its token, and nothing in the cluster says which
(facts on Vault, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.actions import Action, Look
from wizard.applying import vault_reviewer
from wizard.applying.vault_auth import inside
from wizard.backends.kube import Kube, Ref
from wizard.backends.kube_errors import KubeError
from wizard.removing.objects import looked_action, standing
from wizard.removing.recognised import labelled

if TYPE_CHECKING:
    from wizard.applying.target import Target
    from wizard.documents.external_secrets import StoreSettings

_COMMAND = (
    f"kubectl delete clusterrolebinding {vault_reviewer.BINDING}; "
    f"kubectl delete namespace {vault_reviewer.NAMESPACE}"
)


def actions(target: Target, store: StoreSettings) -> tuple[Action, ...]:
    """What is told of it; nothing where Vault reviews tokens with its own account."""
    if inside(store.server):
        return ()
    name = f"{vault_reviewer.NAMESPACE}/{vault_reviewer.ACCOUNT}"
    title = f"Leave the token reviewer {name} to the cluster's owner"
    action = looked_action(
        "remove.reviewer", title, target.kube, _look, None, left=_COMMAND, alone=True
    )
    return (action,)


def _look(kube: Kube) -> Look:
    ref = Ref("v1", "ServiceAccount", vault_reviewer.ACCOUNT, vault_reviewer.NAMESPACE)
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

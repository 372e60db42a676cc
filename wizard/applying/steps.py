"""Everything `apply` does for an installation, in its order: the store, then the delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wizard.applying import argocd, branch, vault, verify

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.target import Target

Part = Literal["store", "delivery"]


def steps(target: Target, only: Part | None = None) -> tuple[Action, ...]:
    """The actions of this installation; `only` leaves the other part out.

    Which cluster it is comes before all others: Vault's side names the cluster too.
    """
    identity, *delivery = argocd.actions(target)
    store = vault.actions(target) if target.answers.secrets.store == "vault" else ()
    delivered = (branch.action(target), *delivery, *verify.actions(target))
    if only == "store":
        return (identity, *store)
    return (identity, *delivered) if only == "delivery" else (identity, *store, *delivered)

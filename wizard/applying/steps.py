"""Everything `apply` does for an installation, in its order: the store, then the delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wizard.applying import argocd, branch, vault, verify

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.target import Target

Part = Literal["store", "delivery"]


def steps(target: Target, only: Part | None = None) -> tuple[Action, ...]:
    """The actions of this installation; `only` leaves the other part out."""
    store = vault.actions(target) if target.answers.secrets.store == "vault" else ()
    delivery = (branch.action(target), *argocd.actions(target), *verify.actions(target))
    if only == "store":
        return store
    return delivery if only == "delivery" else (*store, *delivery)

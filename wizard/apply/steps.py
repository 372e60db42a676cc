"""Everything `apply` does for an installation, in its order: the store, then the delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wizard.apply import branch, delivery
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.database import steps as database
from wizard.systems.vault import steps as vault
from wizard.systems.vault.session import VaultLogin

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

Part = Literal["store", "delivery"]


def build_steps(target: Target, only: Part | None = None) -> tuple[Step, ...]:
    """The actions of this installation; `only` leaves the other part out.

    Which cluster it is comes before all others: Vault's side names the cluster too. The database
    belongs to the store: it is what a deployment finds in place, and its password lies there.
    """
    first = build_identity_step(target)
    # One login to Vault for all: a secret id may be good for a single one.
    session = VaultLogin(target) if target.answers.secrets.store == "vault" else None
    store = (
        *(vault.build_vault_steps(target, session) if session else ()),
        *database.build_database_steps(target, session),
    )
    delivered = (
        branch.build_branch_step(target),
        *delivery.get_delivery(target).build_steps(target),
    )
    if only == "store":
        return (first, *store)
    return (first, *delivered) if only == "delivery" else (first, *store, *delivered)

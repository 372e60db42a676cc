"""The steps of `apply` in their order: the store, then the delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wizard.apply import branch
from wizard.apply.delivery import get_installer
from wizard.stores.live import live_store
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.database import steps as database

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

Part = Literal["store", "delivery"]


def build_steps(target: Target, only: Part | None = None) -> tuple[Step, ...]:
    """Return the steps of this installation; `only` selects one part.

    The cluster's identity is checked first, because steps of the store depend on the cluster too.
    The database belongs to the store's part: it must exist before the deployment, and its password
    is in the store.
    """
    first = build_identity_step(target)
    run = live_store(target.release.store).open_run(target)
    store = (
        *(run.build_steps() if run else ()),
        *database.build_database_steps(target, run.login if run else None),
    )
    delivered = (branch.build_branch_step(target), *get_installer(target).build_steps(target))
    if only == "store":
        return (first, *store)
    return (first, *delivered) if only == "delivery" else (first, *store, *delivered)

"""The steps of `apply` in their order: the store, then the delivery."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from wizard.apply import branch
from wizard.apply.delivery import get_installer
from wizard.apply.repository_identity import build_repository_step
from wizard.stores.live import live_store
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.database import steps as database

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.stores.live import StoreRun
    from wizard.systems.target import Target

Part = Literal["store", "delivery"]


def build_steps(
    target: Target, only: Part | None = None, *, terminal: bool = False
) -> tuple[Step, ...]:
    """Return the steps of this installation; `only` selects one part.

    The identities of cluster and clone are checked first, because steps of the store depend on the
    cluster too. The database belongs to the store's part: it must exist before the deployment, and
    its password is in the store. With `terminal`, Git may ask for a passphrase.
    """
    run = live_store(target.release.store).open_run(target)
    removal = partial(_list_removal, target, run, only)
    first = (
        build_identity_step(target),
        build_repository_step(target, removal),
        branch.build_existence_step(target, terminal=terminal),
    )
    store = (
        *(run.build_steps() if run else ()),
        *database.build_database_steps(target, run.login if run else None),
    )
    installer = get_installer(target)
    delivered = (
        *installer.build_push_checks(target),
        branch.build_branch_step(target),
        *installer.build_steps(target),
    )
    if only == "store":
        return (*first, *store)
    return (*first, *delivered) if only == "delivery" else (*first, *store, *delivered)


def _list_removal(target: Target, run: StoreRun | None, only: Part | None) -> tuple[Step, ...]:
    """Return the steps that remove what `apply` changes, where it has a login to do so.

    They are only looked at. The payload is left out: `secrets` fills it before the first `apply`.
    """
    removal: list[Step] = []
    if target.kube is not None and only != "store":
        removal += get_installer(target).destroy(target, run.login if run else None, ())
    if run is not None and target.access is not None and only != "delivery":
        removal += run.build_removal()
    return tuple(removal)

"""The steps of `apply --undo` and `destroy`: those of `apply` in reverse, the files last."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.apply.branch import build_newest_step
from wizard.apply.delivery import get_installer
from wizard.apply.repository_identity import build_repository_proof
from wizard.deliveries.live import live_delivery
from wizard.destroy import data
from wizard.destroy.earlier import build_earlier_step
from wizard.engine.steps import StepStatus
from wizard.errors import Fix, RefusedError
from wizard.secrets.payload import place_name
from wizard.stores.live import live_store
from wizard.systems.cluster.identity import build_identity_proof
from wizard.systems.release import volumes
from wizard.systems.release.namespace_removal import build_namespace_removal
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.apply.steps import Part
    from wizard.destroy.files import FileRemoval
    from wizard.engine.steps import Step
    from wizard.systems.target import DataKind, Target
    from wizard.workspace.installation import CommittedInstallation

Steps = tuple["Step", ...]


def require_removable(found: CommittedInstallation) -> None:
    """Raise RefusedError for a manual delivery."""
    release = found.proposal.rendering.release
    if live_delivery(release.delivery).installer is None:
        raise RefusedError(
            f"destroy does not remove an installation where delivery.kind is {release.delivery}",
            f"run the commands in {release.runbook}",
        )


def build_undo_steps(target: Target, only: Part | None = None) -> Steps:
    """Return the steps that remove what `apply` created; what a controller delivered stays.

    `only` selects one part.
    """
    run = live_store(target.release.store).open_run(target)
    delivery = _require_proof(get_installer(target).undo(target, run.login if run else None))
    store = _require_proof((*run.build_removal(), *run.build_final_removal()) if run else ())
    here = _build_proofs(target)
    first = (*here, *(run.build_identity_proof() if run else ()))
    if only == "store":
        needed = _list_needed(store, delivery)
        conditions = (_build_condition(one) for one in delivery if one.id in needed)
        return _prove_first(first, (*conditions, *store))
    if only == "delivery":
        return _prove_first(here, delivery)
    return _prove_first(first, (build_earlier_step(target), *delivery, *store))


def _build_proofs(target: Target) -> Steps:
    """Return the steps that prove that cluster and clone are those of the installation."""
    return (build_identity_proof(target), build_repository_proof(target))


def _prove_first(proofs: Steps, steps: Steps) -> Steps:
    """Return the steps so that none changes anything while an identity is not proven.

    All identities are looked at, so that one run shows every question about them.
    """
    ids = tuple(one.id for one in proofs)
    return (*proofs, *(replace(step, needs=(*ids, *step.needs)) for step in steps))


def _list_needed(store: Steps, delivery: Steps) -> set[str]:
    """Return the ids of the delivery's steps that steps of the store need, also indirectly."""
    found = {name for step in store for name in step.needs}
    while more := {name for one in delivery if one.id in found for name in one.needs} - found:
        found |= more
    return found


def _build_condition(step: Step) -> Step:
    """Return a removal of the other part as a condition: what uses the store must be gone."""

    async def check() -> StepStatus:
        look = await step.check()
        if look.state != "wanted":
            return look
        fix = Fix("remove it first: run airflow-wizard apply --undo without --only store")
        return StepStatus("blocked", f"{look.detail}, and it uses the store", fix)

    return replace(
        step, title=f"Check: {step.title}", check=check, change=None, dry_run_change=None,
        wait_seconds=0.0, independent=True,
    )  # fmt: skip


def build_destroy_steps(
    target: Target, found: CommittedInstallation, pieces: Collection[DataKind], files: FileRemoval
) -> Steps:
    """Return the steps that remove the installation and the data in `pieces`; the files last."""
    installer = get_installer(target)
    run = live_store(target.release.store).open_run(target)
    removal = (
        *installer.destroy(target, run.login if run else None, pieces),
        volumes.build_volumes_removal(target, pieces),
        build_namespace_removal(target, pieces),
        *(run.build_removal() if run else ()),
        *(run.build_payload_removal(pieces, _collect_own_keys(found)) if run else ()),
        *(run.build_final_removal() if run else ()),
        *data.build_database_removal(target, pieces),
    )
    first = (
        *_build_proofs(target),
        *(run.build_identity_proof() if run else ()),
        build_newest_step(target, terminal=files.terminal),
    )
    last = files.build_step(lambda: installer.require_gone(target))
    steps = (build_earlier_step(target), *_require_proof(removal))
    return (*_prove_first(first, steps), last)


def _require_proof(steps: Steps) -> Steps:
    """Return the steps so that an unknown one leaves the run incomplete: unknown is not gone."""
    return tuple(replace(step, must_hold=True) for step in steps)


def _collect_own_keys(found: CommittedInstallation) -> dict[str, frozenset[str]]:
    """Return the payload keys that the installation owns, by the path's reader ("": Airflow)."""
    return {
        one.store.reader: frozenset(
            place_name(fact.place if one.store.document else fact.key, document=one.store.document)
            for fact in one.facts
        )
        for one in list_store_paths(found.proposal)
    }

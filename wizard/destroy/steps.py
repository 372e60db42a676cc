"""What `apply --undo` and `build_destroy_steps` do, in their order.

The reverse of `apply`, the files last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.destroy import data
from wizard.errors import RefusedError
from wizard.systems.argocd import application_removal, cascade
from wizard.systems.argocd import removal as argocd
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.helm import removal as helm
from wizard.systems.release import delivered_objects, volumes
from wizard.systems.release.namespace_removal import build_namespace_removal
from wizard.systems.vault import removal as vault
from wizard.systems.vault import reviewer_removal
from wizard.systems.vault.session import VaultLogin
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.apply.steps import Part
    from wizard.destroy.files import FileRemoval
    from wizard.engine.steps import Step
    from wizard.systems.target import DataKind, Target
    from wizard.workspace.installation import CommittedInstallation

Steps = tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class _Delivery:
    """How one kind is taken back and destroyed; `require_gone` says whether the files may go."""

    undo: Callable[[Target, VaultLogin | None], Steps]
    destroy: Callable[[Target, VaultLogin | None, Collection[DataKind]], Steps]
    require_gone: Callable[[Target], None]


def _build_argocd_undo(target: Target, session: VaultLogin | None) -> Steps:
    del session
    return (
        application_removal.build_application_undo(target),
        *argocd.build_argocd_removal(target, exact=True),
    )


def _build_argocd_destroy(
    target: Target, session: VaultLogin | None, pieces: Collection[DataKind]
) -> Steps:
    """Nothing is lost; nothing syncs; what might hang goes; then all delivered, and its bringer."""
    guarded = session is not None and "payload" not in pieces
    return (
        *((delivered_objects.build_copies_check(target, session),) if guarded and session else ()),
        cascade.build_pause_step(target),
        *(
            (delivered_objects.build_secrets_removal(target),)
            if delivered_objects.external_secret_refs(target)
            else ()
        ),
        volumes.build_keep_step(target, pieces),
        cascade.build_cascade_step(target),
        delivered_objects.build_objects_removal(target),
        *argocd.build_argocd_removal(target, exact=False),
    )


_KINDS: Mapping[str, _Delivery] = {
    "argocd": _Delivery(
        _build_argocd_undo, _build_argocd_destroy, application_removal.require_gone
    ),
    "helm": _Delivery(
        lambda target, session: (
            *helm.build_helm_removal(target, session, (), exact=True),
            build_namespace_removal(target, ()),
        ),
        lambda target, session, pieces: helm.build_helm_removal(
            target, session, pieces, exact=False
        ),
        helm.require_gone,
    ),
}


def require_removable(found: CommittedInstallation) -> None:
    """Raise RefusedError for a delivery that is taken down by hand."""
    kind = found.proposal.answers.delivery.kind
    if kind not in _KINDS:
        raise RefusedError(
            f"delivery {kind} is taken down by hand",
            f"{found.proposal.rendering.release.runbook} has the commands",
        )


def build_undo_steps(target: Target, only: Part | None = None) -> Steps:
    """Taking back what `apply` has made, and nothing that came of it; `only` leaves a part out."""
    session = _create_login(target)
    delivery = _KINDS[target.answers.delivery.kind].undo(target, session)
    store = (
        (*_build_store_removal(target, session), vault.build_mount_removal(target, session))
        if session
        else ()
    )
    first = build_identity_step(target)
    if only == "store":
        return (first, *store)
    return (first, *delivery) if only == "delivery" else (first, *delivery, *store)


def build_destroy_steps(
    target: Target, found: CommittedInstallation, pieces: Collection[DataKind], files: FileRemoval
) -> Steps:
    """Everything of the installation, its files last; of what holds data only the named pieces."""
    delivery = _KINDS[target.answers.delivery.kind]
    session = _create_login(target)
    keys = _collect_own_keys(found)
    return (
        build_identity_step(target),
        *delivery.destroy(target, session, pieces),
        volumes.build_volumes_removal(target, pieces),
        build_namespace_removal(target, pieces),
        *(_build_store_removal(target, session) if session else ()),
        *(data.build_payload_steps(target, session, pieces, keys) if session else ()),
        *((vault.build_mount_removal(target, session),) if session else ()),
        *data.build_database_removal(target, pieces),
        files.build_step(lambda: delivery.require_gone(target)),
    )


def _create_login(target: Target) -> VaultLogin | None:
    return VaultLogin(target) if target.answers.secrets.store == "vault" else None


def _build_store_removal(target: Target, session: VaultLogin) -> Steps:
    return (
        *vault.build_vault_removal(target, session),
        *reviewer_removal.build_reviewer_removal(target, session.store),
    )


def _collect_own_keys(found: CommittedInstallation) -> dict[str, frozenset[str]]:
    """The keys that are the installation's own, by who reads the path ("": Airflow)."""
    return {
        one.store.reader: frozenset(
            {"config"} if one.store.document else {fact.key for fact in one.facts}
        )
        for one in list_store_paths(found.proposal)
    }

"""What `apply --undo` and `destroy` do, in their order: the reverse of `apply`, the files last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.destroy import data
from wizard.errors import RefusedError
from wizard.systems.argocd import application_removal, cascade
from wizard.systems.argocd import removal as argocd
from wizard.systems.cluster.identity import identity
from wizard.systems.helm import removal as helm
from wizard.systems.release import delivered_objects, volumes
from wizard.systems.release.namespace_removal import namespace
from wizard.systems.vault import removal as vault
from wizard.systems.vault import reviewer_removal
from wizard.systems.vault.session import Session
from wizard.workspace.store_paths import paths

if TYPE_CHECKING:
    from wizard.apply.steps import Part
    from wizard.destroy.files import Files
    from wizard.engine.actions import Action
    from wizard.systems.target import Piece, Target
    from wizard.workspace.installation import Installed

Actions = tuple["Action", ...]


@dataclass(frozen=True, slots=True)
class _Delivery:
    """How one kind is taken back and destroyed; `require_gone` says whether the files may go."""

    undo: Callable[[Target, Session | None], Actions]
    destroy: Callable[[Target, Session | None, Collection[Piece]], Actions]
    require_gone: Callable[[Target], None]


def _argocd_undone(target: Target, session: Session | None) -> Actions:
    del session
    return (application_removal.released(target), *argocd.actions(target, exact=True))


def _argocd_destroyed(
    target: Target, session: Session | None, pieces: Collection[Piece]
) -> Actions:
    """Nothing is lost; nothing syncs; what might hang goes; then all delivered, and its bringer."""
    guarded = session is not None and "payload" not in pieces
    return (
        *((delivered_objects.copies(target, session),) if guarded and session else ()),
        cascade.paused(target),
        *((delivered_objects.secrets(target),) if delivered_objects.secret_refs(target) else ()),
        volumes.kept_back(target, pieces),
        cascade.cascaded(target),
        delivered_objects.objects(target),
        *argocd.actions(target, exact=False),
    )


_KINDS: Mapping[str, _Delivery] = {
    "argocd": _Delivery(_argocd_undone, _argocd_destroyed, application_removal.require_gone),
    "helm": _Delivery(
        lambda target, session: (
            *helm.actions(target, session, (), exact=True),
            namespace(target, ()),
        ),
        lambda target, session, pieces: helm.actions(target, session, pieces, exact=False),
        helm.require_gone,
    ),
}


def require_removable(found: Installed) -> None:
    """Raise RefusedError for a delivery that is taken down by hand."""
    kind = found.proposal.answers.delivery.kind
    if kind not in _KINDS:
        raise RefusedError(
            f"delivery {kind} is taken down by hand",
            f"{found.proposal.rendering.release.runbook} has the commands",
        )


def undo(target: Target, only: Part | None = None) -> Actions:
    """Taking back what `apply` has made, and nothing that came of it; `only` leaves a part out."""
    session = _session(target)
    delivery = _KINDS[target.answers.delivery.kind].undo(target, session)
    store = (*_store(target, session), vault.mount_action(target, session)) if session else ()
    first = identity(target)
    if only == "store":
        return (first, *store)
    return (first, *delivery) if only == "delivery" else (first, *delivery, *store)


def destroy(target: Target, found: Installed, pieces: Collection[Piece], files: Files) -> Actions:
    """Everything of the installation, its files last; of what holds data only the named pieces."""
    delivery = _KINDS[target.answers.delivery.kind]
    session = _session(target)
    keys = _keys(found)
    return (
        identity(target),
        *delivery.destroy(target, session, pieces),
        volumes.volumes(target, pieces),
        namespace(target, pieces),
        *(_store(target, session) if session else ()),
        *(data.payloads(target, session, pieces, keys) if session else ()),
        *((vault.mount_action(target, session),) if session else ()),
        *data.databases(target, pieces),
        files.action(lambda: delivery.require_gone(target)),
    )


def _session(target: Target) -> Session | None:
    return Session(target) if target.answers.secrets.store == "vault" else None


def _store(target: Target, session: Session) -> Actions:
    return (*vault.actions(target, session), *reviewer_removal.actions(target, session.store))


def _keys(found: Installed) -> dict[str, frozenset[str]]:
    """The keys that are the installation's own, by who reads the path ("": Airflow)."""
    return {
        one.store.reader: frozenset(
            {"config"} if one.store.document else {fact.key for fact in one.facts}
        )
        for one in paths(found.proposal)
    }

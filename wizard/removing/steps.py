"""What `apply --undo` and `destroy` do, in their order: the reverse of `apply`, the files last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.applying.identity import identity
from wizard.applying.vault_session import Session
from wizard.errors import RefusedError
from wizard.payloads import paths
from wizard.removing import (
    applications,
    argocd,
    cascade,
    data,
    helm,
    release,
    reviewer,
    vault,
    volumes,
)
from wizard.removing.namespace import namespace

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.steps import Part
    from wizard.applying.target import Target
    from wizard.installed import Installed
    from wizard.removing.data import Piece
    from wizard.removing.files import Files

Actions = tuple["Action", ...]


@dataclass(frozen=True, slots=True)
class _Delivery:
    """How one kind is taken back and destroyed; `require_gone` says whether the files may go."""

    undo: Callable[[Target, Session | None], Actions]
    destroy: Callable[[Target, Session | None, Collection[Piece]], Actions]
    require_gone: Callable[[Target], None]


def _argocd_undone(target: Target, session: Session | None) -> Actions:
    del session
    return (applications.released(target), *argocd.actions(target, exact=True))


def _argocd_destroyed(
    target: Target, session: Session | None, pieces: Collection[Piece]
) -> Actions:
    """Nothing is lost; nothing syncs; what might hang goes; then all delivered, and its bringer."""
    guarded = session is not None and "payload" not in pieces
    return (
        *((release.copies(target, session),) if guarded and session else ()),
        cascade.paused(target),
        *((release.secrets(target),) if release.secret_refs(target) else ()),
        volumes.kept_back(target, pieces),
        cascade.cascaded(target),
        release.objects(target),
        *argocd.actions(target, exact=False),
    )


_KINDS: Mapping[str, _Delivery] = {
    "argocd": _Delivery(_argocd_undone, _argocd_destroyed, applications.require_gone),
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
    return (*vault.actions(target, session), *reviewer.actions(target, session.store))


def _keys(found: Installed) -> dict[str, frozenset[str]]:
    """The keys that are the installation's own, by who reads the path ("": Airflow)."""
    return {
        one.store.reader: frozenset(
            {"config"} if one.store.document else {fact.key for fact in one.facts}
        )
        for one in paths(found.proposal)
    }

"""What `apply --undo` and `destroy` do, in their order: the reverse of `apply`, the files last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from wizard.applying.identity import identity
from wizard.applying.vault_session import Session
from wizard.errors import RefusedError
from wizard.removing import applications, argocd, cascade, data, release, reviewer, vault, volumes
from wizard.removing.namespace import namespace
from wizard.secrets.payload import facts_of

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.steps import Part
    from wizard.applying.target import Target
    from wizard.installed import Installed
    from wizard.removing.data import Piece

Actions = tuple["Action", ...]


def _argocd_undone(target: Target) -> Actions:
    return (applications.released(target), *argocd.actions(target, exact=True))


def _argocd_destroyed(
    target: Target, session: Session | None, pieces: Collection[Piece]
) -> Actions:
    """Nothing syncs; what must not hang goes; then what was delivered, and what brought it."""
    guarded = session is not None and "payload" not in pieces
    return (
        cascade.paused(target),
        *((release.copies(target, session),) if guarded and session else ()),
        *((release.secrets(target),) if release.secret_refs(target) else ()),
        volumes.kept_back(target, pieces),
        cascade.cascaded(target),
        release.objects(target),
        *argocd.actions(target, exact=False),
    )


_UNDONE: Mapping[str, Callable[[Target], Actions]] = {"argocd": _argocd_undone}
_DESTROYED: Mapping[str, Callable[[Target, Session | None, Collection[Piece]], Actions]] = {
    "argocd": _argocd_destroyed
}


def require_removable(found: Installed) -> None:
    """Raise RefusedError for a delivery that is taken down by hand."""
    kind = found.proposal.answers.delivery.kind
    if kind not in _DESTROYED:
        raise RefusedError(
            f"delivery {kind} is taken down by hand",
            f"{found.proposal.rendering.release.runbook} has the commands",
        )


def undo(target: Target, only: Part | None = None) -> Actions:
    """Taking back what `apply` has made, and nothing that came of it; `only` leaves a part out."""
    session = _session(target)
    delivery = _UNDONE[target.answers.delivery.kind](target)
    store = (*_store(target, session), vault.mount_action(target, session)) if session else ()
    first = identity(target)
    if only == "store":
        return (first, *store)
    return (first, *delivery) if only == "delivery" else (first, *delivery, *store)


def destroy(target: Target, found: Installed, pieces: Collection[Piece]) -> Actions:
    """Everything of the installation outside Git; of what holds data only the named pieces."""
    session = _session(target)
    keys = _keys(found)
    return (
        identity(target),
        *_DESTROYED[target.answers.delivery.kind](target, session, pieces),
        volumes.volumes(target, pieces),
        namespace(target, pieces),
        *(_store(target, session) if session else ()),
        *((data.payload(target, session, pieces, keys),) if session else ()),
        *((vault.mount_action(target, session),) if session else ()),
        data.database(target, pieces),
    )


def _session(target: Target) -> Session | None:
    return Session(target) if target.answers.secrets.store == "vault" else None


def _store(target: Target, session: Session) -> Actions:
    return (*vault.actions(target, session), *reviewer.actions(target, session.store))


def _keys(found: Installed) -> frozenset[str]:
    """The keys of the payload that are the installation's own."""
    proposal = found.proposal
    if proposal.answers.secrets.payload == "document":
        return frozenset({"config"})
    return frozenset(fact.key for fact in facts_of(proposal.rendering.total.secrets))

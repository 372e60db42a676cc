"""The places in the store that earlier committed answers named, and the values that are there.

After a change of mount, path or layout, the installation still uses the values of the old place:
they are copied, never made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wizard.answers.files import answers_data
from wizard.clients.vault.transport import VaultError
from wizard.errors import RefusedError
from wizard.formats.terminal import escape_unprintable
from wizard.plan.claims import derive_claims
from wizard.secrets.adoption import AdoptedValue, find_held_value
from wizard.secrets.payload import Payload
from wizard.systems.payload_store import EarlierValues, HiddenPlace, StoreState, find_earlier_values
from wizard.workspace.earlier import FETCH_HISTORY, LACKS_HISTORY, list_earlier_answers

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.plan.claims import Claims
    from wizard.secrets.facts import Fact
    from wizard.systems.payload_store import PayloadStore
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class EarlierPlaces:
    """Values of missing facts in earlier places, and why others may be in a place unseen."""

    found: Mapping[Fact, AdoptedValue] = field(default_factory=dict, repr=False)
    doubts: tuple[str, ...] = ()


def list_earlier_places(
    proposal: Proposal, repository: WorkTree, settings: StoreSettings
) -> tuple[StoreSettings | HiddenPlace, ...]:
    """Return the settings of one path as earlier answers placed it, the newest first.

    This run has a login at one server and namespace only. What a shallow clone lacks may name more
    places, and is the last of them.
    """
    own = derive_claims(answers_data(proposal.answers), repository.prefix)
    places: dict[tuple[tuple[str, str], str, str], StoreSettings | HiddenPlace] = {}
    for one in list_earlier_answers(repository, proposal.answers.installation.name, own):
        claims = one.claims
        path = claims.reader_path if settings.reader else claims.path
        if not (claims.mount and path):
            continue
        places[claims.vault, claims.mount, path] = (
            replace(settings, mount=claims.mount, path=path)
            if claims.vault == own.vault
            else _hide_other_server(claims, path)
        )
    places.pop((own.vault, settings.mount, settings.path), None)
    if repository.is_shallow:
        cut = f"{LACKS_HISTORY}, which may name other places of the values ({FETCH_HISTORY})"
        return (*places.values(), HiddenPlace(cut))
    return tuple(places.values())


def _hide_other_server(claims: Claims, path: str) -> HiddenPlace:
    where = " ".join(filter(None, claims.vault)) or "a Vault without a recorded address"
    return HiddenPlace(
        escape_unprintable(
            f"{claims.mount}/{path} in {where}, which earlier answers named: another server or "
            "namespace"
        )
    )


def search_earlier_places(
    places: Sequence[PayloadStore | HiddenPlace], missing: Sequence[Fact], database_user: str
) -> EarlierPlaces:
    """Read the places, the newest first, until each missing fact is found. Raises VaultError.

    A payload counts if it is this installation's. What cannot be read, and whose owner is not
    known, is a doubt: it may hold the values in use, and a place before it only older ones. So the
    search ends there.
    """
    found: dict[Fact, AdoptedValue] = {}
    for store in places:
        left = [fact for fact in missing if fact not in found]
        if not left:
            break
        if isinstance(store, HiddenPlace):
            return EarlierPlaces(found, (store.reason,))
        try:
            values, doubt = _read_place(store, left, database_user)
        except VaultError as error:
            if error.kind not in {"forbidden", "missing", "version"}:
                raise
            values, doubt = {}, error.message
        except RefusedError as error:
            values, doubt = {}, error.message
        found |= values
        if doubt:
            return EarlierPlaces(found, (f"{store.name}, which earlier answers named: {doubt}",))
    return EarlierPlaces(found)


def _read_place(
    store: PayloadStore, facts: Sequence[Fact], database_user: str
) -> tuple[dict[Fact, AdoptedValue], str]:
    """Return the values of an earlier place, or why it may hold values that do not count."""
    stored = store.read()
    if stored is None:
        return {}, ""
    owner = store.judge(stored.version).owner
    if owner.is_proven_foreign:
        return {}, ""
    if stored.deleted:
        how = "destroyed" if stored.destroyed else "deleted"
        return {}, f"its version {stored.version} is {how}"
    payload = Payload(store.name, store.document, stored.data)
    values = dict(_list_values(payload, facts, database_user))
    left = [fact for fact in facts if fact not in values]
    older = find_earlier_values(store, StoreState(payload, stored.version), left)
    doubt = _doubt_older(older, stored.version)
    if owner.is_ours:
        return values, doubt
    keys = ", ".join(fact.key for fact in values)
    held = "; ".join(filter(None, (keys and f"it holds {keys}", doubt)))
    return {}, f"{held}, and {escape_unprintable(owner.reason)}" if held else ""


def _doubt_older(older: EarlierValues, newest: int) -> str:
    """Return what older versions of an earlier place have, or hide; empty if there is nothing."""
    doubts = [
        f"its version {version} has {fact.key}, which version {newest} lacks"
        for fact, (version, _) in older.found.items()
    ]
    doubts += [f"its version {version} is deleted or not readable" for version in older.unread]
    return "; ".join(doubts)


def _list_values(
    payload: Payload, facts: Sequence[Fact], database_user: str
) -> Iterator[tuple[Fact, AdoptedValue]]:
    for fact in facts:
        held = find_held_value(payload, fact, database_user)
        if held is not None:
            yield fact, held._replace(place=f"{held.place} of {payload.name}")

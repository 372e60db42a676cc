"""The places in the store that earlier committed answers named, and the values that are there.

After a change of mount, path or layout, the installation still uses the values of the old place:
they are copied, never made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wizard.answers.files import answers_data
from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.plan.claims import derive_claims
from wizard.secrets.adoption import AdoptedValue, find_held_value
from wizard.secrets.payload import Payload
from wizard.systems.payload_store import EarlierValues, HiddenPlace, StoreState, find_earlier_values
from wizard.workspace.earlier import find_history_gap, list_earlier_answers

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.claims import Claims
    from wizard.secrets.facts import Fact
    from wizard.secrets.payload import PayloadPlace
    from wizard.systems.payload_store import PayloadStore
    from wizard.workspace.proposal import Proposal


_NAMED = "which earlier answers named"


@dataclass(frozen=True, slots=True)
class EarlierPlaces:
    """Values of missing facts in earlier places, and why others may be in a place unseen."""

    found: Mapping[Fact, AdoptedValue] = field(default_factory=dict, repr=False)
    doubts: tuple[str, ...] = ()


def list_earlier_places(
    proposal: Proposal, repository: WorkTree, settings: PayloadPlace
) -> tuple[PayloadPlace | HiddenPlace, ...]:
    """Return the settings of one path as earlier answers placed it, the newest first.

    This run has a login at one server and namespace only. A history that is not read may name more
    places, and is the last of them.
    """
    own = derive_claims(answers_data(proposal.answers), repository.prefix)
    places: dict[tuple[tuple[str, str], str, str], PayloadPlace | HiddenPlace] = {}
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
    gap = find_history_gap(repository, proposal.answers.installation.name)
    if gap is None:
        return tuple(places.values())
    cut = f"{gap.reason}, and the history may name other places of the values ({gap.command})"
    return (*places.values(), HiddenPlace(cut))


def hide_places(places: Sequence[PayloadPlace | HiddenPlace], why: str) -> list[HiddenPlace]:
    """Return the places as one that this run does not look at; empty without places."""
    named = [
        one.reason if isinstance(one, HiddenPlace) else f"{one.mount}/{one.path}, {_NAMED}: {why}"
        for one in places
    ]
    return [HiddenPlace(escape_unprintable("; ".join(named)))] if named else []


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
    """Read the places, the newest first, until each missing fact is found. Raises WizardError.

    A payload counts if it is this installation's. What cannot be read, and whose owner is not
    known, is a doubt: it may hold the values in use, and a place before it only older ones. So the
    search ends there, but not at a place that is gone.
    """
    found: dict[Fact, AdoptedValue] = {}
    doubts: list[str] = []
    for store in places:
        left = [fact for fact in missing if fact not in found]
        if not left:
            break
        if isinstance(store, HiddenPlace):
            doubts.append(store.reason)
            break
        try:
            values, doubt = _read_place(store, left, database_user)
            hidden = HiddenPlace(doubt) if doubt else None
        except WizardError as error:
            values, hidden = {}, store.explain_refusal(error)
            if hidden is None:
                raise
        found |= values
        if hidden is not None:
            doubts.append(f"{store.name}, {_NAMED}: {hidden.reason}")
            if not hidden.is_gone:
                break
    return EarlierPlaces(found, tuple(doubts))


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

"""Values that a payload has in places of another layout: they are copied, never made anew.

Document 000 keeps the metadata database as one URL, and the deploy key below `extraSecrets`. Its
other keys are those of layout `document`. After a change of `secrets.payload`, the values are still
in the places of the layout before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from wizard.secrets.facts import Fact, Form
from wizard.secrets.payload import Payload, place_name

_PLACES = {
    "databasePassword": "metadataConnection",
    "gitSshKey": "extraSecrets.airflow-ssh-secret.data.gitSshKey",
}


class AdoptedValue(NamedTuple):
    """A value in another place of the payload, and the name of that place."""

    place: str
    value: SecretStr


def find_adoptable_value(payload: Payload, fact: Fact, database_user: str) -> AdoptedValue | None:
    """Return the value of a missing fact in a place of another layout; None if there is none.

    The password of a URL counts only if the URL's user is `database_user`. Raises RefusedError if
    the place has data that cannot be the value.
    """
    return _find_in_document_000(payload, fact, database_user) or _find_in_other_layout(
        payload, fact
    )


def find_held_value(payload: Payload, fact: Fact, database_user: str) -> AdoptedValue | None:
    """Return the value of a fact in any layout; None if there is none. Raises RefusedError."""
    text = payload.get(fact)
    if text is None:
        return find_adoptable_value(payload, fact, database_user)
    return AdoptedValue(_name(payload, fact), SecretStr(text))


def _name(payload: Payload, fact: Fact) -> str:
    return place_name(fact.place if payload.document else fact.key, document=payload.document)


def _find_in_document_000(payload: Payload, fact: Fact, database_user: str) -> AdoptedValue | None:
    place = _PLACES.get(fact.key)
    if place is None or not payload.document:
        return None
    is_url = fact.key == "databasePassword"
    other = replace(fact, document=place, form=Form.GIVEN if is_url else fact.form)
    text = payload.get(other)
    if text is not None and is_url:
        text = _find_password(text, database_user)
    return AdoptedValue(place_name(place, document=True), SecretStr(text)) if text else None


def _find_in_other_layout(payload: Payload, fact: Fact) -> AdoptedValue | None:
    other = replace(payload, document=not payload.document)
    if other.document and not other.has_document:
        # Somebody else's key of this name.
        return None
    text = other.get(fact)
    return AdoptedValue(_name(other, fact), SecretStr(text)) if text is not None else None


def _find_password(url: str, user: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if unquote(parts.username or "") != user or not parts.password:
        return None
    return unquote(parts.password)

"""Writing what a store lacks, once: by check-and-set, beside whatever else stands there.

Everything new goes in one write, so that a kill leaves either nothing or all of it. Whoever
writes in between wins: their values are kept, ours are written again for what still lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.secrets.payload import Payload

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.vault.protocol import StoredSecret
    from wizard.secrets.facts import Fact

_TRIES = 2


class WriteConflictError(Exception):
    """Somebody else wrote in between: the version that was read is not the newest any more."""


class PayloadStore(Protocol):
    """A place of key-value pairs with versions."""

    @property
    def name(self) -> str:
        """The place, as people know it."""
        ...

    @property
    def document(self) -> bool:
        """Whether the payload is one YAML document."""
        ...

    def read(self) -> StoredSecret | None:
        """What stands there; None where nothing was ever written."""
        ...

    def write(self, data: Mapping[str, object], cas: int) -> int:
        """Replace it if its version is still `cas`; the new version.

        Raises WriteConflictError where it is not.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a store holds now. `version` is 0 where nothing was ever written."""

    payload: Payload
    version: int


def read_state(store: PayloadStore) -> StoreState:
    """Read the store; RefusedError where the newest version was deleted."""
    stored = store.read()
    if stored is not None and stored.deleted:
        raise RefusedError(
            f"{store.name}: version {stored.version} was deleted, and the values in use may be in "
            "it; nothing is generated in their place",
            "bring it back (`vault kv undelete`), or remove every version for good "
            "(`vault kv metadata delete`), then run this again",
        )
    payload = Payload(store.name, store.document, stored.data if stored else {})
    return StoreState(payload, stored.version if stored else 0)


@dataclass(frozen=True, slots=True)
class FillResult:
    """What a write did: the facts written, and those that somebody else wrote meanwhile."""

    version: int
    written: tuple[Fact, ...]
    theirs: tuple[Fact, ...]
    payload: Payload


def fill_store(
    store: PayloadStore, seen: StoreState, values: Mapping[Fact, SecretStr]
) -> FillResult:
    """Write these values where the store has none, and read them back.

    Raises ConflictError when others keep writing at the same time, WizardError when the store
    does not hold afterwards what it took.
    """
    theirs: tuple[Fact, ...] = ()
    for _ in range(_TRIES):
        left = {fact: value for fact, value in values.items() if fact not in theirs}
        if not left:
            return FillResult(seen.version, (), theirs, seen.payload)
        plain = {fact: value.get_secret_value() for fact, value in left.items()}
        try:
            version = store.write(seen.payload.filled(plain), seen.version)
        except WriteConflictError:
            seen = read_state(store)
            lacking = seen.payload.missing(tuple(values))
            theirs = tuple(fact for fact in values if fact not in lacking)
            continue
        return FillResult(version, tuple(left), theirs, _read_back(store, version, plain))
    keys = ", ".join(fact.key for fact in values if fact not in theirs)
    raise ConflictError(
        f"{store.name}: others write there at the same time; not written: {keys}",
        "find out who does, then run this again: it writes only what still lacks",
    )


def _read_back(store: PayloadStore, version: int, plain: Mapping[Fact, str]) -> Payload:
    import hmac

    now = read_state(store)
    wrong = [
        fact.key
        for fact, value in plain.items()
        if not hmac.compare_digest((now.payload.get(fact) or "").encode(), value.encode())
    ]
    if wrong and now.version == version:
        raise WizardError(f"{store.name} does not hold what it took: {', '.join(wrong)}")
    return now.payload

"""Write the missing values of a store once, with check-and-set, and keep its other keys.

All new values are written in one request, so an interrupted run leaves either none or all of them.
A concurrent writer wins: their values are kept, and only values that are still missing are written
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wizard.engine.steps import StepStatus
from wizard.errors import NO_FIX, ConflictError, Fix, RefusedError, WizardError
from wizard.manifests.ownership import Ownership
from wizard.secrets.payload import Payload

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.vault.protocol import StoredSecret
    from wizard.secrets.facts import Fact

_TRIES = 2


class WriteConflictError(Exception):
    """Somebody else wrote in between: the version that was read is no longer the newest."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a stored payload is, and the STEP@SEAL of a yes to filling exactly this version of it.

    `seal` is empty if no yes is needed, or none may help; `fix` then says what helps.
    """

    owner: Ownership
    seal: str = ""
    fix: Fix = NO_FIX


@dataclass(frozen=True, slots=True)
class HiddenPlace:
    """A place that this run cannot look at, and why, in words.

    One that `is_gone` has nothing any more, so older places may still be looked at.
    """

    reason: str
    is_gone: bool = False


class PayloadStore(Protocol):
    """A path in a store that holds versioned key-value pairs."""

    @property
    def name(self) -> str:
        """The path as shown to people."""
        ...

    @property
    def document(self) -> bool:
        """Whether the payload is one YAML document."""
        ...

    def show_version(self, version: int) -> str:
        """Return a version for messages, such as `version 3`; empty if only values have one."""
        ...

    def read(self) -> StoredSecret | None:
        """Return the stored secret; None when nothing was ever written."""
        ...

    def read_version(self, version: int) -> StoredSecret | None:
        """Return an older version of the secret; None if the store no longer keeps it."""
        ...

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return why a look failed, if only this place is hidden; None if the store failed."""
        ...

    def judge(self, version: int) -> Claim:
        """Return whose the secret with this newest version is; ours if nothing is stored."""
        ...

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Replace the secret if its version is still `cas`, and return the new version.

        `agreed` is that of the operator's yes to a secret whose owner is unknown. Raises
        WriteConflictError for any other version, and RefusedError for a secret of others.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoreState:
    """The current content of a store; `version` is 0 when nothing was ever written.

    `expires` is the time at which the store will delete this version, empty if it will not.
    """

    payload: Payload
    version: int
    expires: str = ""


@dataclass(frozen=True, slots=True)
class EarlierValues:
    """Values of missing facts in older versions of the store, each with its version.

    `unread` holds the versions whose values cannot be read any more.
    """

    found: Mapping[Fact, tuple[int, str]] = field(default_factory=dict, repr=False)
    unread: tuple[int, ...] = ()


def find_earlier_values(
    store: PayloadStore, seen: StoreState, missing: Sequence[Fact]
) -> EarlierValues:
    """Read the older versions, the newest first, until each missing fact is found."""
    found: dict[Fact, tuple[int, str]] = {}
    unread: list[int] = []
    for version in range(seen.version - 1, 0, -1):
        left = [fact for fact in missing if fact not in found]
        if not left:
            break
        stored = store.read_version(version)
        if stored is None:
            # The store keeps a limited number of versions, and so none that is older.
            break
        try:
            held = Payload(store.name, store.document, stored.data)
            values = {fact: value for fact in left if (value := held.get(fact)) is not None}
        except RefusedError:
            unread.append(version)
            continue
        found |= {fact: (version, value) for fact, value in values.items()}
        unread += [version] if stored.deleted else []
    return EarlierValues(found, tuple(unread))


def read_state(store: PayloadStore) -> StoreState:
    """Read the store. Raises RefusedError when the newest version was deleted."""
    stored = store.read()
    if stored is not None and stored.deleted:
        raise RefusedError(
            f"{store.name}: version {stored.version} was "
            f"{'destroyed' if stored.destroyed else 'deleted'} and may have held the values in "
            "use; no new value is generated",
            _explain_loss(store, stored),
        )
    payload = Payload(store.name, store.document, stored.data if stored else {})
    if stored is None:
        return StoreState(payload, 0)
    return StoreState(payload, stored.version, stored.expires)


def judge_values(store: PayloadStore, facts: Sequence[Fact]) -> StepStatus:
    """Return whether the store has a value for each of these facts.

    Raises RefusedError when the newest version was deleted, and the errors of the store's client.
    """
    missing = read_state(store).payload.missing(facts)
    if not missing:
        return StepStatus("holds", f"{store.name} has all {len(facts)} values")
    keys = ", ".join(fact.key for fact in missing)
    return StepStatus("wanted", f"{store.name} has no {keys}", Fix("run `airflow-wizard secrets`"))


def _explain_loss(store: PayloadStore, stored: StoredSecret) -> str:
    """Return what helps with a version that has no values any more."""
    discard = (
        "if nothing uses its values, delete all versions permanently (`vault kv metadata delete`), "
        "then run this again"
    )
    if not stored.destroyed:
        return f"restore it (`vault kv undelete -versions={stored.version}`); {discard}"
    for version in range(stored.version - 1, 0, -1):
        older = store.read_version(version)
        if older is None:
            break
        if not older.deleted:
            return (
                "a destroyed version cannot be restored, but an older one has values: check that "
                f"they are the ones in use, then run `vault kv rollback -version={version}`; "
                f"{discard}"
            )
        if not older.destroyed:
            return (
                "a destroyed version cannot be restored, but an older one was only deleted: run "
                f"`vault kv undelete -versions={version}`, check that its values are the ones in "
                f"use, then `vault kv rollback -version={version}`; {discard}"
            )
    return (
        "a destroyed version cannot be restored, and no older one has values: write the values "
        "again from a backup of the store, or from the Secrets in the cluster (`vault kv put`); "
        f"{discard}"
    )


@dataclass(frozen=True, slots=True)
class FillResult:
    """The facts written by this run, and `theirs`, which somebody else wrote meanwhile."""

    version: int
    written: tuple[Fact, ...]
    theirs: tuple[Fact, ...]
    payload: Payload


def fill_store(
    store: PayloadStore, seen: StoreState, values: Mapping[Fact, SecretStr], agreed: str = ""
) -> FillResult:
    """Write these values where the store has none, and read them back.

    `agreed` is that of the operator's yes; see `PayloadStore.write`. Raises ConflictError when
    others keep writing at the same time, RefusedError for a payload of others, and WizardError when
    the store does not return the values that it accepted.
    """
    theirs: tuple[Fact, ...] = ()
    for _ in range(_TRIES):
        left = {fact: value for fact, value in values.items() if fact not in theirs}
        if not left:
            return FillResult(seen.version, (), theirs, seen.payload)
        plain = {fact: value.get_secret_value() for fact, value in left.items()}
        try:
            version = store.write(seen.payload.filled(plain), seen.version, agreed)
        except WriteConflictError:
            seen = read_state(store)
            missing = seen.payload.missing(tuple(values))
            theirs = tuple(fact for fact in values if fact not in missing)
            continue
        written = tuple(left)
        return FillResult(version, written, theirs, _read_back(store, version, plain))
    keys = ", ".join(fact.key for fact in values if fact not in theirs)
    raise ConflictError(
        f"{store.name}: others are writing at the same time; not written: {keys}",
        "stop the other writer, then run this again; only missing values are written",
    )


def _read_back(store: PayloadStore, version: int, plain: Mapping[Fact, str]) -> Payload:
    import hmac

    keys = ", ".join(fact.key for fact in plain)
    try:
        now = read_state(store)
    except WizardError as error:
        error.message = (
            f"version {version} of {store.name} was written with {keys}, but could not be read "
            f"back: {error.message}"
        )
        raise
    wrong = [
        fact.key
        for fact, value in plain.items()
        if not hmac.compare_digest((now.payload.get(fact) or "").encode(), value.encode())
    ]
    if wrong and now.version == version:
        raise WizardError(f"{store.name} does not return the written values: {', '.join(wrong)}")
    return now.payload

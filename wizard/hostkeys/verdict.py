"""Host keys with their evidence, and the verdict on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from wizard.errors import ConflictError, RefusedError
from wizard.hostkeys.keys import ACCEPTED_TYPES, HostKey

COMPARE_HINT = (
    "compare it with what the host's owner publishes or reads out to you, and type it "
    "(--host-key-fingerprint SHA256:...)"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why, by whom and when (UTC date) a key was accepted; `source` is the publisher's page."""

    kind: Literal["published", "fingerprint"]
    sha256: str
    by: str
    date: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class KnownHost:
    """One item of `dags.host_keys`; its evidence counts only in a committed entry."""

    host: str
    type: str
    key: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A key that is not accepted: the reason, and what to do."""

    entry: KnownHost
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that differs from the committed key of its type; `typed`: its fingerprint was typed."""

    host: str
    type: str
    old: str
    new: str
    typed: bool


@dataclass(frozen=True, slots=True)
class HostKeyVerdict:
    """The result of `judge_host_keys`; `require` returns the accepted entries."""

    name: str
    accepted: tuple[KnownHost, ...] = ()
    refused: tuple[Refusal, ...] = ()
    unused: tuple[str, ...] = ()
    changed: tuple[KeyChange, ...] = ()

    @property
    def entries(self) -> tuple[KnownHost, ...]:
        """Return every key that was judged, accepted ones first."""
        return (*self.accepted, *(one.entry for one in self.refused))

    @property
    def ok(self) -> bool:
        """Return whether all keys have evidence, none changed, and all typed fingerprints match."""
        return bool(self.accepted) and not (self.refused or self.unused or self.changed)

    def require(
        self, *, replace_changed: bool = False, used_elsewhere: Collection[str] = ()
    ) -> tuple[KnownHost, ...]:
        """Return the accepted entries; raises if any key or fingerprint is not acceptable.

        `replace_changed` is the user's confirmation to replace committed keys whose new
        fingerprints were typed; `used_elsewhere` are typed fingerprints that belong to a different
        host of the same run. Raises ConflictError (exit 5) for a changed key without confirmation,
        and RefusedError (exit 4) for a key without evidence, a fingerprint that matches no key, or
        no key at all.
        """
        if self.changed and not (replace_changed and all(item.typed for item in self.changed)):
            raise ConflictError(
                f"the SSH host key of {self.name} is not the one that was accepted before: "
                + "; ".join(
                    f"{item.type} was {item.old} and is now {item.new}" for item in self.changed
                ),
                "the connection may be intercepted: ask the host's owner whether the key was "
                f"replaced; if so, {COMPARE_HINT}, and confirm the replacement",
            )
        lines = [f"{_short(item.entry)}: {item.reason}" for item in self.refused]
        lines += [
            f"the typed {value} matches no given key"
            for value in self.unused
            if value not in used_elsewhere
        ]
        if not lines and not self.accepted:
            lines = ["no key was given"]
        if lines:
            fixes = dict.fromkeys(item.fix for item in self.refused)
            raise RefusedError(
                f"the SSH host keys of {self.name} are not proven: " + "; ".join(lines),
                "; ".join(fixes) or f"scan or paste the keys of {self.name}, then {COMPARE_HINT}",
            )
        return self.accepted


def _short(entry: KnownHost) -> str:
    key = parse_host_key(entry)
    if isinstance(key, HostKey):
        return f"{key.type} {key.fingerprint}"
    return entry.type if entry.type in ACCEPTED_TYPES else "a key"


def parse_host_key(entry: KnownHost) -> HostKey | str:
    """Return the entry's key, or why it is not a key."""
    try:
        return HostKey(entry.type, entry.key)
    except ValueError as error:
        return str(error)

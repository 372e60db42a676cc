"""What a scan of a host's keys found, and which of them may be put to the judge.

A scan proves that whoever answered holds these keys, never that it is the right host: its keys are
candidates for `wizard.hostkeys.trust.judge_host_keys` exactly as pasted ones are, and nothing here
accepts any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wizard.hostkeys.keys import HostKey, known_hosts_name, parse_fingerprint
from wizard.hostkeys.published import published_keys, retired_reason
from wizard.hostkeys.verdict import KnownHost

Scanner = Callable[[str, int], "Scan"]


@dataclass(frozen=True, slots=True)
class Scan:
    """The keys one host showed, by type; what it lacks; why the other types could not be asked.

    `missing` are key types that the host does not offer, `problems` says by key type what went
    wrong, `problem` why there is no key at all (empty when there is one).
    """

    host: str
    port: int
    keys: tuple[HostKey, ...] = ()
    missing: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def name(self) -> str:
        """The host as known_hosts lines name it."""
        return known_hosts_name(self.host, self.port)

    @property
    def entries(self) -> tuple[KnownHost, ...]:
        """The keys as entries without evidence."""
        bare = known_hosts_name(self.host, 22)
        return tuple(KnownHost(bare, key.type, key.key) for key in self.keys)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what could not be scanned; key types the host lacks are no news."""
        if self.problem:
            return (f"{self.name} could not be scanned: {self.problem}",)
        return tuple(
            f"{self.name} {kind} could not be scanned: {why}" for kind, why in self.problems.items()
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scanned keys for the judge, and those left out because nobody vouched for them."""

    entries: tuple[KnownHost, ...]
    left_out: tuple[HostKey, ...] = ()
    typed: frozenset[str] = frozenset()

    def merge_with(self, given: Sequence[KnownHost]) -> tuple[KnownHost, ...]:
        """The given entries and these; one whose fingerprint was typed takes its type's place."""
        replaced = {
            entry.type
            for entry in self.entries
            if HostKey(entry.type, entry.key).fingerprint in self.typed
        }
        return (*(one for one in given if one.type not in replaced), *self.entries)


def select_candidates(
    scan: Scan, *, typed: Sequence[str], committed: Sequence[KnownHost]
) -> Candidates:
    """Which scanned keys to judge: all, unless some are vouched for and others merely unknown.

    Typing one fingerprint pins that key and leaves the host's other types out. What argues
    against the host is never left out: a retired key, a key in the place of a committed one, and
    every key of a host whose publisher prints its keys. Raises ValueError for a typed text that
    is no fingerprint.
    """
    entries = dict(zip(scan.keys, scan.entries, strict=True))
    wanted = frozenset(parse_fingerprint(text) for text in typed)
    standing = _keys_of(committed, scan)
    vouched = {key for key in scan.keys if key.fingerprint in wanted or key in standing}
    if published_keys(scan.host, scan.port) or not vouched:
        return Candidates(tuple(entries.values()), (), wanted)
    types = {key.type for key in standing}
    alarming = {key for key in scan.keys if key.type in types or retired_reason(key.fingerprint)}
    left = tuple(key for key in scan.keys if key not in vouched | alarming)
    return Candidates(tuple(entries[key] for key in scan.keys if key not in left), left, wanted)


def _keys_of(entries: Iterable[KnownHost], scan: Scan) -> set[HostKey]:
    found = set()
    for entry in entries:
        try:
            if known_hosts_name(entry.host, 22) == known_hosts_name(scan.host, 22):
                found.add(HostKey(entry.type, entry.key))
        except ValueError:
            continue
    return found

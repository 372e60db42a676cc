"""The result of a host key scan, and the selection of keys to judge.

A scan proves that the server that answered has these keys, not that it is the right host. Scanned
keys are candidates for `wizard.hostkeys.trust.judge_host_keys`, like pasted keys; nothing here
accepts a key.
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
    """The keys that one host showed, missing key types, and failures.

    `missing` are key types that the host does not offer, `problems` the failures by key type, and
    `problem` is the reason why there is no key at all (empty if there is a key).
    """

    host: str
    port: int
    keys: tuple[HostKey, ...] = ()
    missing: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def name(self) -> str:
        """Return the host's name in known_hosts lines."""
        return known_hosts_name(self.host, self.port)

    @property
    def entries(self) -> tuple[KnownHost, ...]:
        """Return the keys as entries without evidence."""
        bare = known_hosts_name(self.host, 22)
        return tuple(KnownHost(bare, key.type, key.key) for key in self.keys)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences about failures; a key type that the host does not have is no failure."""
        if self.problem:
            return (f"{self.name} could not be scanned: {self.problem}",)
        return tuple(
            f"{self.name} {kind} could not be scanned: {why}" for kind, why in self.problems.items()
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scanned keys to judge, and scanned keys left out because they were not typed or committed."""

    entries: tuple[KnownHost, ...]
    left_out: tuple[HostKey, ...] = ()
    typed: frozenset[str] = frozenset()

    def merge_with(self, given: Sequence[KnownHost]) -> tuple[KnownHost, ...]:
        """Return given and scanned entries.

        A scanned key whose fingerprint was typed replaces the given keys of its type.
        """
        replaced = {
            entry.type
            for entry in self.entries
            if HostKey(entry.type, entry.key).fingerprint in self.typed
        }
        return (*(one for one in given if one.type not in replaced), *self.entries)


def select_candidates(
    scan: Scan, *, typed: Sequence[str], committed: Sequence[KnownHost]
) -> Candidates:
    """Return which scanned keys to judge: all keys, or only the known ones if any key is known.

    A key is known if its fingerprint was typed or it is committed. So one typed fingerprint leaves
    out the host's other key types. Evidence against the host is never left out: a retired key, a
    key that replaces a committed key, and every key of a host with published keys. Raises
    ValueError for a typed text that is not a fingerprint.
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

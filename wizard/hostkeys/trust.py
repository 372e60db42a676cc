"""Decides which host keys are trusted. Evidence is never read from input, but derived in every run.

A key is trusted for one of three reasons: its publisher lists it (all given keys are on the shipped
list, and none is retired), the user typed its fingerprint in this run, or the target branch has
exactly this entry with a typed fingerprint. Evidence in an answers file, a preset or a merge is
ignored. The module uses no clock, Git or network: `by`, `date`, the typed fingerprints and the
committed entries are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wizard.hostkeys.keys import ACCEPTED_TYPES, HostKey, known_hosts_name, parse_fingerprint
from wizard.hostkeys.published import published_keys, retired_reason
from wizard.hostkeys.verdict import (
    COMPARE_HINT,
    Evidence,
    HostKeyVerdict,
    KeyChange,
    KnownHost,
    Refusal,
    parse_host_key,
)


def _is_for(entry: KnownHost, host: str, port: int) -> bool:
    """Return whether the entry is for this host; if the entry has a port, it must match too."""
    try:
        name = known_hosts_name(entry.host, 22)
    except ValueError:
        return entry.host.lower() == f"[{known_hosts_name(host, 22)}]:{port}"
    return name == known_hosts_name(host, 22)


def published_entries(host: str, port: int) -> tuple[KnownHost, ...]:
    """Return the host's published keys, which need not be pasted.

    `judge_host_keys` must still accept these keys. Empty for a host without published keys.
    """
    bare = known_hosts_name(host, 22)
    return tuple(
        KnownHost(bare, item.key.type, item.key.key) for item in published_keys(host, port)
    )


def judge_host_keys(
    entries: Sequence[KnownHost],
    *,
    host: str,
    port: int,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
) -> HostKeyVerdict:
    """Return which of `entries` may be written for the repository's `host` and `port`, and why.

    `typed` are the fingerprints typed or given as options in this run, `committed` the entries on
    the target branch. Evidence inside `entries` is ignored. Raises ValueError for an invalid host
    or port, and for a typed text that is not a fingerprint.
    """
    name = known_hosts_name(host, port)
    wanted = tuple(dict.fromkeys(parse_fingerprint(text) for text in typed))
    bare = known_hosts_name(host, 22)
    standing = [_with_bare_host(entry, bare) for entry in committed if _is_for(entry, host, port)]
    given = [
        _with_bare_host(entry, bare) if _is_for(entry, host, port) else entry for entry in entries
    ]
    given = list(dict.fromkeys(replace(entry, evidence=None) for entry in given))
    rules = _Rules(
        bare,
        port,
        frozenset(wanted),
        tuple(standing),
        by,
        date,
        _find_publisher_pages(given, host, port),
    )
    results = [rules.decide(entry) for entry in given]
    accepted = [item for item in results if isinstance(item, KnownHost)]
    refused = [item for item in results if isinstance(item, Refusal)]
    if refused and published_keys(host, port):
        # One key that its publisher does not list makes all keys of that host suspect.
        refused = [_refuse_entry(item) for item in results]
        accepted = []
    seen = {key.fingerprint for key in map(parse_host_key, given) if isinstance(key, HostKey)}
    return HostKeyVerdict(
        name,
        tuple(sorted(accepted, key=_order)),
        tuple(refused),
        tuple(value for value in wanted if value not in seen),
        tuple(rules.changes(given)),
    )


def _with_bare_host(entry: KnownHost, bare: str) -> KnownHost:
    return replace(entry, host=bare)


def _refuse_entry(item: KnownHost | Refusal) -> Refusal:
    if isinstance(item, Refusal):
        return item
    return Refusal(
        replace(item, evidence=None),
        "a different key given for this host is not accepted",
        "remove the other key, or scan again from a network that you trust",
    )


def _find_publisher_pages(entries: Iterable[KnownHost], host: str, port: int) -> dict[HostKey, str]:
    """Return the publisher's page of each listed key; empty unless all `entries` are listed."""
    sources = {item.key: item.source for item in published_keys(host, port)}
    return sources if all(parse_host_key(entry) in sources for entry in entries) else {}


@dataclass(frozen=True, slots=True)
class _Rules:
    host: str
    port: int
    typed: frozenset[str]
    committed: tuple[KnownHost, ...]
    by: str
    date: str
    listed: dict[HostKey, str]

    def decide(self, entry: KnownHost) -> KnownHost | Refusal:
        key = parse_host_key(entry)
        if isinstance(key, str):
            return Refusal(entry, key, "paste the key again as ssh-keyscan prints it")
        if entry.host != self.host:
            return Refusal(
                entry,
                "this key is for a host other than the repository's",
                f"remove it and give the keys of {known_hosts_name(self.host, self.port)}",
            )
        retired = retired_reason(key.fingerprint)
        if retired:
            return Refusal(
                entry,
                f"this key was retired and must not be trusted ({retired})",
                "remove it, and give the host's current key",
            )
        if self._replaces(entry) and key.fingerprint not in self.typed:
            return Refusal(
                entry,
                "the committed key of this type is different",
                f"if the host's owner replaced it: {COMPARE_HINT}",
            )
        evidence = self._evidence(entry, key)
        if evidence is None:
            return self._unproven(entry, key)
        return replace(entry, evidence=evidence)

    def _evidence(self, entry: KnownHost, key: HostKey) -> Evidence | None:
        before = [
            standing.evidence
            for standing in self.committed
            if (standing.type, standing.key) == (entry.type, entry.key)
            and standing.evidence is not None
            and standing.evidence.sha256 == key.fingerprint
        ]
        for evidence in before:
            if evidence.kind == "fingerprint":
                return evidence
        if key in self.listed:
            # Keep only user and date; every run checks again whether the key is published.
            first = before[0] if before else Evidence("published", "", self.by, self.date)
            return Evidence("published", key.fingerprint, first.by, first.date, self.listed[key])
        if key.fingerprint in self.typed:
            return Evidence("fingerprint", key.fingerprint, self.by, self.date)
        return None

    def _unproven(self, entry: KnownHost, key: HostKey) -> Refusal:
        if published_keys(self.host, self.port):
            return Refusal(
                entry,
                f"{known_hosts_name(self.host, self.port)} publishes its keys, but not every key "
                "given is on this version's list",
                "remove the key that is not published, or open the publisher's page and "
                f"{COMPARE_HINT} for every key",
            )
        return Refusal(
            entry,
            "nothing proves that this key is the host's",
            f"its fingerprint is {key.fingerprint}: {COMPARE_HINT}",
        )

    def _replaces(self, entry: KnownHost) -> bool:
        return any(standing.type == entry.type for standing in self.committed) and not any(
            (standing.type, standing.key) == (entry.type, entry.key) for standing in self.committed
        )

    def changes(self, entries: Sequence[KnownHost]) -> list[KeyChange]:
        """Return new keys that replace committed keys of the same type."""
        found = []
        for entry in entries:
            new = parse_host_key(entry)
            if entry.host != self.host or isinstance(new, str) or not self._replaces(entry):
                continue
            for standing in self.committed:
                old = parse_host_key(standing)
                if standing.type == entry.type and isinstance(old, HostKey):
                    typed = new.fingerprint in self.typed
                    found.append(
                        KeyChange(self.host, entry.type, old.fingerprint, new.fingerprint, typed)
                    )
        return found


def format_known_hosts(accepted: Sequence[KnownHost], *, port: int) -> str:
    """Return the text of `dags.gitSync.knownHosts`: one line per key, sorted, LF, unhashed.

    Raises ValueError if there is no entry (the chart would then disable host key verification) or
    an entry that `judge_host_keys` did not accept.
    """
    if not accepted:
        raise ValueError("known_hosts needs at least one accepted key")
    lines = []
    for entry in sorted(accepted, key=_order):
        key = HostKey(entry.type, entry.key)
        if entry.evidence is None or entry.evidence.sha256 != key.fingerprint:
            raise ValueError(f"the {key.type} key {key.fingerprint} has no evidence")
        lines.append(key.known_hosts_line(entry.host, port) + "\n")
    return "".join(lines)


def _order(entry: KnownHost) -> tuple[int, str]:
    return (ACCEPTED_TYPES.index(entry.type), entry.key)

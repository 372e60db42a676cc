"""Verifies the host keys of answers: only keys that were verified in this run are rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wizard.answers.sections.dag_repository import EvidenceRecord, HostKeyEntry
from wizard.formats.nested import get_value
from wizard.hostkeys.keys import HostKey, known_hosts_name, parse_fingerprint
from wizard.hostkeys.scan import Scan, Scanner, select_candidates
from wizard.hostkeys.trust import judge_host_keys, published_entries
from wizard.hostkeys.verdict import Evidence, HostKeyVerdict, KnownHost, parse_host_key

if TYPE_CHECKING:
    from wizard.answers.model import Answers


@dataclass(frozen=True, slots=True)
class VerifiedAnswers:
    """Answers whose host keys all have evidence from this run, and why other keys were refused.

    `missing` are sentences for `plan`; `verdict` is that on the host of dags.repo, None if it
    needs no host key. `notes` report what a scan could not read, and which scanned keys were
    omitted because their fingerprint was not typed.
    """

    answers: Answers
    verdict: HostKeyVerdict | None
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitHost:
    """A host from which pods clone over SSH, and the keys that the answers give for it."""

    host: str
    port: int
    given: tuple[KnownHost, ...]

    @property
    def name(self) -> str:
        """Return the host's name in known_hosts."""
        return known_hosts_name(self.host, self.port)

    @property
    def known(self) -> tuple[KnownHost, ...]:
        """Return the given keys, or those that the host's owner publishes."""
        return self.given or published_entries(self.host, self.port)


def list_committed(data: Mapping[str, Any] | None) -> Iterator[tuple[str, KnownHost]]:
    """Yield the host keys in committed raw answers, each with the URL of its repository."""
    dags = get_value(data or {}, ("dags",))
    bundles = get_value(data or {}, ("dags", "bundles"), []) or []
    for owner in (dags, *(bundles if isinstance(bundles, list) else [])):
        listed = owner.get("host_keys") if isinstance(owner, Mapping) else None
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, Mapping):
                yield str(owner.get("repo", "")), _read_committed(item)


def _read_committed(item: Mapping[str, Any]) -> KnownHost:
    record = item.get("evidence")
    evidence = None
    if isinstance(record, Mapping) and record.get("kind") in {"published", "fingerprint"}:
        texts = {name: str(record.get(name, "")) for name in ("sha256", "by", "date", "source")}
        evidence = Evidence(record["kind"], **texts)
    texts = {name: str(item.get(name, "")) for name in ("host", "type", "key")}
    return KnownHost(**texts, evidence=evidence)


def committed_entries(data: Mapping[str, Any] | None) -> tuple[KnownHost, ...]:
    """Return the host keys in committed raw answers, with their recorded evidence."""
    return tuple(entry for _, entry in list_committed(data))


def verify_host_keys(
    answers: Answers,
    *,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scanner: Scanner | None = None,
    scan: Scan | None = None,
) -> VerifiedAnswers:
    """Verify the host keys of every Git host; the evidence that the answers claim is ignored.

    If no key was pasted, the keys that the host's publisher prints are used. For other hosts, and
    for a typed fingerprint of an unknown key, `scanner` is called unless it is None. `scan` is a
    scan that the operator requested: its keys are verified along with the known ones. Raises
    ValueError for a typed text that is not a fingerprint, and ConflictError for a key that
    differs from the committed one, unless its fingerprint was typed.
    """
    hosts = list_git_hosts(answers)
    if not hosts:
        return VerifiedAnswers(_with_keys(answers, {}), None, (), _unused_fingerprint_notes(typed))
    scans = _scan_hosts(hosts, typed, scanner, scan)
    verdicts = [
        _judge(one, typed, committed, by, date, found)
        for one, found in zip(hosts, scans, strict=True)
    ]
    verdicts = _share_unused(verdicts)
    for verdict in verdicts:
        if any(not change.typed for change in verdict.changed):
            # Stop and show both keys; typing the new fingerprint accepts the change.
            verdict.require()
    notes: list[str] = []
    missing: list[str] = []
    for verdict, found in zip(verdicts, scans, strict=True):
        if found is not None:
            shown = _own_fingerprints(found, typed)
            left = select_candidates(found, typed=shown, committed=committed).left_out
            notes += [*found.notes, *(_skip_note(found, key) for key in left)]
        own = needed_host(answers) and verdict is verdicts[0]
        question = "dags.host_keys" if own else "host_keys of its bundle"
        missing += _missing_evidence(verdict, found, question)
    accepted = {
        (one.host, one.port): verdict.accepted for one, verdict in zip(hosts, verdicts, strict=True)
    }
    first = verdicts[0] if needed_host(answers) else None
    return VerifiedAnswers(_with_keys(answers, accepted), first, tuple(missing), tuple(notes))


def judge_answers(
    answers: Answers,
    *,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scan: Scan | None = None,
) -> HostKeyVerdict | None:
    """Return the verdict on the host of dags.repo without raising; None if it needs no key.

    A fingerprint is unused if it is that of no key of any Git host.
    """
    if needed_host(answers) is None:
        return None
    verdicts = [
        _judge(one, typed, committed, by, date, scan if number == 0 else None)
        for number, one in enumerate(list_git_hosts(answers))
    ]
    return _share_unused(verdicts)[0]


def needed_host(answers: Answers) -> tuple[str, int] | None:
    """Return the host and port of dags.repo; None if it needs no host key."""
    location = answers.dags.location
    if location is None or not answers.dags.is_over_ssh:
        return None
    return location.host, location.port


def list_git_hosts(answers: Answers) -> tuple[GitHost, ...]:
    """Return the hosts that need a host key, each once: that of dags.repo, then the bundles'."""
    dags, found = answers.dags, dict[tuple[str, int], list[HostKeyEntry]]()
    if place := needed_host(answers):
        found[place] = [*dags.host_keys]
    for bundle in dags.bundles if dags.source == "bundle" else ():
        if bundle.is_over_ssh:
            place = (bundle.location.host, bundle.location.port)
            found.setdefault(place, []).extend(bundle.host_keys or ())
    return tuple(
        GitHost(host, port, tuple(KnownHost(one.host, one.type, one.key) for one in entries))
        for (host, port), entries in found.items()
    )


def without_host_keys(answers: Answers) -> Answers:
    """Return the answers without any host key, so that none without evidence is rendered."""
    return _with_keys(answers, {})


def _judge(
    one: GitHost,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scan: Scan | None,
) -> HostKeyVerdict:
    entries = one.known
    if scan is not None and scan.name == one.name:
        own = _own_fingerprints(scan, typed)
        entries = select_candidates(scan, typed=own, committed=committed).merge_with(entries)
    return judge_host_keys(
        entries,
        host=one.host,
        port=one.port,
        typed=typed,
        committed=committed,
        by=by,
        date=date,
    )


def _share_unused(verdicts: Sequence[HostKeyVerdict]) -> list[HostKeyVerdict]:
    """Return the verdicts; the first one alone names the fingerprints that none of them uses."""
    unused = tuple(
        value for value in verdicts[0].unused if all(value in one.unused for one in verdicts)
    )
    return [
        replace(one, unused=unused if number == 0 else ()) for number, one in enumerate(verdicts)
    ]


def _scan_hosts(
    hosts: Sequence[GitHost],
    typed: Sequence[str],
    scanner: Scanner | None,
    scan: Scan | None,
) -> list[Scan | None]:
    """Return a scan of each host that needs one: no key is known, or a typed one is of no host."""
    found = {one.name: scan for one in hosts if scan is not None and scan.name == one.name}
    if scanner is not None:
        for one in hosts:
            if one.name not in found and not one.known:
                found[one.name] = scanner(one.host, one.port)
        seen = {_fingerprint(entry) for one in hosts for entry in one.known}
        seen |= {key.fingerprint for one in found.values() for key in one.keys}
        if not {parse_fingerprint(text) for text in typed} <= seen:
            for one in hosts:
                if one.name not in found:
                    found[one.name] = scanner(one.host, one.port)
    return [found.get(one.name) for one in hosts]


def _fingerprint(entry: KnownHost) -> str:
    key = parse_host_key(entry)
    return "" if isinstance(key, str) else key.fingerprint


def _own_fingerprints(scan: Scan, typed: Sequence[str]) -> list[str]:
    """Return the typed fingerprints of keys that this host shows."""
    shown = {key.fingerprint for key in scan.keys}
    return [text for text in typed if parse_fingerprint(text) in shown]


def _skip_note(scan: Scan, key: HostKey) -> str:
    return (
        f"{scan.name} shows a further key, {key.type} {key.fingerprint}; it is not used, because "
        "its fingerprint was not typed"
    )


def _missing_evidence(verdict: HostKeyVerdict, scan: Scan | None, question: str) -> list[str]:
    found = [
        f"{item.entry.host} {item.entry.type}: {item.reason}; {item.fix}"
        for item in verdict.refused
    ]
    found += [f"the fingerprint {value} does not match any key" for value in verdict.unused]
    if not verdict.accepted and not verdict.refused:
        tried = f" (a scan found none: {scan.problem})" if scan is not None else ""
        found.append(
            f"no host key of {verdict.name} is known{tried}: paste its keys "
            f"(ssh-keyscan prints them) into {question} and type their fingerprint "
            "(--host-key-fingerprint SHA256:...)"
        )
    return found


def _unused_fingerprint_notes(typed: Sequence[str]) -> tuple[str, ...]:
    """Return a note about unused fingerprints; ValueError for a text that is not a fingerprint."""
    if not [parse_fingerprint(text) for text in typed]:
        return ()
    return ("--host-key-fingerprint is not used: these answers need no host key",)


def _with_keys(
    answers: Answers, accepted: Mapping[tuple[str, int], Sequence[KnownHost]]
) -> Answers:
    """Return the answers with these keys: a host's are in the first question that needs them."""
    dags, left = answers.dags, dict(accepted)
    place = needed_host(answers)
    own = _to_answers(left.pop(place, ())) if place else []
    bundles = []
    for one in dags.bundles:
        where = (one.location.host, one.location.port)
        keys = _to_answers(left.pop(where, ())) if one.is_over_ssh else []
        bundles.append(one.model_copy(update={"host_keys": keys or None}))
    changed = dags.model_copy(update={"host_keys": own, "bundles": bundles})
    return answers.model_copy(update={"dags": changed})


def _to_answers(entries: Sequence[KnownHost]) -> list[HostKeyEntry]:
    return [
        HostKeyEntry(
            host=entry.host,
            type=entry.type,
            key=entry.key,
            evidence=EvidenceRecord(
                kind=entry.evidence.kind,
                sha256=entry.evidence.sha256,
                by=entry.evidence.by,
                date=entry.evidence.date,
                source=entry.evidence.source,
            ),
        )
        for entry in entries
        if entry.evidence is not None
    ]

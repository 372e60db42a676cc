"""Verifies the host keys of answers: only keys that were verified in this run are rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.answers.sections.dag_repository import EvidenceRecord, HostKeyEntry
from wizard.formats.nested import get_value
from wizard.hostkeys.keys import HostKey, known_hosts_name, parse_fingerprint
from wizard.hostkeys.scan import Scan, Scanner, select_candidates
from wizard.hostkeys.trust import judge_host_keys, published_entries
from wizard.hostkeys.verdict import Evidence, HostKeyVerdict, KnownHost

if TYPE_CHECKING:
    from wizard.answers.model import Answers


@dataclass(frozen=True, slots=True)
class VerifiedAnswers:
    """Answers whose host keys all have evidence from this run, and why other keys were refused.

    `missing` are sentences for `plan`; `verdict` is None if no host key is needed. `notes` report
    what a scan could not read, and which scanned keys were omitted because their fingerprint was
    not typed.
    """

    answers: Answers
    verdict: HostKeyVerdict | None
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()


def committed_entries(data: Mapping[str, Any] | None) -> tuple[KnownHost, ...]:
    """Return the host keys in committed raw answers, with their recorded evidence."""
    found = []
    for item in get_value(data or {}, ("dags", "host_keys"), []) or []:
        if not isinstance(item, Mapping):
            continue
        record = item.get("evidence")
        evidence = None
        if isinstance(record, Mapping) and record.get("kind") in {"published", "fingerprint"}:
            texts = {name: str(record.get(name, "")) for name in ("sha256", "by", "date", "source")}
            evidence = Evidence(record["kind"], **texts)
        texts = {name: str(item.get(name, "")) for name in ("host", "type", "key")}
        found.append(KnownHost(**texts, evidence=evidence))
    return tuple(found)


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
    """Verify the answers' host keys; the evidence that the answers claim is ignored.

    If no key was pasted, the keys that the host's publisher prints are used. For other hosts, and
    for a typed fingerprint of an unknown key, `scanner` is called unless it is None. `scan` is a
    scan that the operator requested: its keys are verified along with the known ones. Raises
    ValueError for a typed text that is not a fingerprint, and ConflictError for a key that
    differs from the committed one, unless its fingerprint was typed.
    """
    host = needed_host(answers)
    if host is None:
        return VerifiedAnswers(_with_keys(answers, ()), None, (), _unused_fingerprint_notes(typed))
    if scan is None and scanner is not None and _needs_scan(_known_entries(answers, *host), typed):
        scan = scanner(*host)
    if scan is not None and scan.name != known_hosts_name(*host):
        scan = None
    verdict = judge_answers(answers, typed=typed, committed=committed, by=by, date=date, scan=scan)
    if verdict is None:
        return VerifiedAnswers(_with_keys(answers, ()), None, ())
    if any(not change.typed for change in verdict.changed):
        # Stop and show both keys; typing the new fingerprint accepts the change.
        verdict.require()
    notes: tuple[str, ...] = ()
    if scan is not None:
        left = select_candidates(scan, typed=typed, committed=committed).left_out
        notes = (*scan.notes, *(_skip_note(scan, key) for key in left))
    missing = _missing_evidence(verdict, scan)
    return VerifiedAnswers(_with_keys(answers, verdict.accepted), verdict, tuple(missing), notes)


def judge_answers(
    answers: Answers,
    *,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scan: Scan | None = None,
) -> HostKeyVerdict | None:
    """Return the verdict of `verify_host_keys` without raising; None if no host key is needed."""
    place = needed_host(answers)
    if place is None:
        return None
    host, port = place
    entries = _known_entries(answers, host, port)
    if scan is not None and scan.name == known_hosts_name(host, port):
        entries = select_candidates(scan, typed=typed, committed=committed).merge_with(entries)
    return judge_host_keys(
        entries, host=host, port=port, typed=typed, committed=committed, by=by, date=date
    )


def needed_host(answers: Answers) -> tuple[str, int] | None:
    """Return the host and port that need a host key; None if none is needed."""
    location = answers.dags.location
    if location is None or not answers.dags.is_over_ssh:
        return None
    return location.host, location.port


def _known_entries(answers: Answers, host: str, port: int) -> tuple[KnownHost, ...]:
    given = tuple(KnownHost(item.host, item.type, item.key) for item in answers.dags.host_keys)
    return given or published_entries(host, port)


def _needs_scan(known: Sequence[KnownHost], typed: Sequence[str]) -> bool:
    """Return whether to scan: no key is known, or a typed fingerprint matches no known key."""
    if not known:
        return True
    shown = {HostKey(entry.type, entry.key).fingerprint for entry in known}
    return not {parse_fingerprint(text) for text in typed} <= shown


def _skip_note(scan: Scan, key: HostKey) -> str:
    return (
        f"{scan.name} shows a further key, {key.type} {key.fingerprint}; it is not used, because "
        "its fingerprint was not typed"
    )


def _missing_evidence(verdict: HostKeyVerdict, scan: Scan | None) -> list[str]:
    found = [
        f"{item.entry.host} {item.entry.type}: {item.reason}; {item.fix}"
        for item in verdict.refused
    ]
    found += [f"the fingerprint {value} does not match any key" for value in verdict.unused]
    if not verdict.accepted and not verdict.refused:
        tried = f" (a scan found none: {scan.problem})" if scan is not None else ""
        found.append(
            f"no host key of {verdict.name} is known{tried}: paste its keys "
            "(ssh-keyscan prints them) into dags.host_keys and type their fingerprint "
            "(--host-key-fingerprint SHA256:...)"
        )
    return found


def _unused_fingerprint_notes(typed: Sequence[str]) -> tuple[str, ...]:
    """Return a note about unused fingerprints; ValueError for a text that is not a fingerprint."""
    if not [parse_fingerprint(text) for text in typed]:
        return ()
    return ("--host-key-fingerprint is not used: these answers need no host key",)


def _with_keys(answers: Answers, entries: Sequence[KnownHost]) -> Answers:
    keys = [
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
    return answers.model_copy(update={"dags": answers.dags.model_copy(update={"host_keys": keys})})

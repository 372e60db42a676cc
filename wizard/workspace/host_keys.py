"""Verifies the host keys of answers: only keys that were verified in this run are rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.hostkeys.keys import HostKey, parse_fingerprint
from wizard.hostkeys.scan import Scan, Scanner, select_candidates
from wizard.hostkeys.trust import judge_host_keys
from wizard.hostkeys.verdict import HostKeyVerdict, KnownHost, parse_host_key
from wizard.workspace.git_hosts import BUNDLES, GitHost, list_git_hosts, with_accepted_keys

if TYPE_CHECKING:
    from wizard.answers.model import Answers


@dataclass(frozen=True, slots=True)
class VerifiedAnswers:
    """Answers whose host keys all have evidence from this run, and why other keys were refused.

    `missing` are sentences for `plan`; `verdicts` has one for each host of `list_git_hosts`, in
    its order. `notes` report what a scan could not read, and which scanned keys were omitted
    because their fingerprint was not typed.
    """

    answers: Answers
    verdicts: tuple[HostKeyVerdict, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def verdict_on(self, name: str) -> HostKeyVerdict | None:
        """Return the verdict on the host with this name in known_hosts; None if it needs none."""
        return next((one for one in self.verdicts if one.name == name), None)


def verify_host_keys(
    answers: Answers,
    *,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scanner: Scanner | None = None,
    scans: Sequence[Scan] = (),
) -> VerifiedAnswers:
    """Verify the host keys of every Git host; the evidence that the answers claim is ignored.

    If no key was pasted, the keys that the host's publisher prints are used. For other hosts, and
    for a typed fingerprint of an unknown key, `scanner` is called unless it is None. `scans` are
    those that the operator requested: their keys are verified along with the known ones. Raises
    ValueError for a typed text that is not a fingerprint, and ConflictError for a key that
    differs from the committed one, unless its fingerprint was typed.
    """
    hosts = list_git_hosts(answers)
    if not hosts:
        return VerifiedAnswers(without_host_keys(answers), (), (), _unused_fingerprint_notes(typed))
    found = _scan_hosts(hosts, typed, scanner, scans)
    verdicts = _judge_hosts(hosts, typed, committed, by, date, found)
    for verdict in verdicts:
        if any(not change.typed for change in verdict.changed):
            # Stop and show both keys; typing the new fingerprint accepts the change.
            verdict.require()
    notes: list[str] = []
    missing: list[str] = []
    for host, verdict in zip(hosts, verdicts, strict=True):
        scan = found.get(host.name)
        if scan is not None:
            shown = _own_fingerprints(scan, typed)
            left = select_candidates(scan, typed=shown, committed=committed).left_out
            notes += [*scan.notes, *(_skip_note(scan, key) for key in left)]
        missing += _missing_evidence(host, verdict, scan)
    accepted = {
        (one.host, one.port): verdict.accepted for one, verdict in zip(hosts, verdicts, strict=True)
    }
    settled = with_accepted_keys(answers, accepted)
    return VerifiedAnswers(settled, verdicts, tuple(missing), tuple(notes))


def judge_answers(
    answers: Answers,
    *,
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scans: Sequence[Scan] = (),
) -> tuple[HostKeyVerdict, ...]:
    """Return the verdicts on the hosts of `list_git_hosts`, in its order, without raising.

    A fingerprint is unused if it is that of no key of any host; the first verdict names it.
    """
    hosts = list_git_hosts(answers)
    found = {one.name: one for one in scans}
    return _judge_hosts(hosts, typed, committed, by, date, found)


def without_host_keys(answers: Answers) -> Answers:
    """Return the answers without any host key, so that none without evidence is rendered."""
    return with_accepted_keys(answers, {})


def _judge_hosts(
    hosts: Sequence[GitHost],
    typed: Sequence[str],
    committed: Sequence[KnownHost],
    by: str,
    date: str,
    scans: Mapping[str, Scan],
) -> tuple[HostKeyVerdict, ...]:
    verdicts = [
        judge_host_keys(
            _with_scanned(one, typed, committed, scans.get(one.name)),
            host=one.host,
            port=one.port,
            typed=typed,
            committed=committed,
            by=by,
            date=date,
        )
        for one in hosts
    ]
    used_by_none = [
        value
        for value in (verdicts[0].unused if verdicts else ())
        if all(value in one.unused for one in verdicts)
    ]
    return tuple(
        replace(one, unused=() if number else tuple(used_by_none))
        for number, one in enumerate(verdicts)
    )


def _with_scanned(
    host: GitHost, typed: Sequence[str], committed: Sequence[KnownHost], scan: Scan | None
) -> Sequence[KnownHost]:
    """Return the known keys of a host, and the scanned ones that are to be judged with them."""
    if scan is None:
        return host.known
    own = _own_fingerprints(scan, typed)
    return select_candidates(scan, typed=own, committed=committed).merge_with(host.known)


def _scan_hosts(
    hosts: Sequence[GitHost],
    typed: Sequence[str],
    scanner: Scanner | None,
    scans: Sequence[Scan],
) -> dict[str, Scan]:
    """Return the scans by host: those given, and one of each host that needs one.

    A host needs one if its keys are required and unknown, or if a typed fingerprint is of no
    known key.
    """
    found = {one.name: one for one in scans}
    if scanner is not None:
        for one in hosts:
            if one.name not in found and one.required and not one.known:
                found[one.name] = scanner(one.host, one.port)
        seen = {_fingerprint(entry) for one in hosts for entry in one.known}
        seen |= {key.fingerprint for one in found.values() for key in one.keys}
        if not {parse_fingerprint(text) for text in typed} <= seen:
            for one in hosts:
                if one.name not in found:
                    found[one.name] = scanner(one.host, one.port)
    return found


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


def _missing_evidence(host: GitHost, verdict: HostKeyVerdict, scan: Scan | None) -> list[str]:
    """Return what keeps a host's keys from being written; only given keys, if none is required."""
    found = [
        f"{item.entry.host} {item.entry.type}: {item.reason}; {item.fix}"
        for item in verdict.refused
        if host.needs(item.entry)
    ]
    found += [f"the fingerprint {value} does not match any key" for value in verdict.unused]
    if host.required and not verdict.accepted and not verdict.refused:
        tried = f" (a scan found none: {scan.problem})" if scan is not None else ""
        question = "host_keys of its bundle" if host.question == BUNDLES else host.question
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

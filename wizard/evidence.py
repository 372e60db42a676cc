"""From answers to trust and back: only keys that were judged now reach the rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.trust import judge, published_entries
from wizard.verdict import Entry, Evidence, Verdict

if TYPE_CHECKING:
    from wizard.sections import Answers


@dataclass(frozen=True, slots=True)
class Settled:
    """Answers whose host keys all carry evidence of this run, and what stands against the rest.

    `missing` are sentences for `plan`; `verdict` is None where no host key is needed.
    """

    answers: Answers
    verdict: Verdict | None
    missing: tuple[str, ...]


def committed_entries(data: Mapping[str, Any] | None) -> tuple[Entry, ...]:
    """The entries that stand in committed raw answers, with the evidence recorded there."""
    from wizard.fields import get

    found = []
    for item in get(data or {}, ("dags", "host_keys"), []) or []:
        if not isinstance(item, Mapping):
            continue
        record = item.get("evidence")
        evidence = None
        if isinstance(record, Mapping) and record.get("kind") in {"published", "fingerprint"}:
            texts = {name: str(record.get(name, "")) for name in ("sha256", "by", "date", "source")}
            evidence = Evidence(record["kind"], **texts)
        texts = {name: str(item.get(name, "")) for name in ("host", "type", "key")}
        found.append(Entry(**texts, evidence=evidence))
    return tuple(found)


def settle(
    answers: Answers, *, typed: Sequence[str], committed: Sequence[Entry], by: str, date: str
) -> Settled:
    """Judge the answers' host keys; what they say about their own evidence is not looked at.

    Where nothing was pasted for a host whose publisher prints its keys, those are taken. Raises
    ValueError for a typed text that is no fingerprint, and ConflictError for a key that is not the
    committed one while its own fingerprint was not typed.
    """
    verdict = judged(answers, typed=typed, committed=committed, by=by, date=date)
    if verdict is None:
        return Settled(_with_keys(answers, ()), None, ())
    if any(not change.typed for change in verdict.changed):
        # A hard stop that shows old and new; typing the new fingerprint is the explicit yes.
        verdict.require()
    return Settled(_with_keys(answers, verdict.accepted), verdict, tuple(_missing(verdict)))


def judged(
    answers: Answers, *, typed: Sequence[str], committed: Sequence[Entry], by: str, date: str
) -> Verdict | None:
    """What `settle` judges by, without a stop; None where no host key is needed."""
    location = answers.dags.location
    if location is None or answers.dags.source == "image" or not answers.dags.over_ssh:
        return None
    host, port = location.host, location.port
    given = tuple(Entry(item.host, item.type, item.key) for item in answers.dags.host_keys)
    return judge(
        given or published_entries(host, port),
        host=host,
        port=port,
        typed=typed,
        committed=committed,
        by=by,
        date=date,
    )


def _missing(verdict: Verdict) -> list[str]:
    found = [
        f"{item.entry.host} {item.entry.type}: {item.reason}; {item.fix}"
        for item in verdict.refused
    ]
    found += [f"the fingerprint {value} belongs to none of the keys" for value in verdict.unused]
    if not verdict.accepted and not verdict.refused:
        found.append(
            f"no host key of {verdict.name} is known: paste its keys (ssh-keyscan prints them) "
            "into dags.host_keys and type their fingerprint (--host-key-fingerprint SHA256:...)"
        )
    return found


def _with_keys(answers: Answers, entries: Sequence[Entry]) -> Answers:
    from wizard.sections.dags import EvidenceRecord, HostKeyEntry

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

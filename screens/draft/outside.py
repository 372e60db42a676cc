"""Consents and probe results of one session, in memory only."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.text import pluralize

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.draft.draft import Draft
    from wizard.answers.model import Answers
    from wizard.engine.probes import Probe, ProbeResult
    from wizard.probes.catalogue import ProbeSource

    Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The result of one probe; valid while the `answers` that its source reads are unchanged."""

    source: ProbeSource
    probe: Probe
    result: ProbeResult
    question: str
    answers: tuple[object, ...]

    @property
    def summary(self) -> str:
        """The probe's title and detail in one sentence."""
        return f"{self.probe.title}: {self.result.detail}"

    @property
    def what(self) -> str:
        """The probe's title without the part that its page already shows."""
        title, _, what = self.probe.title.rpartition(": ")
        return what or title

    @property
    def is_trust(self) -> bool:
        """Whether the peer's identity is not proven; such a failure blocks the commit."""
        return self.result.status == "fail" and self.probe.proves_peer


class LookupResults:
    """Consents and results since the screens were opened.

    `agreements` holds what the user agreed to, `secret_values` typed secrets until one is refused,
    and `reachability` the results of name and port checks by address.
    """

    def __init__(self) -> None:
        self.agreements: set[str] = set()
        self.secret_values: dict[str, SecretStr] = {}
        self.reachability: dict[Address, ProbeResult] = {}
        self.running: dict[str, float] = {}
        self._complete_for: Answers | None = None
        self._rounds: dict[str, tuple[tuple[object, ...], tuple[Probe, ...]]] = {}
        self._found: dict[str, LookupResult] = {}
        # The draft of the last query, and its valid results.
        self._current_draft: Draft | None = None
        self._current_results: list[LookupResult] = []

    def begin(
        self, draft: Draft, probes_by_source: Iterable[tuple[ProbeSource, Sequence[Probe]]]
    ) -> None:
        """Begin a round of these probes and drop their earlier results."""
        self.running.clear()
        self._current_draft = None
        for source, probes in probes_by_source:
            for probe in self._rounds.get(source.title, ((), ()))[1]:
                self._found.pop(probe.id, None)
            self._rounds[source.title] = (source_answers(source, draft), tuple(probes))
            self.running.update(dict.fromkeys((one.id for one in probes), time.monotonic()))

    def end(self, draft: Draft, source: ProbeSource, probe: Probe, result: ProbeResult) -> None:
        """Record the result of one probe; `draft` is the draft it ran for."""
        self.running.pop(probe.id, None)
        self._current_draft = None
        answers = source_answers(source, draft)
        self._found[probe.id] = LookupResult(
            source, probe, result, probe.find_question(result), answers
        )

    def stop(self) -> None:
        """Mark all probes as not running."""
        self.running.clear()

    def mark_complete(self, draft: Draft) -> None:
        """Record that all probes of these answers were run."""
        self._complete_for = draft.answers

    def unverified(self, draft: Draft) -> list[tuple[str, str]] | None:
        """Return ids and endpoints of unverified probes; None unless all probes were run."""
        if self._complete_for is None or self._complete_for != draft.answers:
            return None
        unverified_results = [
            one for one in self.results(draft) if one.result.status in {"skip", "unknown"}
        ]
        return [(one.probe.id, one.probe.endpoint) for one in unverified_results]

    def probes(self, source: ProbeSource, draft: Draft) -> tuple[Probe, ...]:
        """Return the probes of the last round, if it was about these answers."""
        answers, probes = self._rounds.get(source.title, ((), ()))
        return probes if probes and answers == source_answers(source, draft) else ()

    def results(self, draft: Draft) -> list[LookupResult]:
        """Return the valid results; cached, because every row of a form asks at every key."""
        if self._current_draft is not draft:
            now: dict[str, tuple[object, ...]] = {}
            current = []
            for one in self._found.values():
                if one.source.title not in now:
                    now[one.source.title] = source_answers(one.source, draft)
                if one.answers == now[one.source.title]:
                    current.append(one)
            self._current_draft, self._current_results = draft, current
        return self._current_results

    def find_result(self, draft: Draft, name: str) -> LookupResult | None:
        """Return the result of one probe, if it is valid for these answers."""
        return next((one for one in self.results(draft) if one.probe.id == name), None)

    def faults(self, draft: Draft) -> list[LookupResult]:
        """Return the failed probes; they block a commit until it is confirmed."""
        return [one for one in self.results(draft) if one.result.status == "fail"]

    def is_faulty(self, draft: Draft, section: str) -> bool:
        """Return whether a probe failed that a question of this section fixes."""
        return any(one.question.split(".")[0] == section for one in self.faults(draft))

    def mark(self, draft: Draft) -> str:
        """Return the state of all probes as characters."""
        if self.faults(draft):
            return "!"
        is_complete = (
            self._complete_for is not None
            and not self.running
            and self._complete_for == draft.answers
        )
        return "ok" if is_complete else ""

    def question_results(self, draft: Draft, question: str) -> list[LookupResult]:
        """Return the results to show beside a question: failures first, then those with a word."""
        if not self._found:
            return []
        results = [one for one in self.results(draft) if one.question == question]
        relevant = [one for one in results if one.result.status == "fail" or one.result.word]
        return sorted(relevant, key=lambda one: one.result.status != "fail")

    def elapsed(self, name: str) -> int:
        """Return the seconds that a running probe has taken so far."""
        return int(time.monotonic() - self.running.get(name, time.monotonic()))

    def progress(self) -> str:
        """Return the progress of the running round."""
        longest = max((self.elapsed(name) for name in self.running), default=0)
        return f"probing, {len(self.running)} still running, {longest} s; esc stops"


def source_answers(source: ProbeSource, draft: Draft) -> tuple[object, ...]:
    """Return the answers that a source's probes depend on."""
    typed = draft.effective_fingerprints if "dags" in source.reads else ()
    return (*(getattr(draft.answers, name) for name in source.reads), typed)


def summarize_faults(faults: Sequence[LookupResult], here: str = "") -> str:
    """Return the first failure in one line, for the status line of the page `here`."""
    if not faults:
        return ""
    first, count = faults[0], pluralize(len(faults), "probe")
    if first.source.section != here:
        return f"! {count} failed: {first.summary}"
    return f"! {count} failed: {first.what}: {first.result.detail}   f5 retries"

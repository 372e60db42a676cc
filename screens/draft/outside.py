"""What was agreed to and found out outside since the screens were opened; nothing is kept of it."""

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
    """What one probe found; it holds as long as the `answers` that its source reads."""

    source: ProbeSource
    probe: Probe
    result: ProbeResult
    question: str
    answers: tuple[object, ...]

    @property
    def summary(self) -> str:
        """The finding in one sentence."""
        return f"{self.probe.title}: {self.result.detail}"

    @property
    def what(self) -> str:
        """The probe's title without what its page says anyway."""
        title, _, what = self.probe.title.rpartition(": ")
        return what or title

    @property
    def is_trust(self) -> bool:
        """Whether it is not proven who answers, so that nothing makes up for it."""
        return self.result.status == "fail" and self.probe.proves_peer


class LookupResults:
    """The memory of one run of the screens.

    `agreed` is what a person said yes to, `held` what was typed into a masked field, for as long
    as it is not proven wrong. `reached` says by address whether name and port answered.
    """

    def __init__(self) -> None:
        self.agreements: set[str] = set()
        self.secret_values: dict[str, SecretStr] = {}
        self.reachability: dict[Address, ProbeResult] = {}
        self.running: dict[str, float] = {}
        self._complete_for: Answers | None = None
        self._rounds: dict[str, tuple[tuple[object, ...], tuple[Probe, ...]]] = {}
        self._found: dict[str, LookupResult] = {}
        # The last draft that was asked about, and what holds for it.
        self._current_draft: Draft | None = None
        self._current_results: list[LookupResult] = []

    def begin(
        self, draft: Draft, probes_by_source: Iterable[tuple[ProbeSource, Sequence[Probe]]]
    ) -> None:
        """A round of these probes begins; what they found before counts no more."""
        self.running.clear()
        self._current_draft = None
        for source, probes in probes_by_source:
            for probe in self._rounds.get(source.title, ((), ()))[1]:
                self._found.pop(probe.id, None)
            self._rounds[source.title] = (source_answers(source, draft), tuple(probes))
            self.running.update(dict.fromkeys((one.id for one in probes), time.monotonic()))

    def end(self, draft: Draft, source: ProbeSource, probe: Probe, result: ProbeResult) -> None:
        """One of them ended; `draft` is the one that it was asked for."""
        self.running.pop(probe.id, None)
        self._current_draft = None
        answers = source_answers(source, draft)
        self._found[probe.id] = LookupResult(
            source, probe, result, probe.find_question(result), answers
        )

    def stop(self) -> None:
        """Nothing runs any more."""
        self.running.clear()

    def mark_complete(self, draft: Draft) -> None:
        """All that these answers need outside was asked for."""
        self._complete_for = draft.answers

    def unverified(self, draft: Draft) -> list[tuple[str, str]] | None:
        """Ids and endpoints of what did not find out; None unless all of these was asked for."""
        if self._complete_for is None or self._complete_for != draft.answers:
            return None
        unverified_results = [
            one for one in self.results(draft) if one.result.status in {"skip", "unknown"}
        ]
        return [(one.probe.id, one.probe.endpoint) for one in unverified_results]

    def probes(self, source: ProbeSource, draft: Draft) -> tuple[Probe, ...]:
        """Those of the last round, where it was about these answers."""
        answers, probes = self._rounds.get(source.title, ((), ()))
        return probes if probes and answers == source_answers(source, draft) else ()

    def results(self, draft: Draft) -> list[LookupResult]:
        """What holds for these answers; every row of a form asks at every key."""
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
        """What one probe found, where it holds for these answers."""
        return next((one for one in self.results(draft) if one.probe.id == name), None)

    def faults(self, draft: Draft) -> list[LookupResult]:
        """Proven faults: they stop a commit."""
        return [one for one in self.results(draft) if one.result.status == "fail"]

    def is_faulty(self, draft: Draft, section: str) -> bool:
        """Whether a fault was proven that a question of this page mends."""
        return any(one.question.split(".")[0] == section for one in self.faults(draft))

    def mark(self, draft: Draft) -> str:
        """The state of all that there is to look at, as characters."""
        if self.faults(draft):
            return "!"
        is_complete = (
            self._complete_for is not None
            and not self.running
            and self._complete_for == draft.answers
        )
        return "ok" if is_complete else ""

    def question_results(self, draft: Draft, question: str) -> list[LookupResult]:
        """What stands beside a question: faults first, then what has a word for it."""
        if not self._found:
            return []
        results = [one for one in self.results(draft) if one.question == question]
        relevant = [one for one in results if one.result.status == "fail" or one.result.word]
        return sorted(relevant, key=lambda one: one.result.status != "fail")

    def elapsed(self, name: str) -> int:
        """For how many seconds a probe has run."""
        return int(time.monotonic() - self.running.get(name, time.monotonic()))

    def progress(self) -> str:
        """The round under way."""
        longest = max((self.elapsed(name) for name in self.running), default=0)
        return f"asking outside, {len(self.running)} not answered yet, {longest} s; esc stops"


def source_answers(source: ProbeSource, draft: Draft) -> tuple[object, ...]:
    """The answers that decide what a source's probes find."""
    typed = draft.effective_fingerprints if "dags" in source.reads else ()
    return (*(getattr(draft.answers, name) for name in source.reads), typed)


def summarize_faults(faults: Sequence[LookupResult], here: str = "") -> str:
    """The first of these faults in its own words, as the status line of the page `here`."""
    if not faults:
        return ""
    first, count = faults[0], pluralize(len(faults), "check")
    if first.source.section != here:
        return f"! {count} failed: {first.summary}"
    return f"! {count} failed: {first.what}: {first.result.detail}   f5 again"

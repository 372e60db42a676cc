"""Probe outcome of one answer: a word for its row and a sentence below the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from screens.draft.outside import LookupResults
    from wizard.engine.probes import ProbeResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """A word (empty without a result), a sentence, and whether a probe failed."""

    word: str = ""
    summary: str = ""
    is_fault: bool = False


NO_OUTCOME = Outcome()


def derive_outcome(
    session: LookupResults, draft: Draft, key: str, reachability: ProbeResult | str | None
) -> Outcome:
    """Return the outcome of a question: its probe results, else its reachability."""
    results = session.question_results(draft, key)
    if results and results[0].result.status == "fail":
        first = results[0]
        fix = f"; {first.result.fix}" if first.result.fix else ""
        return Outcome("! failed", f"! {first.what}: {first.result.detail}{fix}", is_fault=True)
    if results:
        return Outcome(f"ok {results[0].result.word}", f"ok, {results[0].result.detail}")
    if reachability is None:
        return NO_OUTCOME
    if isinstance(reachability, str):
        return Outcome(reachability, "resolving the name and connecting ...")
    if reachability.status == "pass":
        return Outcome("ok", f"ok, {reachability.detail}")
    return Outcome(
        reachability.word or "?", f"? {reachability.detail}; {reachability.fix}".rstrip("; ")
    )

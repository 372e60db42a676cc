"""What is known outside about one answer, in a word for its row and in a sentence below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from screens.draft.outside import LookupResults
    from wizard.engine.probes import ProbeResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """A word (empty: nothing is known), the sentence, and whether it is a proven fault."""

    word: str = ""
    summary: str = ""
    is_fault: bool = False


NO_OUTCOME = Outcome()


def derive_outcome(
    session: LookupResults, draft: Draft, key: str, reachability: ProbeResult | str | None
) -> Outcome:
    """What stands beside a question: a proven fault, else the name and port, with a version."""
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
        return Outcome(reachability, "asking for its name and port ...")
    if reachability.status == "pass":
        return Outcome("ok", f"ok, {reachability.detail}")
    return Outcome(
        reachability.word or "?", f"? {reachability.detail}; {reachability.fix}".rstrip("; ")
    )

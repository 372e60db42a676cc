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
    session: LookupResults, draft: Draft, key: str, reached: ProbeResult | str | None
) -> Outcome:
    """What stands beside a question: a proven fault, else the name and port, with a version."""
    beside = session.question_results(draft, key)
    if beside and beside[0].result.status == "fail":
        first = beside[0]
        fix = f"; {first.result.fix}" if first.result.fix else ""
        return Outcome("! failed", f"! {first.what}: {first.result.detail}{fix}", is_fault=True)
    if beside:
        return Outcome(f"ok {beside[0].result.word}", f"ok, {beside[0].result.detail}")
    if reached is None:
        return NO_OUTCOME
    if isinstance(reached, str):
        return Outcome(reached, "asking for its name and port ...")
    if reached.status == "pass":
        return Outcome("ok", f"ok, {reached.detail}")
    return Outcome(reached.word or "?", f"? {reached.detail}; {reached.fix}".rstrip("; "))

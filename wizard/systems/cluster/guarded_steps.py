"""Steps that are blocked while they would overwrite what others own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError


def guard_step(step: Step, find: Callable[[], StepStatus], states: Collection[str]) -> Step:
    """Return the step with a look for refusals, in these states of it and before its change.

    `find` returns a status that is blocked if the step must not run. A step without a change
    is returned as it is.
    """
    check, change = step.check, step.change
    if change is None:
        return step

    async def guarded_check() -> StepStatus:
        look = await check()
        refusal = await run_in_thread(find) if look.state in states else look
        return refusal if refusal.state == "blocked" else look

    async def guarded_change() -> str:
        refusal = await run_in_thread(find)
        if refusal.state == "blocked":
            raise ConflictError(refusal.detail, refusal.fix)
        return await change()

    return replace(step, check=guarded_check, change=guarded_change)

"""The checks of f5: what they say about the answers as they stand, as one status line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.text import counted
from wizard.errors import AnswersError, WizardError
from wizard.probes import in_thread

if TYPE_CHECKING:
    from screens.app import WizardApp


async def checked(app: WizardApp) -> str:
    """What the engine finds against the draft; `! ` before it marks a problem."""
    try:
        plan = (await in_thread(app.propose)).plan
    except AnswersError as error:
        first = f": {error.problems[0]}" if error.problems else ""
        return f"! {counted(len(error.problems), 'answer')} to give first{first}"
    except WizardError as error:
        return f"! {error.message}"
    wrong = [str(one) for one in plan.findings if one.is_error] + list(plan.evidence)
    if wrong:
        return f"! {counted(len(wrong), 'check')} failed: {wrong[0]}"
    return "ok, the checks found nothing against these answers"

"""Compares a proposal with the committed installation: consequences, and the steps it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.changes import FileChange
    from wizard.plan.consequences import Consequence, Installed
    from wizard.plan.plan import PlannedStep
    from wizard.plan.render import Rendering


def compare_installed(
    read_before: Callable[[], Installed | None],
    answers: Answers,
    rendering: Rendering,
    changes: Sequence[FileChange],
) -> tuple[Sequence[Consequence], Sequence[PlannedStep]]:
    """Return the consequences for an existing installation, and the steps that the change needs.

    `read_before` returns the committed installation; None if this version cannot render it.
    """
    if not any(one.differs for one in changes):
        return (), ()
    from wizard.plan.consequences import UNKNOWN, Installed, derive_consequences
    from wizard.plan.step_selection import select_steps

    before = read_before()
    if before is None:
        return (UNKNOWN,), rendering.total.steps
    found = derive_consequences(before, Installed(answers, rendering), changes)
    steps = select_steps(before.rendering, rendering, changes, found, rendering.total.steps)
    return found, steps


def read_installed(
    data: Mapping[str, Any], load_assets: Callable[[Answers], tuple[Answers, dict[str, str]]]
) -> Installed | None:
    """Return the installation of committed raw answers; None if they cannot be rendered."""
    from wizard.answers.files import validate_answers
    from wizard.plan.consequences import Installed
    from wizard.plan.render import render

    answers = validate_answers(data).answers
    if answers is None:
        return None
    try:
        answers, assets = load_assets(answers)
        return Installed(answers, render(answers, assets))
    except WizardError:
        return None

"""Proposes what only this version of the wizard changes, apart from what other answers change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard import __version__
from wizard.errors import WizardError
from wizard.plan.comparison import require_sound
from wizard.plan.wizard_upgrade import explain_upgrade
from wizard.workspace.proposal import Proposal, Upgrade

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.plan import Plan


def separate_upgrade(
    version: str,
    before: Mapping[str, Any] | None,
    data: Mapping[str, Any],
    answers: Answers,
    plan: Plan,
    propose: Callable[[Mapping[str, Any]], Proposal],
) -> tuple[Plan, Upgrade | None]:
    """Return the plan, which says so, and what a newer wizard renders differently; None: nothing.

    `version` wrote the merge base, `before` are the committed raw answers, `data` and `answers` the
    new ones, with their plan. `propose` makes the proposal of raw answers; if the committed ones
    cannot be rendered any more, or cannot be committed, both changes are one commit.
    """
    upgrade = _find_upgrade(version, before or {}, data, answers, plan, propose)
    if upgrade is None:
        return plan, None
    earlier = upgrade.proposal.plan.changes if upgrade.proposal else None
    told = explain_upgrade(version, earlier)
    return replace(plan, warnings=(*plan.warnings, told)), upgrade


def _find_upgrade(
    version: str,
    before: Mapping[str, Any],
    data: Mapping[str, Any],
    answers: Answers,
    plan: Plan,
    propose: Callable[[Mapping[str, Any]], Proposal],
) -> Upgrade | None:
    from wizard.answers.files import changed_keys

    if version in ("", __version__) or not any(one.is_shown for one in plan.changes):
        return None
    if data == before or not changed_keys(before, answers):
        return Upgrade(version)
    try:
        proposal = propose(before)
        shown = any(one.is_shown for one in proposal.plan.changes)
        if not shown and not proposal.plan.conflicts:
            return None
        require_sound(proposal.plan)
    except WizardError:
        return Upgrade(version)
    return Upgrade(version, proposal)

"""What passes between the engine and its front ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.plan.commit_message import commit_message
from wizard.plan.plan import Plan

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepts evidence, and on which UTC date."""

    by: str
    date: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Validated answers, what they render to, and the plan against the repository."""

    answers: Answers
    rendering: Rendering
    plan: Plan
    existing: str

    def message(self, before: Mapping[str, Any], subject: str = "") -> str:
        """Return the commit's message; `before` are the committed raw answers."""
        from wizard.answers.files import changed_keys

        plan = self.plan
        settings = changed_keys(before, self.answers) if self.existing else []
        return commit_message(plan.installation, plan.changes, plan.digest, subject, settings)


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a commit did: its id (empty: working tree only), the files, and what comes next."""

    commit: str
    paths: list[str]
    notes: list[str]
    next: list[str]

"""The records that the workspace and its front ends exchange."""

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
    """The person who accepts evidence, and the UTC date."""

    by: str
    date: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Validated answers, their rendering, and the plan for the repository."""

    answers: Answers
    rendering: Rendering
    plan: Plan
    existing: str

    def message(self, before: Mapping[str, Any], subject: str = "") -> str:
        """Return the commit message; `before` are the committed raw answers."""
        from wizard.answers.files import changed_keys

        plan = self.plan
        settings = changed_keys(before, self.answers) if self.existing else []
        return commit_message(
            plan.installation, plan.changes, plan.digest, subject, settings, plan.consequences
        )


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The result of a commit: its id (empty: nothing committed), paths, notes and what is next.

    `next` are commands and texts, and `steps` the ids of the live steps that the change needs.
    `base_paths` are the files of the merge base, which Git counts, too.
    """

    commit: str
    paths: list[str]
    notes: list[str]
    next: list[str]
    steps: tuple[str, ...] = ()
    base_paths: tuple[str, ...] = ()

    @property
    def file_count(self) -> int:
        """Return how many files changed, as `git show --stat` counts them."""
        return len(self.paths) + len(self.base_paths)

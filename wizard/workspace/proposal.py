"""The records that the workspace and its front ends exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.plan.commit_message import commit_message
from wizard.plan.plan import Plan

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.changes import FileChange
    from wizard.plan.render import Rendering


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The person who accepts evidence, and the UTC date."""

    by: str
    date: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What this version of the wizard renders differently than `version`, which wrote the files.

    `proposal` is committed first; None: the differences are part of the same commit.
    """

    version: str
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Validated answers, their rendering, and the plan for the repository."""

    answers: Answers
    rendering: Rendering
    plan: Plan
    existing: str
    upgrade: Upgrade | None = None

    def message(
        self,
        before: Mapping[str, Any],
        subject: str = "",
        backup: str = "",
        changes: Sequence[FileChange] | None = None,
    ) -> str:
        """Return the commit message; `before` are the committed raw answers.

        `changes` are those of the commit, if the upgrade was committed before.
        """
        from wizard.answers.files import changed_keys

        plan = self.plan
        settings = changed_keys(before, self.answers) if self.existing else []
        return commit_message(
            plan.installation,
            plan.changes if changes is None else changes,
            plan.digest,
            subject,
            settings,
            plan.consequences,
            backup,
            self.upgrade.version if self.upgrade and changes is None else "",
        )


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The result of a commit: its id (empty: nothing committed), paths, notes and what is next.

    `next` are commands and texts, and `steps` the ids of the live steps that the change needs.
    `base_paths` are the files of the merge base, which Git counts, too.
    `upgrade` is the id of a commit before it, with what a newer wizard renders differently.
    """

    commit: str
    paths: list[str]
    notes: list[str]
    next: list[str]
    steps: tuple[str, ...] = ()
    base_paths: tuple[str, ...] = ()
    upgrade: str = ""

    @property
    def file_count(self) -> int:
        """Return how many files changed, as `git show --stat` counts them."""
        return len(self.paths) + len(self.base_paths)

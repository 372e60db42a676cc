"""The committed installation that a command works on: exactly what Git holds, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.workspace.committed import has_plan_trailer

if TYPE_CHECKING:
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CommittedInstallation:
    """An installation as it is committed: where it was found, and what its answers lead to."""

    start: CommandInput
    proposal: Proposal

    @property
    def name(self) -> str:
        """The installation's name."""
        return self.start.existing


def refresh_installation(workspace: Workspace, name: str) -> CommittedInstallation:
    """The installation of this name as it is committed now; raises as `require_committed` does."""
    from wizard.answers.host_keys import parse_pasted_keys
    from wizard.workspace.public_keys import with_recorded_keys

    workspace.repository.refresh()
    data = workspace.committed_answers(name)
    if data is None:
        raise UsageError(f"there is no installation {name!r} in this repository")
    return require_committed(
        CommandInput(workspace, parse_pasted_keys(with_recorded_keys(workspace, name, data)), name)
    )


def require_committed(start: CommandInput) -> CommittedInstallation:
    """What stands committed where a command starts; the repository is only read.

    Raises ConflictError where the answers lead to other files than those that stand, RefusedError
    for failed checks.
    """
    proposal = start.workspace.propose(start.data, existing=start.existing)
    plan = proposal.plan
    plan.require_decided()
    if plan.refused:
        raise RefusedError("checks fail on what is committed", "`airflow-wizard check` shows them")
    if plan.differs:
        raise ConflictError(
            "the committed answers lead to other files than those that are committed",
            "look with `airflow-wizard plan`, then `airflow-wizard commit`",
        )
    return CommittedInstallation(start, proposal)


def require_shown_plan(found: CommittedInstallation, plan: str | None = None) -> None:
    """Hold what stands against what was shown: the plan in a file, else the commit's trailer.

    Raises ConflictError when they differ, UsageError for a file that is no plan.
    """
    digest = found.proposal.plan.digest
    if plan is not None:
        if _read_digest(Path(plan), found.name) != digest:
            raise ConflictError(
                f"{plan} is not about what stands now: files, actions or targets differ",
                f"look again: airflow-wizard plan --out {plan}",
            )
        return
    if not has_plan_trailer(found.start.workspace.repository, digest):
        raise ConflictError(
            "what stands is not what a commit of the wizard showed: it was changed since",
            "look at it and apply exactly that: airflow-wizard plan --out FILE, then "
            "airflow-wizard apply FILE",
        )


def _read_digest(path: Path, installation: str) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        name, digest = found["installation"], found["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} is no plan that can be read", "airflow-wizard plan --out FILE writes one"
        ) from None
    if name != installation:
        raise UsageError(f"{path} is about installation {name}", "give the plan of this one")
    return str(digest)


@dataclass(frozen=True, slots=True)
class CommandInput:
    """Where a command starts: raw answers, and the committed installation they belong to.

    `existing` is empty for a new installation; `folder` is what file names in the answers are
    relative to (None: beside the committed answers).
    """

    workspace: Workspace
    data: Mapping[str, Any]
    existing: str = ""
    folder: Path | None = None
    typed: tuple[str, ...] = ()
    given: bool = True

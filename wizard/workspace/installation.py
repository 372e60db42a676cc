"""The committed installation that a command works on: exactly what Git holds, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.workspace.committed import was_shown

if TYPE_CHECKING:
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation as it is committed: where it was found, and what its answers lead to."""

    start: Start
    proposal: Proposal

    @property
    def name(self) -> str:
        """The installation's name."""
        return self.start.existing


def standing(workspace: Workspace, name: str) -> Installed:
    """The installation of this name as it is committed now; raises as `of_start` does."""
    from wizard.answers.host_keys import taken_in
    from wizard.workspace.public_keys import taken_up

    workspace.repository.refresh()
    data = workspace.committed(name)
    if data is None:
        raise UsageError(f"there is no installation {name!r} in this repository")
    return of_start(Start(workspace, taken_in(taken_up(workspace, name, data)), name))


def of_start(start: Start) -> Installed:
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
    return Installed(start, proposal)


def require_shown(found: Installed, plan: str | None = None) -> None:
    """Hold what stands against what was shown: the plan in a file, else the commit's trailer.

    Raises ConflictError when they differ, UsageError for a file that is no plan.
    """
    digest = found.proposal.plan.digest
    if plan is not None:
        if _planned(Path(plan), found.name) != digest:
            raise ConflictError(
                f"{plan} is not about what stands now: files, actions or targets differ",
                f"look again: airflow-wizard plan --out {plan}",
            )
        return
    if not was_shown(found.start.workspace.repository, digest):
        raise ConflictError(
            "what stands is not what a commit of the wizard showed: it was changed since",
            "look at it and apply exactly that: airflow-wizard plan --out FILE, then "
            "airflow-wizard apply FILE",
        )


def _planned(path: Path, installation: str) -> str:
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
class Start:
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

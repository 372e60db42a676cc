"""The committed installation that a command works on: exactly what Git holds, checked."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.standing import was_shown
from wizard.start import Start, begin, looked_at

if TYPE_CHECKING:
    from wizard.proposal import Proposal
    from wizard.workflow import Workspace

_GIVEN = ("answers", "preset", "set", "host_key_fingerprint")


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation as it is committed: where it was found, and what its answers lead to."""

    start: Start
    proposal: Proposal

    @property
    def name(self) -> str:
        """The installation's name."""
        return self.start.existing


def installed(arguments: Namespace, *, command: str, verb: str, reason: str) -> Installed:
    """The installation that the arguments name, for a command that takes no other answers.

    `command`, `verb` and `reason` are its words in errors. Raises UsageError for arguments that
    would change the answers and where nothing is committed, and all that `of_start` raises.
    """
    refuse_changes(arguments, command=command, reason=reason)
    start = begin(arguments, looked_at(arguments))
    if not start.existing:
        raise UsageError(
            f"there is no committed installation to {verb}",
            "commit one first: airflow-wizard commit" + start.workspace.elsewhere(),
        )
    return of_start(start)


def refuse_changes(arguments: Namespace, *, command: str, reason: str) -> None:
    """Raise UsageError for arguments that would change the answers, or name several at once."""
    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    for name in _GIVEN:
        if getattr(arguments, name, None):
            raise UsageError(
                f"{command} takes no --{name.replace('_', '-')}: {reason}",
                "change and commit first: airflow-wizard set KEY=VALUE --yes",
            )


def standing(workspace: Workspace, name: str) -> Installed:
    """The installation of this name as it is committed now; raises as `of_start` does."""
    workspace.repository.refresh()
    return of_start(begin(Namespace(installation=name), workspace))


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


def require_delivered(found: Installed) -> None:
    """Raise RefusedError for a delivery that is made by hand."""
    from wizard.applying.delivery import of_kind

    proposal = found.proposal
    of_kind(proposal.answers.delivery.kind, proposal.rendering.release.runbook)


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

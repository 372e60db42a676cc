"""Reads the committed installation that a command works on, and checks its files in Git."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.formats.input_files import read_input_file, show_path
from wizard.workspace.committed import has_plan_trailer

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.findings import Finding
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace

_MAX_PLAN = 20_000_000


@dataclass(frozen=True, slots=True)
class CommittedInstallation:
    """A committed installation: the command's input, and the proposal made from its answers."""

    start: CommandInput
    proposal: Proposal

    @property
    def name(self) -> str:
        """The installation's name."""
        return self.start.existing

    @property
    def rivals(self) -> tuple[Finding, ...]:
        """Errors of files that others put beside ours and that deploy the installation too."""
        emitted = {one.path for one in self.proposal.plan.changes}
        return tuple(
            one
            for one in self.proposal.plan.findings
            if one.is_error and one.rule.endswith(".rival") and one.path not in emitted
        )


def refresh_installation(workspace: Workspace, name: str) -> CommittedInstallation:
    """Read the installation again from HEAD; raises as `require_committed` does."""
    from wizard.answers.host_keys import parse_pasted_keys
    from wizard.workspace.public_keys import with_recorded_keys

    workspace.repository.refresh()
    data = workspace.committed_answers(name)
    if data is None:
        raise UsageError(f"there is no installation {name!r} in this repository")
    return require_committed(
        CommandInput(workspace, parse_pasted_keys(with_recorded_keys(workspace, name, data)), name)
    )


def refresh_committed(workspace: Workspace, answers: Answers) -> CommittedInstallation:
    """Read the installation that was just committed with these answers, in the folder they name.

    Raises as `require_committed` does.
    """
    repository = workspace.repository
    prefix = answers.repository.prefix
    if prefix != repository.prefix:
        workspace = workspace.with_repository(repository.with_prefix(prefix))
    return refresh_installation(workspace, answers.installation.name)


def require_committed(start: CommandInput, *, removal: bool = False) -> CommittedInstallation:
    """Return the committed installation of a command's input; the repository is only read.

    A `removal` is not stopped by files of others that deploy the installation too: whoever made
    them must not decide whether it can be removed. Raises ConflictError if the committed files do
    not match the answers, RefusedError for failed checks.
    """
    proposal = start.workspace.propose(start.data, existing=start.existing)
    plan = proposal.plan
    plan.require_decided()
    found = CommittedInstallation(start, proposal)
    own = [one for one in plan.findings if one.is_error and one not in found.rivals]
    if (plan.missing_evidence or own) if removal else plan.refused:
        raise RefusedError("checks of the committed files fail", "run `airflow-wizard check`")
    if plan.differs:
        raise ConflictError(
            "the committed files do not match the committed answers",
            "look at `airflow-wizard plan`, then run `airflow-wizard commit`",
        )
    return found


def require_shown_plan(found: CommittedInstallation, plan: str | None = None) -> None:
    """Compare the committed files with the plan that was shown, from a file or a commit's trailer.

    Raises ConflictError when they differ, UsageError for a file that is not a plan.
    """
    digest = found.proposal.plan.digest
    if plan is not None:
        if _read_digest(Path(plan), found.name) != digest:
            raise ConflictError(
                f"{plan} does not match the committed files: files, steps or targets differ",
                f"make and read a new plan: airflow-wizard plan --out {plan}",
            )
        return
    if not has_plan_trailer(found.start.workspace.repository, digest):
        raise ConflictError(
            "the committed files were changed after the wizard's last commit",
            "review and apply exactly these files: airflow-wizard plan --out FILE, then "
            "airflow-wizard apply FILE",
        )


def _read_digest(path: Path, installation: str) -> str:
    try:
        found = json.loads(read_input_file(path, _MAX_PLAN, pipe=True))
        name, digest = found["installation"], found["digest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        shown = show_path(str(path)) or "PLAN"
        raise UsageError(
            f"{shown} is not a readable plan", "write one with airflow-wizard plan --out FILE"
        ) from None
    if name != installation:
        raise UsageError(
            f"{path} is a plan of installation {name}", f"give a plan of {installation}"
        )
    return str(digest)


@dataclass(frozen=True, slots=True)
class CommandInput:
    """The input of a command: raw answers, and the committed installation that they belong to.

    `existing` is empty for a new installation. File names in the answers are relative to `folder`
    (None: next to the committed answers).
    """

    workspace: Workspace
    data: Mapping[str, Any]
    existing: str = ""
    folder: Path | None = None
    typed: tuple[str, ...] = ()
    given: bool = True

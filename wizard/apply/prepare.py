"""Prepare a run from the committed files: its steps and logins, shown before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.apply.connect import open_target
from wizard.apply.delivery import find_installer
from wizard.apply.run import Run
from wizard.apply.steps import build_steps
from wizard.errors import UsageError
from wizard.formats.messages import show_name
from wizard.stores.live import live_store
from wizard.workspace.installation import require_shown_plan

if TYPE_CHECKING:
    from wizard.apply.run import Run
    from wizard.apply.steps import Part
    from wizard.engine.steps import Step
    from wizard.systems.database.admin import Admin
    from wizard.systems.target import Target
    from wizard.workspace.installation import CommittedInstallation


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run that every front end shows and confirms before it starts."""

    target: Target
    planned_steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """The installation and the start of the plan's digest."""
        return f"apply {self.target.answers.installation.name} ({self.target.digest[:19]})"

    @property
    def missing_logins(self) -> tuple[str, ...]:
        """The systems without credentials on this machine, one sentence each."""
        return list_missing_logins(self.target)

    def run(self, *, dry_run: bool = False) -> Run:
        """Return a new run of these steps."""
        return Run(self.target, self.planned_steps, dry_run=dry_run)


def list_missing_logins(target: Target) -> tuple[str, ...]:
    """Return the systems that this machine has no credentials for, one sentence each."""
    found = []
    missing = live_store(target.release.store).missing_access
    if target.access is None and missing:
        found.append(missing)
    if target.kube is None:
        found.append(
            "cluster skipped: no kubeconfig context (--context); its owner runs these steps"
        )
    return tuple(found)


def prepare_run(
    found: CommittedInstallation,
    *,
    plan: str | None = None,
    context: str = "",
    argocd_context: str = "",
    only: Part | None = None,
    database: Admin | None = None,
    chart: str = "",
    take_over: Sequence[str] = (),
    terminal: bool = False,
) -> PreparedRun:
    """Return the steps of an installation in their order; nothing is sent.

    `plan` is a file of `plan --out`; `wizard.apply.connect` describes contexts and chart.
    `take_over` holds STEP@SEAL texts that accept a diff of an earlier run. With `terminal`, Git may
    ask there for a passphrase. Raises RefusedError for
    a manual delivery, ConflictError when the committed files differ from the plan that was shown,
    and UsageError when no credentials are found.
    """
    require_delivery(found)
    require_shown_plan(found, plan)
    target = open_target(
        found,
        context=context,
        argocd_context=argocd_context,
        database=database,
        chart=chart,
        agreed=parse_take_overs(take_over),
    )
    steps = build_steps(target, only, terminal=terminal)
    require_known_steps(target, steps)
    return PreparedRun(target, steps)


def require_known_steps(target: Target, steps: Sequence[Step]) -> None:
    """Raise UsageError for a take-over of a step that this run does not have."""
    known = [step.id for step in steps]
    for name in target.agreed:
        if name not in known:
            raise UsageError(
                f"--take-over: this run has no step {show_name(name, known) or 'of that name'}",
                f"use one of: {', '.join(known)}",
            )


def parse_take_overs(texts: Sequence[str]) -> dict[str, str]:
    """Return the seals of `--take-over` by step id; UsageError for another form."""
    return dict(_parse_take_over(text) for text in texts)


def _parse_take_over(text: str) -> tuple[str, str]:
    step, _, seal = text.partition("@")
    if not step or not re.fullmatch("[0-9a-f]{12}", seal):
        raise UsageError(
            "--take-over: this is not STEP@SEAL as printed below a diff",
            "run `airflow-wizard apply --dry-run` to see the diff and its seal",
        )
    return step, seal


def require_delivery(found: CommittedInstallation) -> None:
    """Raise RefusedError for a manual delivery."""
    proposal = found.proposal
    find_installer(proposal.answers.delivery.kind, proposal.rendering.release.runbook)

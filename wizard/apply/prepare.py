"""What a run would do and as whom, from what is committed: to be shown before anything is sent."""

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
    """The same for every surface: it is shown, agreed to, and then run."""

    target: Target
    planned_steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """Which installation, and which of its states."""
        return f"apply {self.target.answers.installation.name} ({self.target.digest[:19]})"

    @property
    def missing_logins(self) -> tuple[str, ...]:
        """What others have to do, since nothing says who this machine is there."""
        return list_missing_logins(self.target)

    def run(self, *, dry_run: bool = False) -> Run:
        """A run over these actions; each is gone through once."""
        return Run(self.target, self.planned_steps, dry_run=dry_run)


def list_missing_logins(target: Target) -> tuple[str, ...]:
    """Whom this machine is nobody to, a sentence each."""
    found = []
    missing = live_store(target.release.store).missing_access
    if target.vault is None and missing:
        found.append(missing)
    if target.kube is None:
        found.append("the cluster is left to its owner: no kubeconfig context (--context)")
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
) -> PreparedRun:
    """The actions of an installation in their order; nothing is sent.

    `plan` is a file of `plan --out`; contexts and chart are those of `wizard.apply.connect`.
    `take_over` are ACTION@SEAL, a yes to a diff that an earlier run showed.
    Raises RefusedError for a delivery that is made by hand, ConflictError where what stands was
    not shown, UsageError where nothing says who this machine is.
    """
    require_delivery(found)
    require_shown_plan(found, plan)
    target = open_target(
        found,
        context=context,
        argocd_context=argocd_context,
        database=database,
        chart=chart,
        agreed=dict(_parse_take_over(one) for one in take_over),
    )
    actions = build_steps(target, only)
    known = [action.id for action in actions]
    for name in target.agreed:
        if name not in known:
            raise UsageError(
                f"--take-over: this run has no step {name}", f"its steps are: {', '.join(known)}"
            )
    return PreparedRun(target, actions)


def _parse_take_over(given: str) -> tuple[str, str]:
    action, _, seal = given.partition("@")
    if not action or not re.fullmatch("[0-9a-f]{12}", seal):
        raise UsageError(
            f"--take-over {given}: it takes STEP@SEAL, as a run that met another's object says it",
            "look with `airflow-wizard apply --dry-run`",
        )
    return action, seal


def require_delivery(found: CommittedInstallation) -> None:
    """Raise RefusedError for a delivery that is made by hand."""
    proposal = found.proposal
    find_installer(proposal.answers.delivery.kind, proposal.rendering.release.runbook)

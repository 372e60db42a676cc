"""What a run would do and as whom, from what is committed: to be shown before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import UsageError

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.database_admin import Admin
    from wizard.applying.running import Run
    from wizard.applying.steps import Part
    from wizard.applying.target import Target
    from wizard.installed import Installed


@dataclass(frozen=True, slots=True)
class Prepared:
    """The same for every surface: it is shown, agreed to, and then run."""

    target: Target
    actions: tuple[Action, ...]

    @property
    def title(self) -> str:
        """Which installation, and which of its states."""
        return f"apply {self.target.answers.installation.name} ({self.target.digest[:19]})"

    @property
    def left(self) -> tuple[str, ...]:
        """What others have to do, since nothing says who this machine is there."""
        return without(self.target)

    def run(self, *, dry_run: bool = False) -> Run:
        """A run over these actions; each is gone through once."""
        from wizard.applying.running import Run

        return Run(self.target, self.actions, dry_run=dry_run)


def without(target: Target) -> tuple[str, ...]:
    """Whom this machine is nobody to, a sentence each."""
    found = []
    if target.vault is None and target.answers.secrets.store == "vault":
        from wizard.backends.vault_address import HOW

        found.append(f"Vault is left to its owner: nothing says who you are there ({HOW})")
    if target.kube is None:
        found.append("the cluster is left to its owner: no kubeconfig context (--context)")
    return tuple(found)


def prepared(
    found: Installed,
    *,
    plan: str | None = None,
    context: str = "",
    argocd_context: str = "",
    only: Part | None = None,
    database: Admin | None = None,
    chart: str = "",
    take_over: Sequence[str] = (),
) -> Prepared:
    """The actions of an installation in their order; nothing is sent.

    `plan` is a file of `plan --out`; contexts and chart are those of `wizard.applying.opening`.
    `take_over` are ACTION@SEAL, a yes to a diff that an earlier run showed.
    Raises RefusedError for a delivery that is made by hand, ConflictError where what stands was
    not shown, UsageError where nothing says who this machine is.
    """
    from wizard.applying.opening import opened
    from wizard.applying.steps import steps
    from wizard.installed import require_delivered, require_shown

    require_delivered(found)
    require_shown(found, plan)
    target = opened(
        found,
        context=context,
        argocd_context=argocd_context,
        database=database,
        chart=chart,
        agreed=dict(_agreed(one) for one in take_over),
    )
    actions = steps(target, only)
    known = [action.id for action in actions]
    for name in target.agreed:
        if name not in known:
            raise UsageError(
                f"--take-over: this run has no step {name}", f"its steps are: {', '.join(known)}"
            )
    return Prepared(target, actions)


def _agreed(given: str) -> tuple[str, str]:
    action, _, seal = given.partition("@")
    if not action or not re.fullmatch("[0-9a-f]{12}", seal):
        raise UsageError(
            f"--take-over {given}: it takes STEP@SEAL, as a run that met another's object says it",
            "look with `airflow-wizard apply --dry-run`",
        )
    return action, seal

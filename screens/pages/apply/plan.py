"""The plan of a run as the core prepares it, contexts to choose from, what a yes is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.errors import UsageError

if TYPE_CHECKING:
    from screens.app import WizardApp
    from wizard.apply.prepare import PreparedRun

    Prepare = Callable[[WizardApp, str, "ApplyOptions"], PreparedRun]


@dataclass
class ApplyOptions:
    """What `apply` takes as options; the context of Airflow's cluster is the app's own.

    `hub` is the context of the cluster that Argo CD runs in (empty: the same cluster), `admin` who
    makes PostgreSQL's role and database (empty: their owner does), `take_over` the seals of the
    diffs of others' objects that were agreed to. `is_shown`: whether the page is still there.
    """

    hub: str = ""
    admin: str = ""
    take_over: list[str] = field(default_factory=list)
    is_shown: Callable[[], bool] = lambda: True


def prepare_committed_run(app: WizardApp, name: str, wishes: ApplyOptions) -> PreparedRun:
    """The run of an installation as it is committed now; refused in the words of `apply`."""
    from wizard.apply.prepare import prepare_run
    from wizard.workspace.installation import refresh_installation

    found = refresh_installation(app.workspace, name)
    database = None
    if wishes.admin:
        from screens.pages.apply.consent import DialogPrompter
        from wizard.systems.database.admin import prepare_admin

        person = DialogPrompter(app, wishes.is_shown)
        database = prepare_admin(wishes.admin, found, ask=person.ask, prompt=person.prompt)
    return prepare_run(
        found,
        context=app.context,
        argocd_context=wishes.hub,
        database=database,
        chart=str(app.chart or ""),
        take_over=wishes.take_over,
    )


def list_contexts() -> tuple[str, ...]:
    """The contexts of this machine's kubeconfig; none where there is none that can be read."""
    from wizard.clients.kube.config import list_kube_contexts as known

    with suppress(UsageError):
        return known()[0]
    return ()


def consent_key(plan: PreparedRun) -> object:
    """What a yes is about: the state, the identities and the steps."""
    steps = [(one.id, one.title, one.endpoint) for one in plan.planned_steps]
    return (plan.target.digest, plan.target.identities, steps)

"""The plan of a run as the core prepares it, contexts to choose from, what a yes is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.errors import UsageError

if TYPE_CHECKING:
    from screens.app import WizardApp
    from wizard.apply.prepare import Prepared

    Prepare = Callable[[WizardApp, str, "Wishes"], Prepared]


@dataclass
class Wishes:
    """What `apply` takes as options; the context of Airflow's cluster is the app's own.

    `hub` is the context of the cluster that Argo CD runs in (empty: the same cluster), `admin` who
    makes PostgreSQL's role and database (empty: their owner does), `take_over` the seals of the
    diffs of others' objects that were agreed to. `is_shown`: whether the page is still there.
    """

    hub: str = ""
    admin: str = ""
    take_over: list[str] = field(default_factory=list)
    is_shown: Callable[[], bool] = lambda: True


def committed(app: WizardApp, name: str, wishes: Wishes) -> Prepared:
    """The run of an installation as it is committed now; refused in the words of `apply`."""
    from wizard.apply.prepare import prepared
    from wizard.workspace.installation import standing

    found = standing(app.workspace, name)
    database = None
    if wishes.admin:
        from screens.pages.apply.consent import Person
        from wizard.systems.database.admin import administrator

        person = Person(app, wishes.is_shown)
        database = administrator(wishes.admin, found, ask=person.ask, prompt=person.prompt)
    return prepared(
        found,
        context=app.context,
        argocd_context=wishes.hub,
        database=database,
        chart=str(app.chart or ""),
        take_over=wishes.take_over,
    )


def contexts() -> tuple[str, ...]:
    """The contexts of this machine's kubeconfig; none where there is none that can be read."""
    from wizard.clients.kube.config import contexts as known

    with suppress(UsageError):
        return known()[0]
    return ()


def agreement(plan: Prepared) -> object:
    """What a yes is about: the state, the identities and the steps."""
    steps = [(one.id, one.title, one.endpoint) for one in plan.actions]
    return (plan.target.digest, plan.target.identities, steps)

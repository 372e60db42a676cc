"""The record of the delivery minikube, a cluster without a file of its own (document 004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.steps import list_links
from wizard.deliveries.minikube.runbook import minikube_runbook
from wizard.deliveries.minikube.steps import INSTALL
from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.manifests.contribution import StepGroup

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery, total
    return Rendered(steps=(INSTALL,), links=list_links(release, "helm"))


def _group(delivery: DeliveryAnswers, release: Release) -> StepGroup:
    del delivery
    title = "Create the cluster and install Airflow with the commands of the runbook"
    return StepGroup(INSTALL.id, title, "me", "install", f"less {release.runbook}")


DELIVERY = DeliveryKind(
    name="minikube",
    label="local minikube cluster",
    local=True,
    render=_render,
    group=_group,
    fills_store=True,
    runbook=minikube_runbook,
)

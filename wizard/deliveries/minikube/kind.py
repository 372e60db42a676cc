"""The record of the delivery minikube, a cluster without a file of its own (document 004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.minikube.runbook import minikube_runbook
from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.manifests.contribution import StepSpec

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

_INSTALL = StepSpec(
    "minikube.install",
    "Create the cluster and install Airflow (runbook)",
    "me",
    ("values", "secrets/"),
)


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery, release, total
    return Rendered(steps=(_INSTALL,))


DELIVERY = DeliveryKind(
    name="minikube",
    label="local minikube cluster",
    local=True,
    render=_render,
    runbook=minikube_runbook,
)

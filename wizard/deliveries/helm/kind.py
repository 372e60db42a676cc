"""The record of the delivery helm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.runbook import helm_runbook
from wizard.deliveries.helm.steps import helm_steps, install_group, list_links
from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.formats.addresses import IN_CLUSTER_SERVER

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery
    return Rendered(steps=helm_steps(release, total), links=list_links(release, "helm"))


DELIVERY = DeliveryKind(
    name="helm",
    label="Helm, run by apply",
    creates_namespace=True,
    render=_render,
    group=lambda _delivery, release: install_group(release),
    runbook=helm_runbook,
    # The user's kubeconfig decides the cluster, so the answers do not name it. All clusters are
    # claimed under one address, which is also that of Argo CD's own cluster.
    claims=lambda _read: {"destination": IN_CLUSTER_SERVER},
)

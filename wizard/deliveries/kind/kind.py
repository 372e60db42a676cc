"""The record of the delivery kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.steps import list_links
from wizard.deliveries.kind.manifests import kind_cluster_file
from wizard.deliveries.kind.runbook import kind_runbook
from wizard.deliveries.kind.scripts import down_script, up_path, up_script
from wizard.deliveries.kind.steps import INSTALL
from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.manifests.contribution import StepGroup

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery
    return Rendered(
        files=(kind_cluster_file(release), up_script(release, total), down_script(release)),
        steps=(INSTALL,),
        links=list_links(release, "helm"),
    )


def _group(delivery: DeliveryAnswers, release: Release) -> StepGroup:
    del delivery
    title = "Create the cluster and install Airflow"
    return StepGroup(INSTALL.id, title, "me", "install", f"bash {up_path(release)}")


DELIVERY = DeliveryKind(
    name="kind",
    label="local kind cluster",
    local=True,
    render=_render,
    group=_group,
    fills_store=True,
    runbook=kind_runbook,
)

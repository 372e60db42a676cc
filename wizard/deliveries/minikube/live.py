"""The live part of the delivery minikube: the user runs the runbook's commands."""

from __future__ import annotations

from wizard.deliveries.live import LiveDelivery
from wizard.deliveries.minikube.steps import INSTALL
from wizard.systems.cluster.verify import build_install_look

LIVE = LiveDelivery(
    list_looks=lambda target: (build_install_look(target, INSTALL),),
    context=lambda release: release.installation,
)

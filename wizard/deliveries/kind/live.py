"""The live part of the delivery kind: the user runs the runbook's commands."""

from __future__ import annotations

from wizard.deliveries.kind.steps import INSTALL
from wizard.deliveries.live import LiveDelivery
from wizard.systems.cluster.verify import build_install_look

LIVE = LiveDelivery(
    list_looks=lambda target: (build_install_look(target, INSTALL),),
    context=lambda release: f"kind-{release.installation}",
)

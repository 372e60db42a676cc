"""Waits until the Applications are synced and healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.argocd.steps import APPLICATION_WAIT
from wizard.systems.argocd.application import check_applications
from wizard.systems.cluster import external_secrets, pods
from wizard.systems.cluster.waits import build_wait

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step, StepStatus
    from wizard.systems.cluster.diagnosis import Diagnosis
    from wizard.systems.target import Target

# Pulls of large images and migrations come first, then five retries of the sync (12.5 minutes).
APPLICATION_SECONDS = 1800.0


def build_application_wait(target: Target) -> Step:
    """Return the wait until all Applications are synced and healthy."""

    def why() -> Diagnosis | None:
        if target.kube is None:
            return None
        store = external_secrets.diagnose_store(target.kube, target)
        return store or pods.diagnose_pods(target.kube, target.release)

    def look(kube: Kube) -> StepStatus:
        return check_applications(kube, target, why)

    return build_wait(target.argocd, APPLICATION_WAIT, APPLICATION_SECONDS, look)

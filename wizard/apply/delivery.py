"""How each delivery takes part in `apply`: the one place where they are told apart.

Each brings its actions in their order, the waits among them, and says where the run's lock is
held. Which cluster it is and what the target branch holds come before any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.apply import verify
from wizard.deliveries.argocd import argocd_answers
from wizard.errors import RefusedError
from wizard.systems.argocd import steps as argocd
from wizard.systems.helm import steps as helm

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step
    from wizard.systems.target import Target


@dataclass(frozen=True, slots=True)
class Delivery:
    """One kind: its actions, and the cluster and namespace of its lock."""

    build_steps: Callable[[Target], tuple[Step, ...]]
    lock: Callable[[Target], tuple[Kube | None, str]]


def _build_argocd_steps(target: Target) -> tuple[Step, ...]:
    return (
        *argocd.build_argocd_steps(target),
        *verify.build_store_waits(target),
        verify.build_application_wait(target),
        *verify.build_chart_waits(target),
    )


def _build_helm_steps(target: Target) -> tuple[Step, ...]:
    return (
        *helm.build_manifest_steps(target),
        *verify.build_store_waits(target),
        helm.build_chart_step(target),
        *verify.build_chart_waits(target),
    )


_KINDS: Mapping[str, Delivery] = {
    "argocd": Delivery(
        _build_argocd_steps,
        lambda target: (target.argocd, argocd_answers(target.answers.delivery).namespace),
    ),
    "helm": Delivery(_build_helm_steps, lambda target: (target.kube, target.release.namespace)),
}


def find_delivery(kind: str, runbook: str) -> Delivery:
    """The delivery of this kind; RefusedError for one that is made by hand, as `runbook` says."""
    if kind not in _KINDS:
        raise RefusedError(f"delivery {kind} is made by hand", f"{runbook} has the commands")
    return _KINDS[kind]


def get_delivery(target: Target) -> Delivery:
    """The delivery of the target's answers; RefusedError as `find_delivery`."""
    return find_delivery(target.answers.delivery.kind, target.release.runbook)

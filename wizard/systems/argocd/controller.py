"""The cluster that Argo CD runs in, as steps look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.engine.probes import run_in_thread
from wizard.engine.steps import StepStatus
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube

_NO_CONTEXT = "no kubeconfig context names Argo CD's cluster"


def name_controller(kube: Kube | None) -> str:
    """Return how steps call Argo CD's cluster."""
    return kube.identity if kube else "Argo CD's cluster"


async def look_at_controller(kube: Kube | None, look: Callable[[Kube], StepStatus]) -> StepStatus:
    """Return what `look` finds, called in a thread; `unknown` without a context of the cluster."""
    if kube is None:
        return StepStatus("unknown", _NO_CONTEXT)
    return await run_in_thread(lambda: look(kube))


def require_controller(kube: Kube | None) -> Kube:
    """Return the client of Argo CD's cluster; raises WizardError without one."""
    if kube is None:
        raise WizardError(_NO_CONTEXT, "use --context")
    return kube

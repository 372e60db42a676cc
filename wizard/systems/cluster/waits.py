"""Build steps that wait for objects in the cluster, with a time limit and a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.manifests.contribution import StepSpec
from wizard.systems.cluster import cloudnativepg, external_secrets
from wizard.systems.cluster.objects import explain_error

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube


# The operator retries a failed ExternalSecret with growing delays, and may wait for the store.
WAIT_FOR_SECRETS = 600.0


_TRANSIENT_KINDS = ("unreachable", "busy", "server")


def build_wait(
    kube: Kube | None,
    spec: StepSpec,
    patience: float,
    look: Callable[[Kube], StepStatus],
) -> Step:
    """Return a step that only waits, and goes on after transient errors.

    A refused read gives the status unknown.
    """

    async def check() -> StepStatus:
        if kube is None:
            return StepStatus("unknown", "no kubeconfig context names the cluster")
        return await run_in_thread(lambda: _check_once(kube, look))

    return Step(
        spec.id,
        spec.title,
        spec.owner,
        kube.identity if kube else "cluster",
        check,
        wait_seconds=patience,
    )


def _check_once(kube: Kube, look: Callable[[Kube], StepStatus]) -> StepStatus:
    try:
        return look(kube)
    except KubeError as error:
        if error.kind == "forbidden":
            return StepStatus("unknown", error.message, error.fix)
        if error.kind in _TRANSIENT_KINDS:
            return StepStatus("wanted", error.message, error.fix, is_unread=True)
        raise explain_error(error, _needs(error)) from None


def _needs(error: KubeError) -> str:
    hints = {
        "external-secrets.io": external_secrets.OPERATOR_HINT,
        "cnpg.io": cloudnativepg.OPERATOR_HINT,
    }
    found = (hint for group, hint in hints.items() if group in error.message)
    return next(found, "install Argo CD there")

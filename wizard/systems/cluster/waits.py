"""Waits for objects in the cluster, with a patience and a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.actions import Action, Look
from wizard.engine.probes import in_thread
from wizard.systems.cluster import external_secrets
from wizard.systems.cluster.objects import explained

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube


# An ExternalSecret that failed is tried again ever more slowly, and the store may come first.
SECRETS_SECONDS = 600.0


_PASSING = ("unreachable", "busy", "server")


def wait(
    kube: Kube | None,
    id: str,  # noqa: A002
    title: str,
    patience: float,
    look: Callable[[Kube], Look],
) -> Action:
    """An action that only waits; what may not be read is unknown, and what passes is waited out."""

    async def check() -> Look:
        if kube is None:
            return Look("unknown", "no kubeconfig context names the cluster")
        return await in_thread(lambda: _looked(kube, look))

    return Action(id, title, "me", kube.identity if kube else "cluster", check, patience=patience)


def _looked(kube: Kube, look: Callable[[Kube], Look]) -> Look:
    try:
        return look(kube)
    except KubeError as error:
        if error.kind == "forbidden":
            return Look("unknown", error.message, error.hint)
        if error.kind in _PASSING:
            return Look("wanted", error.message, error.hint)
        raise explained(error, _needs(error)) from None


def _needs(error: KubeError) -> str:
    return (
        external_secrets.NEEDS
        if "external-secrets.io" in error.message
        else "install Argo CD there"
    )

"""Opens a client for the cluster of a kubeconfig context."""

from __future__ import annotations

from collections.abc import Callable, Collection

from wizard.clients.kube.client import KubeClient
from wizard.clients.kube.config import read_context
from wizard.clients.kube.protocol import Kube
from wizard.clients.kube.transport import Transport


def open_kube(
    context: str = "",
    *,
    patience: float = 30.0,
    told: Callable[[str], None] | None = None,
    hidden: Collection[str] = (),
) -> Kube:
    """Return the client of a kubeconfig context (empty: the current one); sends nothing yet.

    `told` is called with the log line of each request. A login plugin does not get the variables
    in `hidden`, which hold secrets of the answers. Raises UsageError and RefusedError like
    `read_context`.
    """
    access = read_context(context)
    return KubeClient(Transport(access, patience=patience, told=told, hidden=hidden))

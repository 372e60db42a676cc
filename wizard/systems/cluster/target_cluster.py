"""The cluster that a kubeconfig leads to: is it the one the answers are for, and what it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.engine.probes import unknown_result
from wizard.errors import WizardError
from wizard.state.cluster_identity import require_same_cluster
from wizard.systems.situation import NotCheckedError

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.probes import ProbeResult

# An overloaded API server is waited for, within what a probe may take.
PATIENCE = 5.0


def open_probe_cluster(context: str) -> tuple[Kube | None, ProbeResult | None]:
    """The cluster of a context, or why there is none; a context that was named has to be there."""
    try:
        return open_kube(context, patience=PATIENCE), None
    except WizardError as error:
        if context:
            raise
        return None, unknown_result(error.message, error.fix)


def make_secret_lookup(
    kube: Kube, answers: Answers
) -> Callable[[str, Sequence[str]], Sequence[str]]:
    """Asks which of these Secrets a namespace has; for wizard.systems.prior_use's `Cluster`.

    Only metadata is read. The question raises NotAskedError where the cluster cannot be asked, and
    ConflictError where it is another one than the answers are for.
    """

    def ask(namespace: str, names: Sequence[str]) -> Sequence[str]:
        try:
            require_same_cluster(answers.cluster, kube.cluster())
            refs = [Ref("v1", "Secret", name, namespace) for name in names]
            return [ref.name for ref in refs if kube.get(ref, metadata=True) is not None]
        except KubeError as error:
            raise NotCheckedError(error.message) from None

    return ask

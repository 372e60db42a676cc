"""Open the cluster of a kubeconfig context for the probes, and look for its Secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wizard.answers.questions import list_secret_variables
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

# Seconds to wait for an overloaded API server, within the time limit of a probe.
PATIENCE = 5.0


def open_probe_cluster(answers: Answers, context: str) -> tuple[Kube | None, ProbeResult | None]:
    """Return the cluster of a context, or why there is none.

    Raise WizardError if a named context cannot be opened.
    """
    try:
        return open_kube(context, patience=PATIENCE, hidden=list_secret_variables(answers)), None
    except WizardError as error:
        if context:
            raise
        return None, unknown_result(error.message, error.fix)


def make_secret_lookup(
    kube: Kube, answers: Answers
) -> Callable[[str, Sequence[str]], Sequence[str]]:
    """Return a function that tells which of the given Secrets a namespace has.

    It reads only metadata. It raises NotCheckedError if the cluster cannot be read, and
    ConflictError if it is not the recorded cluster.
    """

    def ask(namespace: str, names: Sequence[str]) -> Sequence[str]:
        try:
            require_same_cluster(answers.cluster, kube.cluster())
            refs = [Ref("v1", "Secret", name, namespace) for name in names]
            return [ref.name for ref in refs if kube.get(ref, metadata=True) is not None]
        except KubeError as error:
            raise NotCheckedError(error.message) from None

    return ask

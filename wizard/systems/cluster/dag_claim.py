"""The claim with DAGs that others make: it exists, is bound, and pods of several nodes read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Ref
from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube

QUESTION = "dags.volume.existing_claim"
_ONE_NODE = {"ReadWriteOnce", "ReadWriteOncePod"}


def existing_dag_claim(answers: Answers) -> str:
    """Return the name of the claim that others make for the DAGs; empty without one."""
    return answers.dags.volume.existing_claim if answers.dags.source == "volume" else ""


def check_dag_claim(kube: Kube, namespace: str, name: str) -> ProbeResult:
    """Check that the claim exists, is not lost, and may be mounted on several nodes."""
    found = kube.get(Ref("v1", "PersistentVolumeClaim", name, namespace))
    if found is None:
        # A warning: others may make it later, and pods wait for it.
        return warn_result(
            f"{namespace}: claim {name} does not exist",
            Fix("ask its owner to make it before you deploy, or correct the name", QUESTION),
        )
    phase = str((found.get("status") or {}).get("phase") or "Pending")
    if phase == "Lost":
        return fail_result(f"claim {name} has lost its volume", Fix("name another claim", QUESTION))
    modes = [str(one) for one in (found.get("spec") or {}).get("accessModes") or []]
    listed = ", ".join(modes)
    if set(modes) <= _ONE_NODE:
        return warn_result(
            f"claim {name} is {listed}: only pods on one node can mount it",
            Fix(
                "use a ReadWriteMany or ReadOnlyMany claim, unless the cluster has one node",
                QUESTION,
            ),
        )
    return pass_result(f"claim {name} is {listed}, {phase.lower()}")

"""Claims that others make: each exists, is bound, and may be mounted as our pods mount it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Ref
from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube


@dataclass(frozen=True, slots=True)
class ExistingClaim:
    """A claim that an answer names, and the access modes with which all our pods can use it.

    Source: Kubernetes, access modes. A pod that writes needs ReadWriteMany beside other pods; one
    that reads can do with ReadOnlyMany.
    """

    id: str
    title: str
    name: str
    question: str
    modes: tuple[str, ...]


def list_existing_claims(answers: Answers) -> Iterator[ExistingClaim]:
    """Yield the claims that others make for these answers."""
    dags, logs = answers.dags, answers.logs
    if dags.source == "volume" and dags.volume.existing_claim:
        yield ExistingClaim(
            "dag-claim",
            "volume of the DAGs",
            dags.volume.existing_claim,
            "dags.volume.existing_claim",
            ("ReadWriteMany", "ReadOnlyMany"),
        )
    if logs.kind == "volume" and logs.existing_claim:
        yield ExistingClaim(
            "log-claim",
            "volume of the logs",
            logs.existing_claim,
            "logs.existing_claim",
            ("ReadWriteMany",),
        )


def check_claim(kube: Kube, namespace: str, claim: ExistingClaim) -> ProbeResult:
    """Check that the claim exists, is not lost, and may be mounted on several nodes."""
    found = kube.get(Ref("v1", "PersistentVolumeClaim", claim.name, namespace))
    if found is None:
        # A warning: others may make it later, and pods wait for it.
        return warn_result(
            f"{namespace}: claim {claim.name} does not exist",
            Fix("ask its owner to make it before you deploy, or correct the name", claim.question),
        )
    phase = str((found.get("status") or {}).get("phase") or "Pending")
    if phase == "Lost":
        return fail_result(
            f"claim {claim.name} has lost its volume", Fix("name another claim", claim.question)
        )
    modes = [str(one) for one in (found.get("spec") or {}).get("accessModes") or []]
    listed = ", ".join(modes) or "without an access mode"
    if not set(modes) & set(claim.modes):
        return warn_result(
            f"claim {claim.name} is {listed}, but pods on several nodes "
            f"{'read' if len(claim.modes) > 1 else 'write to'} it",
            Fix(
                f"use a claim that is {' or '.join(claim.modes)}, unless the cluster has one node",
                claim.question,
            ),
        )
    return pass_result(f"claim {claim.name} is {listed}, {phase.lower()}")

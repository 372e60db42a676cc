"""The namespace of a release without Argo CD: ours, or an existing one of a different owner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.deliveries.helm.steps import namespace_step
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.manifests.objects import pod_security_labels
from wizard.systems.cluster.conditions import diagnose_namespace
from wizard.systems.cluster.objects import (
    CommittedManifest,
    build_manifests_step,
    explain_error,
)
from wizard.systems.cluster.source import has_label, judge_object

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube, KubeObject
    from wizard.manifests.release import Release
    from wizard.systems.target import Target


def build_namespace_step(target: Target) -> Step:
    """Return the step; if somebody else owns the namespace, it only checks the security labels."""
    logical = "secrets/namespace"
    release = target.release
    path = f"{release.paths.apps}/{logical}.yaml"
    source = CommittedManifest(path, target.text(logical), ("Namespace",))
    step = build_manifests_step(target, namespace_step(release), target.kube, [source])
    kube = target.kube
    if kube is None:
        return step
    ours, own = step.check, release.owner_id

    async def check() -> StepStatus:
        found = await run_in_thread(lambda: _check_foreign_namespace(kube, source, own))
        return found or await ours()

    return replace(step, check=check)


def explain_missing(release: Release) -> tuple[str, Fix]:
    """Return that the namespace does not exist, and the commands that create it."""
    labels = "".join(f" {key}={value}" for key, value in pod_security_labels(release).items())
    label = f"; kubectl label namespace {release.namespace}{labels}" if labels else ""
    return (
        f"namespace {release.namespace} does not exist",
        Fix(f"create it: kubectl create namespace {release.namespace}{label}"),
    )


def read_namespace(kube: Kube, name: str) -> KubeObject | None:
    """Return the namespace; empty if it cannot be read, None if it does not exist."""
    try:
        return kube.get(Ref("v1", "Namespace", name))
    except KubeError as error:
        if error.kind != "forbidden":
            raise explain_error(error) from None
        return {}


def _check_foreign_namespace(kube: Kube, source: CommittedManifest, own: str) -> StepStatus | None:
    """Return the status of a foreign or terminating namespace; None for all others."""
    wanted = source.manifest()
    name = wanted["metadata"]["name"]
    found = read_namespace(kube, name)
    if not found:
        return None
    terminating = diagnose_namespace(kube, name)
    if terminating:
        return StepStatus("blocked", terminating.cause, terminating.fix)
    labels = found["metadata"].get("labels") or {}
    if has_label(found) and not judge_object(found, own).is_proven_foreign:
        return None
    missing = {
        key: value
        for key, value in wanted["metadata"]["labels"].items()
        if key.startswith("pod-security.kubernetes.io/") and labels.get(key) != value
    }
    if not missing:
        return StepStatus("holds", f"Namespace {name} already exists and keeps its owner")
    pairs = " ".join(f"{key}={value}" for key, value in missing.items())
    return StepStatus(
        "blocked",
        f"Namespace {name} already exists, without {', '.join(missing)}",
        Fix(
            "set environment.pod_security to the level its owner allows; or ask them to run: "
            f"kubectl label namespace {name} {pairs}",
            "environment.pod_security",
        ),
    )

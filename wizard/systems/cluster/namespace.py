"""The namespace of a release that no Argo CD makes: ours, or one that its owner made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import MANAGER, Ref
from wizard.engine.actions import Action, Look
from wizard.engine.probes import in_thread
from wizard.systems.cluster.conditions import namespace_trouble
from wizard.systems.cluster.objects import MANAGED_BY, Source, explained, manifests_action

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube, Manifest
    from wizard.systems.target import Target


def namespace_action(target: Target) -> Action:
    """One that stands and is not ours is its owner's: only its labels must be as committed."""
    logical = "secrets/namespace"
    release = target.release
    path = f"{release.paths.apps}/{logical}.yaml"
    source = Source(path, target.text(logical), ("Namespace",))
    title = f"Create namespace {release.namespace}"
    action = manifests_action(target, "helm.namespace", title, "platform", target.kube, [source])
    kube = target.kube
    if kube is None:
        return action
    ours = action.check

    async def check() -> Look:
        found = await in_thread(lambda: _others(kube, source))
        return found or await ours()

    return Action(
        action.id, title, action.owner, action.endpoint, check, action.change, action.rehearse
    )


def standing(kube: Kube, name: str) -> Manifest | None:
    """The namespace; an empty one where it may not be read, and None where it is not there."""
    try:
        return kube.get(Ref("v1", "Namespace", name))
    except KubeError as error:
        if error.kind != "forbidden":
            raise explained(error) from None
        return {}


def _others(kube: Kube, source: Source) -> Look | None:
    """What to say of a namespace that is not ours, or is going away; None for all others."""
    wanted = source.manifest()
    name = wanted["metadata"]["name"]
    found = standing(kube, name)
    if not found:
        return None
    going = namespace_trouble(kube, name)
    if going:
        return Look("blocked", going.cause, going.fix)
    labels = found["metadata"].get("labels") or {}
    if labels.get(MANAGED_BY) == MANAGER:
        return None
    lacking = {
        key: value
        for key, value in wanted["metadata"]["labels"].items()
        if key.startswith("pod-security.kubernetes.io/") and labels.get(key) != value
    }
    if not lacking:
        return Look("holds", f"Namespace {name} stands already and stays its owner's")
    pairs = " ".join(f"{key}={value}" for key, value in lacking.items())
    return Look(
        "blocked",
        f"Namespace {name} stands already, without {', '.join(lacking)}",
        "set environment.pod_security to what its owner wants; or have them run: "
        f"kubectl label namespace {name} {pairs}",
    )

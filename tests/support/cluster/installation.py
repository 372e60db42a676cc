"""An installation as Argo CD has synced it, and what a test does to its objects."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from tests.support.cluster.argocd import World, told
from tests.support.cluster.controllers.operators import MERGE
from tests.testbed.kube import RejectedError
from wizard.engine.steps import Step, StepEvent, StepStatus
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd.tracking import TRACKING
from wizard.systems.target import Target

ARGO = "/apis/argoproj.io/v1alpha1/namespaces/{argo}"
APPLICATION = f"{ARGO}/applications/airflow"
STORES = "/apis/external-secrets.io/v1/namespaces/{namespace}/secretstores"
SPACE = "/api/v1/namespaces/{namespace}"
CLAIMS = "/api/v1/namespaces/{namespace}/persistentvolumeclaims"


def apply_and_sync(world: World, **changes: Any) -> Target:
    """The installation is applied; its folder of Secrets is as Argo CD would sync it."""
    world.install_argo()
    target = world.target(**changes)
    wanted = [
        one
        for one in by_argocd.build_argocd_steps(target)
        if one.id.startswith(("argocd", "cluster"))
    ]
    assert {event.state for event in told(wanted).values()} <= {"changed", "holds"}
    world.operators.sync(target.files_under("secrets/"))
    return target


def ended(*actions: Step, seconds: float = 0.2) -> StepEvent:
    """How the last of these ended, with as little patience."""
    found = told([replace(one, wait_seconds=min(one.wait_seconds, seconds)) for one in actions])
    return found[actions[-1].id]


def patched(world: World, path: str, body: Any, manager: str = "kubectl-edit") -> None:
    where = path.format(argo=world.argo, namespace=world.namespace)
    world.server.request("PATCH", f"{where}?fieldManager={manager}", body, MERGE)


def marked(world: World, path: str, **metadata: Any) -> None:
    patched(world, path, {"metadata": metadata})


def exists(world: World, path: str) -> bool:
    try:
        world.read(path)
    except RejectedError as error:
        return error.code != 404
    return True


def claim(world: World, name: str, **more: Any) -> None:
    own = {"release": "airflow", "tier": "airflow"}
    about = {"name": name, "namespace": world.namespace, "labels": own, **more}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": spec}
    world.server.apply(json.dumps(made))


def claim_from_set(world: World, name: str) -> str:
    """A claim from a template of a StatefulSet of the chart, which Argo CD delivered; its path."""
    owner = name.partition("-")[2].rpartition("-")[0]
    path = f"/apis/apps/v1/namespaces/{{namespace}}/statefulsets/{owner}"
    world.operators.workload("StatefulSet", owner, ready=True)
    mark = {TRACKING: f"airflow:apps/StatefulSet:{world.namespace}/{owner}"}
    marked(world, path, annotations=mark)
    claim(world, name)
    return path.format(namespace=world.namespace)


def look(action: Step) -> StepStatus:
    async def run() -> StepStatus:
        return await action.check()

    return asyncio.run(run())


def put(
    world: World, kind: str, name: str, api: str, owner: Any = None, **more: Any
) -> dict[str, str]:
    """Make it; what a reference to it as an owner says."""
    about = {"name": name, "namespace": world.namespace}
    owners = {"ownerReferences": [owner]} if owner else {}
    made = {"apiVersion": api, "kind": kind, "metadata": {**about, **owners}, **more}
    stands = world.server.apply(json.dumps(made))
    return {"apiVersion": api, "kind": kind, "name": name, "uid": stands["metadata"]["uid"]}


def own_namespace(world: World, target: Target) -> None:
    """The namespace as the wizard creates it, where no controller does."""
    about = {"name": world.namespace, "annotations": {OWNER_ANNOTATION: target.release.owner_id}}
    world.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": about}, force=True)

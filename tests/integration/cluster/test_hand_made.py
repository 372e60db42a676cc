"""What careless colleagues make by hand beside an installation, from copies of its objects.

`kubectl get -o yaml`, another name, `kubectl apply`: every label, annotation and owner is copied.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cluster.argocd import World, told
from tests.support.cluster.helm import HelmWorld, chart_with
from tests.support.cluster.installation import (
    APPLICATION,
    CLAIMS,
    STORES,
    apply_and_sync,
    claim,
    ended,
    own_namespace,
)
from tests.testbed.kube import Kube as Server
from wizard.systems.helm import steps as helm_steps
from wizard.systems.release import delivered_objects, volumes
from wizard.systems.release.inhabitants import NamespaceContents
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
CONFIG = "/api/v1/namespaces/{namespace}/configmaps/airflow-config"
LOGS = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: airflow-logs, labels: {release: airflow, tier: airflow}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def applied(world: World) -> Target:
    """The installation is applied and synced."""
    return apply_and_sync(world)


def copy(world: World, path: str, name: str) -> None:
    """As kubectl does, under a name of its own."""
    found = world.read(path)
    about = {key: value for key, value in found["metadata"].items() if key in _COPIED}
    rest = {key: value for key, value in found.items() if key not in {"metadata", "status"}}
    world.server.apply(json.dumps({**rest, "metadata": {**about, "name": name}}))


_COPIED = ("namespace", "labels", "annotations", "ownerReferences")


def going(world: World) -> dict[str, bool]:
    return {
        one["metadata"]["name"]: "deletionTimestamp" in one["metadata"]
        for one in world.read(CLAIMS)["items"]
    }


def test_a_copy_of_a_volume_stays(world: World, applied: Target) -> None:
    claim(world, "logs-airflow-worker-0")
    claim(world, "logs-airflow-worker-before-0")
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    copy(world, f"{CLAIMS}/logs-airflow-worker-0", "logs-before-the-upgrade")
    ended(volumes.build_volumes_removal(replace(applied, verdicts={}), ["volumes"]))
    assert going(world) == {
        "logs-airflow-worker-0": True,
        "logs-airflow-worker-before-0": False,
        "logs-before-the-upgrade": False,
    }


def test_copies_of_manifests_stay_and_keep_the_namespace(world: World, applied: Target) -> None:
    own_namespace(world, applied)
    name = world.read(POLICIES)["items"][0]["metadata"]["name"]
    copy(world, f"{POLICIES}/{name}", "team-egress")
    copy(world, f"{STORES}/vault-airflow", "team-store")
    found = NamespaceContents(world.client(), applied).list_foreign()
    assert {(one.kind, one.name) for one in found} == {
        ("NetworkPolicy", "team-egress"), ("SecretStore", "team-store"),
    }  # fmt: skip
    # The copied store logs in with our ServiceAccount, which would stay for it.
    world.server.request("DELETE", f"{STORES}/team-store".format(namespace=world.namespace))
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    ended(delivered_objects.build_objects_removal(applied))
    assert [one["metadata"]["name"] for one in world.read(POLICIES)["items"]] == ["team-egress"]


@pytest.fixture
def charted(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Path
) -> HelmWorld:
    """One that Helm delivers, whose chart renders a volume claim."""
    del helm
    world = HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    world.chart = chart_with(tmp_path / "chart", {"templates/logs.yaml": LOGS})
    return world


def test_copies_of_what_helm_made_stay(charted: HelmWorld) -> None:
    world, target = charted, charted.delivered()
    made = told([*helm_steps.build_manifest_steps(target), helm_steps.build_chart_step(target)])
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    copy(world, f"{CLAIMS}/airflow-logs", "logs-before-the-upgrade")
    copy(world, CONFIG, "config-before-the-upgrade")
    found = NamespaceContents(world.client(), target).list_foreign()
    names = {one.name for one in found if not one.name.startswith("sh.helm.release")}
    assert names == {"logs-before-the-upgrade", "config-before-the-upgrade"}
    ended(volumes.build_mark_step(target))
    ended(volumes.build_volumes_removal(replace(target, verdicts={}), ["volumes"]))
    assert going(world) == {"airflow-logs": True, "logs-before-the-upgrade": False}

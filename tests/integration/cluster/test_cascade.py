"""What Argo CD would delete with an Application, on a real API server: data that is not asked for.

The controller is a labelled stand-in, which deletes what it tracks, as Argo CD does
(controller/appcontroller.go, shouldBeDeleted).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cluster.argocd import World, told
from tests.support.cluster.installation import (
    APPLICATION,
    CLAIMS,
    SPACE,
    STORES,
    apply_and_sync,
    claim,
    ended,
    exists,
    marked,
    patched,
    put,
)
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd import application_removal
from wizard.systems.argocd.tracking import INSTANCE, TRACKING
from wizard.systems.release import volumes
from wizard.systems.release.delivered_objects import build_objects_removal
from wizard.systems.release.protection import build_keep_step

pytestmark = pytest.mark.integration

OPTIONS = "argocd.argoproj.io/sync-options"
SECRETS = f"{SPACE}/secrets"


def listed(world: World, *resources: tuple[str, str, str], **more: Any) -> None:
    """The objects that Argo CD says it manages, as group, kind and name."""
    found = [
        {"group": group, "version": "v1", "kind": kind, "name": name, "status": "Synced",
         **({} if kind in {"Namespace", "PersistentVolume"} else {"namespace": world.namespace}),
         **more}
        for group, kind, name in resources
    ]  # fmt: skip
    patched(world, APPLICATION, {"status": {"resources": found}})


def options(world: World, path: str) -> str:
    notes = world.read(path)["metadata"].get("annotations") or {}
    return str(notes.get(OPTIONS, ""))


def test_data_that_was_not_asked_for_is_kept_from_the_cascade(world: World) -> None:
    """Whatever holds data, in the kustomization, in the chart, or only marked by a label."""
    target = apply_and_sync(world)
    labels = {INSTANCE: "airflow"}
    claim(world, "by-label", labels=labels)
    claim(world, "listed", labels={})
    claim(world, "of-others", labels={})
    put(world, "Secret", "by-hand", "v1")
    put(world, "ConfigMap", "plain", "v1")
    quota = {"hard": {"pods": "1"}}
    put(world, "ResourceQuota", "unknown-kind", "v1", spec=quota)
    listed(
        world, ("", "PersistentVolumeClaim", "listed"), ("", "Secret", "by-hand"),
        ("", "Namespace", world.namespace), ("", "ConfigMap", "plain"),
        ("", "ResourceQuota", "unknown-kind"), ("", "Secret", "gone-already"),
        ("not.served.example", "Thing", "x"),
    )  # fmt: skip
    done = ended(build_keep_step(target, []))
    assert done.state == "changed", done
    kept = {
        f"{CLAIMS}/by-label": "Delete=false", f"{CLAIMS}/listed": "Delete=false",
        f"{CLAIMS}/of-others": "", f"{SECRETS}/by-hand": "Delete=false", SPACE: "Delete=false",
        f"{SPACE}/configmaps/plain": "",
        f"{SPACE}/resourcequotas/unknown-kind": "Delete=false",
    }  # fmt: skip
    assert {path: options(world, path) for path in kept} == kept
    for name in ("PersistentVolumeClaim by-label", "Secret by-hand", f"Namespace {world.namespace}",
                 "ResourceQuota unknown-kind"):  # fmt: skip
        assert name in done.detail, done
    # A second run has nothing to do.
    assert ended(build_keep_step(target, [])).state == "holds"


def test_the_list_of_argo_cd_may_be_old(world: World) -> None:
    """An object that got our mark since, as a copy does, is deleted with the Application too."""
    target = apply_and_sync(world)
    listed(world)
    for name, kind in (("hers", "Secret"), ("notes", "ConfigMap"), ("quota", "ResourceQuota")):
        put(world, kind, name, "v1", **({"spec": {"hard": {}}} if name == "quota" else {}))
        mark = {TRACKING: f"airflow:/{kind}:{world.namespace}/{name}"}
        marked(world, f"{SPACE}/{kind.lower()}s/{name}", annotations=mark)
    put(world, "Secret", "labelled", "v1")
    marked(world, f"{SECRETS}/labelled", labels={INSTANCE: "airflow"})
    # Argo CD ignores an id that names another object, and leaves what has an owner.
    put(world, "Secret", "copied", "v1")
    mark = {TRACKING: f"airflow:/Secret:{world.namespace}/hers"}
    marked(world, f"{SECRETS}/copied", annotations=mark)
    done = ended(build_keep_step(target, ["volumes"]))
    assert done.state == "changed", done
    kept = {
        f"{SECRETS}/hers": "Delete=false", f"{SECRETS}/labelled": "Delete=false",
        f"{SECRETS}/copied": "", f"{SPACE}/resourcequotas/quota": "Delete=false",
        # Of our Application, by its mark, and of a kind that goes with it.
        f"{SPACE}/configmaps/notes": "",
    }  # fmt: skip
    assert {path: options(world, path) for path in kept} == kept
    assert ended(build_keep_step(target, ["volumes"])).state == "holds"


def test_only_the_quota_that_the_chart_renders_goes_with_the_cascade(world: World) -> None:
    """One of another name is kept, in the list of Argo CD or only with its mark."""
    answers = {"environment.quota.cpu": "64", "environment.quota.default_cpu": "50m"}
    target = apply_and_sync(world, **answers)
    quotas, limits = f"{SPACE}/resourcequotas", f"{SPACE}/limitranges"
    made = (("ResourceQuota", "airflow-resource-quota"), ("ResourceQuota", "hers"),
            ("ResourceQuota", "listed"), ("LimitRange", "airflow-limit-range"),
            ("LimitRange", "hers"))  # fmt: skip
    for kind, name in made:
        put(world, kind, name, "v1", spec={"limits": []} if kind == "LimitRange" else {"hard": {}})
        if name != "listed":
            mark = {TRACKING: f"airflow:/{kind}:{world.namespace}/{name}"}
            marked(world, f"{SPACE}/{kind.lower()}s/{name}", annotations=mark)
    listed(world, ("", "ResourceQuota", "airflow-resource-quota"), ("", "ResourceQuota", "listed"))
    done = ended(build_keep_step(target, []))
    assert done.state == "changed", done
    kept = {
        f"{quotas}/airflow-resource-quota": "", f"{quotas}/hers": "Delete=false",
        f"{quotas}/listed": "Delete=false",
        f"{limits}/airflow-limit-range": "", f"{limits}/hers": "Delete=false",
    }  # fmt: skip
    assert {path: options(world, path) for path in kept} == kept
    # Nor does the step delete them that looks for what Argo CD left.
    told([application_removal.build_application_undo(target)])
    done = ended(build_objects_removal(target))
    assert done.state == "changed", done
    assert {path for path in kept if not exists(world, path)} == {
        f"{quotas}/airflow-resource-quota", f"{limits}/airflow-limit-range",
    }  # fmt: skip
    # Without these answers the chart renders none, so the name proves nothing.
    put(world, "ResourceQuota", "airflow-resource-quota", "v1", spec={"hard": {}})
    mark = {TRACKING: f"airflow:/ResourceQuota:{world.namespace}/airflow-resource-quota"}
    marked(world, f"{quotas}/airflow-resource-quota", annotations=mark)
    ended(build_objects_removal(world.target()))
    assert exists(world, f"{quotas}/airflow-resource-quota")


def test_objects_of_the_whole_cluster_name_the_namespace_that_they_are_for(world: World) -> None:
    """Two Argo CDs in one cluster may each have an Application of this name."""
    answers = {"executor.kind": "KubernetesExecutor",
               "executor.multi_namespace": [f"tasks-{world.namespace}"]}  # fmt: skip
    target = apply_and_sync(world, **answers)
    group, roles = "rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    owners = {world.namespace: "mine", f"team-b-{world.namespace}": "hers"}
    names = {who: f"{place}-airflow-pod-launcher-role" for place, who in owners.items()}
    for place, who in owners.items():
        mark = {TRACKING: f"airflow:{group}/ClusterRole:{place}/{names[who]}"}
        about = {"name": names[who], "annotations": mark}
        role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": about, "rules": []}
        world.server.apply(json.dumps(role))
    resources = [
        {"group": group, "kind": "ClusterRole", "version": "v1", "name": names["mine"]},
        {"group": group, "kind": "ClusterRole", "version": "v1", "name": names["hers"],
         "requiresPruning": True},
    ]  # fmt: skip
    patched(world, APPLICATION, {"status": {"resources": resources}})
    try:
        ended(build_keep_step(target, []))
        assert options(world, f"{roles}/{names['hers']}") == "Delete=false"
        assert options(world, f"{roles}/{names['mine']}") == ""
        told([application_removal.build_application_undo(target)])
        done = ended(build_objects_removal(target))
        assert done.state == "changed", done
        assert not exists(world, f"{roles}/{names['mine']}")
        assert exists(world, f"{roles}/{names['hers']}")
    finally:
        world.server.request("DELETE", f"{roles}/{names['hers']}")


def test_what_data_was_asked_for_goes_only_where_it_is_ours(world: World) -> None:
    target = apply_and_sync(world)
    mine = {TRACKING: f"airflow:/PersistentVolumeClaim:{world.namespace}/mine"}
    claim(world, "mine", annotations=mine)
    claim(world, "by-label", labels={INSTANCE: "airflow"})
    listed(
        world, ("", "PersistentVolumeClaim", "mine"), ("", "PersistentVolumeClaim", "by-label"),
        ("", "Namespace", world.namespace),
    )  # fmt: skip
    assert ended(build_keep_step(target, ["volumes", "namespace"])).state == "changed"
    assert options(world, f"{CLAIMS}/mine") == ""
    assert options(world, f"{CLAIMS}/by-label") == "Delete=false"
    # The step of the namespace looks what is in it; Argo CD would not.
    assert options(world, SPACE) == "Delete=false"
    ended(volumes.build_volumes_removal(target, ["volumes"]))
    going = {one["metadata"]["name"] for one in world.read(CLAIMS)["items"]
             if "deletionTimestamp" in one["metadata"]}  # fmt: skip
    assert going == {"mine"}


def test_what_names_another_source_is_not_touched_and_stops_the_cascade(world: World) -> None:
    target = apply_and_sync(world)
    put(world, "Secret", "hers", "v1")
    notes = {OWNER_ANNOTATION: "git.example.com/hers/airflow#airflow"}
    marked(world, f"{SECRETS}/hers", annotations=notes)
    listed(world, ("", "Secret", "hers"))
    done = ended(build_keep_step(target, []))
    assert (done.state, "Secret" in done.detail) == ("blocked", True), done
    assert "belongs to installation airflow of git.example.com/hers/airflow" in done.detail
    assert options(world, f"{SECRETS}/hers") == ""
    # The same for what the committed files name, if it still has our mark.
    listed(world)
    place = f"{STORES}/vault-airflow"
    mark = f"airflow:external-secrets.io/SecretStore:{world.namespace}/vault-airflow"
    marked(world, place, annotations={**notes, TRACKING: mark})
    before = world.read(place)
    done = ended(build_keep_step(target, []))
    assert (done.state, "SecretStore" in done.detail) == ("blocked", True), done
    assert world.read(place) == before

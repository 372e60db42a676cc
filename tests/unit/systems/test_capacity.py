"""What quotas and storage classes leave room for, counted by hand; and which cluster is meant."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.rendered import answers
from wizard.answers.sections.cluster import Cluster as Recorded
from wizard.clients.kube.protocol import ClusterIdentity
from wizard.errors import ConflictError
from wizard.formats.quantities import parse_quantity
from wizard.plan.derive import derive_release
from wizard.state.cluster_identity import (
    build_cluster_record,
    compare_clusters,
    find_missing_proof,
    require_same_cluster,
)
from wizard.systems.cluster.capacity import (
    PodDemand,
    VolumeDemand,
    judge_classes,
    judge_quotas,
    list_pods,
    list_volumes,
)

SMALL = (PodDemand("web", 2, "500m", "1Gi", "2Gi"), PodDemand("worker", 3, "1", "2Gi", "2Gi"))
DISKS = (VolumeDemand("worker", 3, "10Gi"),)
SERVER, OTHER = "https://api.prod.example:6443", "https://api.test.example:6443"


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("2", "2"), ("1Gi", "1073741824"), ("1.5k", "1500"), ("1e3", "1000"),
     ("100n", "0.0000001"), ("2Ei", str(2 * 2**60)), ("0", "0")],
)  # fmt: skip
def test_quantities(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1 Gi", "-1"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(text)


def quota(used: Any = None, **hard: str) -> dict[str, Any]:
    names = {name.replace("_", "."): value for name, value in hard.items()}
    return {"metadata": {"name": "team"}, "status": {"hard": names, "used": used or {}}}


def judged(one: dict[str, Any], *, defaults: bool = False, installed: bool = False) -> Any:
    return judge_quotas([one], SMALL, DISKS, defaults=defaults, installed=installed)


def test_a_quota_that_is_enough() -> None:
    enough = quota(pods="5", cpu="4", requests_memory="8Gi", limits_memory="10Gi",
                   persistentvolumeclaims="3", requests_storage="30Gi", configmaps="1")  # fmt: skip
    assert judged(enough).status == "pass"


@pytest.mark.parametrize(
    ("hard", "says"),
    [
        ({"pods": "4"}, "has 4 of pods left, 5 needed"),
        ({"requests_cpu": "3900m"}, "has 3.9 of requests.cpu left, 4 needed"),
        ({"memory": "7Gi"}, "has 7Gi of memory left, 8Gi needed"),
        ({"persistentvolumeclaims": "2"}, "has 2 of persistentvolumeclaims left, 3 needed"),
        ({"requests_storage": "29Gi"}, "has 29Gi of requests.storage left, 30Gi needed"),
        ({"limits_cpu": "100"}, "limits.cpu, which is not set for web, worker"),
    ],
)
def test_a_quota_that_is_too_small(hard: dict[str, str], says: str) -> None:
    found = judged(quota(**hard))
    assert (found.status, says in found.detail) == ("fail", True), found


def test_what_others_use_counts_and_our_own_does_not_count_twice() -> None:
    one = quota({"pods": "3"}, pods="6")
    assert judged(one).status == "fail"
    assert judged(one, installed=True).status == "pass"
    assert judged(quota(limits_cpu="1"), defaults=True).status == "pass"


def test_pods_and_volumes_of_an_installation() -> None:
    changes: dict[str, object] = {
        "executor.workers.autoscaling": "keda",
        "executor.workers.max_replicas": 4,
        "logs.kind": "volume",
    }
    found = answers("production", changes)
    release = derive_release(found)
    counted = {one.who: one.count for one in list_pods(found, release)}
    assert counted == {
        "API server": 2, "scheduler": 2, "DAG processor": 1, "triggerer": 1, "worker": 4,
        "PgBouncer": 2, "Redis": 1, "StatsD and a Job": 2,
    }  # fmt: skip
    claimed = {one.who: (one.count, one.size, one.shared) for one in list_volumes(found, release)}
    assert claimed == {
        "triggerer": (1, "5Gi", False), "worker": (4, "10Gi", False), "Redis": (1, "1Gi", False),
        "logs": (1, "50Gi", True),
    }  # fmt: skip
    for mode, shared in (("ReadOnlyMany", True), ("ReadWriteOnce", False)):
        found = answers("production", {"dags.source": "volume", "dags.volume.access_mode": mode})
        [dags] = [one for one in list_volumes(found, derive_release(found)) if one.who == "DAGs"]
        assert (dags.size, dags.shared) == ("1Gi", shared)
        assert judge_classes([], [dags]).status == "fail"
        gone = judge_classes([], [replace(dags, storage_class="nfs")])
        assert gone.fix.question == "dags.volume.storage_class"
    local = answers("local", {"executor.kind": "LocalExecutor"})
    assert {one.who for one in list_volumes(local, derive_release(local))} >= {
        "scheduler",
        "PostgreSQL",
    }


def storage_class(name: str, provisioner: str, default: bool = False) -> dict[str, Any]:
    key = "storageclass.kubernetes.io/is-default-class"
    notes = {key: "true"} if default else None
    return {"metadata": {"name": name, "annotations": notes}, "provisioner": provisioner}


def test_storage_classes() -> None:
    disk = storage_class("gp3", "ebs.csi.aws.com", default=True)
    files = storage_class("efs", "efs.csi.aws.com")
    shared = VolumeDemand("logs", 1, "50Gi", "efs", shared=True)
    assert judge_classes([disk, files], [*DISKS, shared]).status == "pass"
    assert "no default StorageClass" in judge_classes([files], DISKS).detail
    gone = judge_classes([disk], [shared])
    assert (gone.status, "StorageClass efs of logs does not exist" in gone.detail) == ("fail", True)
    one_node = judge_classes([disk], [VolumeDemand("logs", 1, "50Gi", shared=True)])
    assert (one_node.status, "ReadWriteMany" in one_node.detail) == ("warn", True)


@pytest.mark.parametrize(
    ("recorded", "seen", "same"),
    [
        ({}, (SERVER, "u1"), True),
        ({"server": SERVER, "uid": "u1"}, (OTHER, "u1"), True),
        ({"server": SERVER, "uid": "u1"}, (SERVER, "u2"), False),
        ({"uid": "u1"}, ("https://127.0.0.1:6443", "u2"), False),
        ({"server": SERVER}, (OTHER, "u1"), False),
        ({"server": SERVER}, ("https://127.0.0.1:6443", "u1"), True),
        ({"server": "https://API.prod.example"}, ("https://api.prod.example:443", "u1"), True),
        ({"server": SERVER, "uid": "u1"}, (SERVER, ""), True),
        ({"server": SERVER, "uid": "u1"}, (OTHER, ""), False),
        ({"uid": "u1"}, (SERVER, ""), False),
    ],
)
def test_which_cluster_is_meant(recorded: Any, seen: Any, same: bool) -> None:
    found = ClusterIdentity(seen[0], seen[1], "1.34.0")
    words = Recorded.model_validate(recorded)
    if same:
        require_same_cluster(words, found)
        assert compare_clusters(words, found) == ""
        return
    with pytest.raises(ConflictError) as caught:
        require_same_cluster(words, found)
    assert "--context" in caught.value.hint


@pytest.mark.parametrize(
    ("recorded", "seen", "says"),
    [
        ({}, (SERVER, "u1"), ""),
        ({"uid": "u1"}, ("https://127.0.0.1:6443", "u1"), ""),
        ({"server": SERVER}, (SERVER, "u1"), ""),
        ({"server": SERVER, "uid": "u1"}, (SERVER, ""), ""),
        ({"server": SERVER}, ("https://127.0.0.1:6443", "u1"), "this machine"),
        ({"uid": "u1"}, (SERVER, ""), "may not be read"),
    ],
)
def test_what_writes_wants_more_than_nothing_against_it(
    recorded: Any, seen: Any, says: str
) -> None:
    found = ClusterIdentity(seen[0], seen[1], "1.34.0")
    assert compare_clusters(words := Recorded.model_validate(recorded), found) == ""
    assert says in find_missing_proof(words, found)
    assert bool(says) == bool(find_missing_proof(words, found))


def test_what_is_recorded_on_first_contact() -> None:
    assert build_cluster_record(ClusterIdentity(SERVER, "u1", "")) == {
        "cluster.server": SERVER,
        "cluster.uid": "u1",
    }
    local = build_cluster_record(ClusterIdentity("https://127.0.0.1:40001", "u1", ""))
    assert local == {"cluster.server": "", "cluster.uid": "u1"}
    Recorded.model_validate({key.partition(".")[2]: value for key, value in local.items()})

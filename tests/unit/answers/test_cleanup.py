"""Task pods and cleanup: the settings of document 001, and what is told before data goes."""

from __future__ import annotations

from tests.support.rendered import rendering, values

KUBERNETES: dict[str, object] = {"executor.kind": "KubernetesExecutor"}


def test_task_pods_of_document_001() -> None:
    pods: dict[str, object] = {
        "cpu": "500m", "memory": "1Gi", "cpu_limit": "2", "memory_limit": "4Gi", "batch_size": 16,
        "delete_on_failure": True, "delete_on_success": False,
    }  # fmt: skip
    found = values(rendering("production", {**KUBERNETES, "executor.task_pods": pods}))
    assert found["workers"]["kubernetes"]["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "4Gi"},
    }
    assert found["config"]["kubernetes_executor"] == {
        "delete_worker_pods": "False",
        "delete_worker_pods_on_failure": "True",
        "worker_pods_creation_batch_size": 16,
    }
    default = values(rendering("production", KUBERNETES))
    assert "kubernetes_executor" not in default["config"]


def test_cleanup_is_off_until_it_is_asked_for() -> None:
    assert "databaseCleanup" not in values(rendering("production"))
    on: dict[str, object] = {
        "environment.cleanup.database": True,
        "environment.cleanup.retention_days": 30,
    }
    found = values(rendering("production", on))
    assert found["databaseCleanup"] == {"enabled": True, "retentionDays": 30}
    assert "cleanup" not in found
    pods = values(rendering("production", {**KUBERNETES, "environment.cleanup.pods": True}))
    assert pods["cleanup"] == {"enabled": True}

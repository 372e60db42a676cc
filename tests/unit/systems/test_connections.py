"""Connections that an installation opens, counted by hand for each kind of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import answers
from wizard.systems.database.connections import (
    check_connections,
    check_result_connections,
    list_demands,
    result_demand,
)

SINGLE: dict[str, object] = {
    "components.api_server.replicas": 1,
    "components.scheduler.replicas": 1,
    "database.pgbouncer.mode": "off",
    "executor.kind": "LocalExecutor",
}


def total(changes: dict[str, Any]) -> tuple[int, int]:
    found = list_demands(answers("production", {**SINGLE, **changes}))
    return sum(one.least for one in found), sum(one.most for one in found)


@pytest.mark.parametrize(
    ("changes", "least", "most"),
    [
        # API server, scheduler, DAG processor, triggerer: one process with 5 + 10 each.
        ({}, 4, 60),
        ({"components.scheduler.replicas": 2, "components.api_server.replicas": 3}, 7, 105),
        ({"installation.airflow": "3.0.6"}, 7, 105),
        ({"values": {"config": {"api": {"workers": 2}}}}, 5, 75),
        ({"values": {"config": {"database": {"sql_alchemy_pool_size": 3}}}}, 4, 52),
        ({"values": {"config": {"database": {"sql_alchemy_pool_size": "many"}}}}, 4, 60),
        ({"executor.kind": "KubernetesExecutor"}, 4, 60),
    ],
)
def test_airflow_3(changes: dict[str, Any], least: int, most: int) -> None:
    assert total(changes) == (least, most)


@pytest.mark.parametrize(
    ("changes", "tasks"),
    [
        ({}, 2 * 32),
        ({"values": {"config": {"core": {"parallelism": 8}}}}, 2 * 8),
        (
            {
                "executor.kind": "CeleryExecutor",
                "executor.workers.replicas": 2,
                "executor.workers.concurrency": 4,
            },
            2 * 8,
        ),
    ],
)
def test_tasks_of_airflow_2_have_connections_of_their_own(
    changes: dict[str, Any], tasks: int
) -> None:
    old = {"installation.airflow": "2.11.0"}
    # Four webserver processes.
    assert total({**old, **changes}) == (7, 7 * 15 + tasks)


def test_celery_results() -> None:
    celery = {
        **SINGLE,
        "executor.kind": "CeleryExecutor",
        "executor.workers.autoscaling": "keda",
        "executor.workers.max_replicas": 5,
        "executor.workers.concurrency": 16,
    }
    demand = result_demand(answers("production", celery))
    assert demand is not None
    assert demand.most == 80
    assert result_demand(answers("production", SINGLE)) is None
    together = check_connections(answers("production", celery), 97, 1)
    assert (together.status, "4 to 140" in together.detail) == ("warn", True)


SEPARATE: dict[str, object] = {
    **SINGLE,
    "executor.kind": "CeleryExecutor",
    "executor.workers.autoscaling": "none",
    "executor.workers.replicas": 2,
    "executor.workers.concurrency": 8,
    "database.result_backend": {"kind": "separate", "host": "results.example.internal"},
}


def test_results_on_a_server_of_their_own_count_there() -> None:
    apart = answers("production", SEPARATE)
    assert "4 to 60" in check_connections(apart, 97, 0).detail
    for limit, status in ((15, "warn"), (16, "pass")):
        found = check_result_connections(apart, limit, 1)
        assert (found.status, "up to 16 for results" in found.detail) == (status, True)
    beside = {"kind": "separate", "host": apart.database.host}
    together = answers("production", {**SEPARATE, "database.result_backend": beside})
    assert "4 to 76" in check_connections(together, 97, 0).detail


def test_results_through_the_pooler_count_at_both_ends() -> None:
    pooled = {"database.pgbouncer": {"mode": "chart", "replicas": 2, "result_pool": 5,
                                     "metadata_pool": 10}}  # fmt: skip
    apart = answers("production", {**SEPARATE, **pooled})
    assert "opens up to 21 (2 x 10" in check_connections(apart, 97, 0).detail
    assert "Airflow opens 4 to 76 to PgBouncer" in check_connections(apart, 97, 0).detail
    assert [check_result_connections(apart, limit, 0).status for limit in (9, 10)] == [
        "fail",
        "pass",
    ]
    beside = {"kind": "separate", "host": apart.database.host}
    together = answers("production", {**SEPARATE, **pooled, "database.result_backend": beside})
    assert "opens up to 31 (2 x 15" in check_connections(together, 97, 0).detail


@pytest.mark.parametrize(
    ("limit", "status"), [(3, "fail"), (4, "warn"), (59, "warn"), (60, "pass")]
)
def test_without_a_pooler(limit: int, status: str) -> None:
    result = check_connections(answers("production", SINGLE), limit, 7)
    assert result.status == status
    assert "4 to 60 (1 x API server up to 15, 1 x scheduler up to 15" in result.detail
    assert f"the server allows {limit}, 7 are open now" in result.detail
    assert bool(result.fix.text) is (status != "pass")


@pytest.mark.parametrize(
    ("changes", "limit", "status", "says"),
    [
        ({}, 21, "pass", "opens up to 21 (2 x 10, and migrations)"),
        ({}, 20, "fail", "opens up to 21"),
        ({"database.pgbouncer.max_client_conn": 29}, 97, "warn", "which accepts 58"),
        ({"database.pgbouncer.max_client_conn": 1}, 97, "fail", "which accepts 2"),
        ({"executor.kind": "CeleryExecutor"}, 97, "pass", "opens up to 31 (2 x 15"),
        ({"database.pgbouncer.mode": "external"}, 1, "pass", "through your PgBouncer"),
    ],
)
def test_with_a_pooler(changes: dict[str, Any], limit: int, status: str, says: str) -> None:
    pooled = {
        **SINGLE,
        "database.pgbouncer.mode": "chart",
        "database.pgbouncer.host": "pool.example.internal",
        "database.pgbouncer.replicas": 2,
        "database.pgbouncer.metadata_pool": 10,
        "database.pgbouncer.result_pool": 5,
        "database.pgbouncer.max_client_conn": 100,
        "executor.workers.replicas": 1,
        **changes,
    }
    result = check_connections(answers("production", pooled), limit, 0)
    assert (result.status, says in result.detail) == (status, True), result

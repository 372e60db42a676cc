"""Compare the database connections of an installation with the server's limit; pure.

Each Airflow process has a pool of `sql_alchemy_pool_size` connections and may open
`sql_alchemy_max_overflow` more (5 and 10, Airflow's configuration reference). The API server has
one worker process since 3.1 (apache/airflow#55707); earlier ones and the webserver have four. Tasks
of Airflow 3 use the API server; a task of Airflow 2 has two processes with one connection each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_POOL, _OVERFLOW, _PARALLELISM = 5, 10, 32


@dataclass(frozen=True, slots=True)
class ConnectionDemand:
    """The connections that one component opens: `least` (one for each process) to `most`."""

    who: str
    least: int
    most: int


def list_demands(answers: Answers) -> tuple[ConnectionDemand, ...]:
    """Return the components that open connections to the metadata database."""
    size = answers.components
    old = answers.installation.airflow_version < (3, 0, 0)
    pool = _read_setting(answers, "database", "sql_alchemy_pool_size", _POOL) + _read_setting(
        answers, "database", "sql_alchemy_max_overflow", _OVERFLOW
    )
    workers = _web_workers(answers)
    web = "webserver" if old else "API server"
    processes = {
        f"{size.api_server.replicas} x {web}": size.api_server.replicas * workers,
        f"{size.scheduler.replicas} x scheduler": size.scheduler.replicas,
        f"{size.dag_processor.replicas} x DAG processor": size.dag_processor.replicas,
        f"{size.triggerer.replicas} x triggerer": size.triggerer.replicas,
    }
    found = [ConnectionDemand(who, count, count * pool) for who, count in processes.items()]
    if old:
        found.append(ConnectionDemand("running tasks", 0, 2 * _running_tasks(answers)))
    return tuple(found)


def result_demand(answers: Answers) -> ConnectionDemand | None:
    """Return the connections of Celery's workers to the result backend; None without Celery."""
    if "Celery" not in answers.executor.kind:
        return None
    slots = _celery_slots(answers)
    return ConnectionDemand(f"results of {slots} task slots", 0, slots)


def check_connections(answers: Answers, limit: int, in_use: int) -> ProbeResult:
    """Return whether the server's limit is enough for the metadata database's connections.

    `limit` is the number of connections that this role can use, `in_use` the number open now.
    """
    own = list(list_demands(answers))
    results = result_demand(answers)
    # The chart's pooler accepts connections to both databases, even if they are on two servers.
    if results is not None and (
        _is_server_shared(answers) or answers.database.pgbouncer.mode == "chart"
    ):
        own.append(results)
    least, most = sum(one.least for one in own), sum(one.most for one in own)
    allowed = f"the server allows {limit}, {in_use} are open now"
    if answers.database.pgbouncer.mode == "chart":
        return _check_pooler(answers, least, most, limit, allowed)
    if answers.database.pgbouncer.mode == "external":
        return pass_result(f"Airflow opens {least} to {most}, through your PgBouncer; {allowed}")
    parts = ", ".join(f"{one.who} up to {one.most}" for one in own)
    numbers = f"Airflow opens {least} to {most} ({parts}); {allowed}"
    if least > limit:
        return fail_result(
            numbers,
            Fix(
                "raise max_connections, or set database.pgbouncer.mode=chart",
                "database.pgbouncer.mode",
            ),
        )
    if most > limit:
        return warn_result(
            numbers,
            Fix(
                "set database.pgbouncer.mode=chart, or raise max_connections",
                "database.pgbouncer.mode",
            ),
        )
    return pass_result(numbers)


def check_result_connections(answers: Answers, limit: int, in_use: int) -> ProbeResult:
    """Return whether the limit is enough for a result backend on its own server."""
    allowed = f"the server allows {limit}, {in_use} are open now"
    bouncer = answers.database.pgbouncer
    if bouncer.mode == "chart":
        opened = bouncer.replicas * bouncer.result_pool
        numbers = f"PgBouncer opens up to {opened} for results; {allowed}"
        if opened > limit:
            return fail_result(
                numbers,
                Fix("lower database.pgbouncer.result_pool", "database.pgbouncer.result_pool"),
            )
        return pass_result(numbers)
    demand = result_demand(answers)
    most = demand.most if demand else 0
    numbers = f"Celery opens up to {most} for results; {allowed}"
    if most > limit:
        return warn_result(
            numbers,
            Fix(
                "raise max_connections, or set database.pgbouncer.mode=chart",
                "database.pgbouncer.mode",
            ),
        )
    return pass_result(numbers)


def _is_server_shared(answers: Answers) -> bool:
    """Return whether the metadata database's server also stores Celery's results."""
    own, back = answers.database, answers.database.result_backend
    return back.kind == "metadata" or (back.host, back.port) == (own.host, own.port)


def _check_pooler(answers: Answers, least: int, most: int, limit: int, allowed: str) -> ProbeResult:
    bouncer = answers.database.pgbouncer
    pools = bouncer.metadata_pool
    celery = "Celery" in answers.executor.kind
    if celery and _is_server_shared(answers):
        pools += bouncer.result_pool
    # The migration job connects to the server directly.
    opened = bouncer.replicas * pools + 1
    clients = bouncer.replicas * bouncer.max_client_conn
    numbers = (
        f"PgBouncer opens up to {opened} ({bouncer.replicas} x {pools}, and migrations); "
        f"{allowed}; Airflow opens {least} to {most} to PgBouncer, which accepts {clients}"
    )
    if opened > limit:
        return fail_result(
            numbers,
            Fix("lower database.pgbouncer.metadata_pool", "database.pgbouncer.metadata_pool"),
        )
    if least > clients:
        return fail_result(
            numbers,
            Fix("raise database.pgbouncer.max_client_conn", "database.pgbouncer.max_client_conn"),
        )
    if most > clients:
        return warn_result(
            numbers,
            Fix("raise database.pgbouncer.max_client_conn", "database.pgbouncer.max_client_conn"),
        )
    return pass_result(numbers)


def _web_workers(answers: Answers) -> int:
    version = answers.installation.airflow_version
    if version < (3,):
        return _read_setting(answers, "webserver", "workers", 4)
    return _read_setting(answers, "api", "workers", 4 if version < (3, 1) else 1)


def _running_tasks(answers: Answers) -> int:
    kind = answers.executor.kind
    parallelism = _read_setting(answers, "core", "parallelism", _PARALLELISM)
    total = _celery_slots(answers) if "Celery" in kind else 0
    if "Kubernetes" in kind or kind.startswith("Local"):
        total += parallelism
    # Each scheduler starts at most `parallelism` tasks.
    return min(total, parallelism * answers.components.scheduler.replicas)


def _celery_slots(answers: Answers) -> int:
    workers = answers.executor.workers
    count = workers.replicas if workers.autoscaling == "none" else workers.max_replicas
    return count * workers.concurrency


def _read_setting(answers: Answers, section: str, name: str, default: int) -> int:
    """Return a number of airflow.cfg from the answers' `values`, else Airflow's default."""
    found: Any = answers.values
    for part in ("config", section, name):
        found = found.get(part) if isinstance(found, Mapping) else None
    try:
        return max(int(found), 0) if found is not None else default
    except (TypeError, ValueError):
        return default

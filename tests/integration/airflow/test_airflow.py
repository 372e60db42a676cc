"""Airflow itself runs on what the wizard writes, with real servers around it.

The processes get the environment and the arguments of the chart's pods (tests/support/pods.py).
PostgreSQL takes TLS only; all passwords are hostile.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.integration.airflow.api import Api
from tests.integration.airflow.outside import (
    DATABASE,
    LOG_KEY,
    Backend,
    Logs,
    azure_logs,
    database,
    database_answers,
    database_places,
    new_backend,
    ports,
    s3_logs,
)
from tests.support.canary import HOSTILE_TAIL
from tests.support.certificates import Authority
from tests.support.pods import Pods, Process, Rendered, new_payload
from tests.support.rendered import rendering
from tests.support.vault_store import Cluster, store_of
from tests.testbed import environments, pgbouncer_source, programs
from tests.testbed.databases import PgBouncer, Postgres, own_folder
from tests.testbed.eso import EsoTemplate
from tests.testbed.fixtures import found, running
from tests.testbed.kube import Kube
from tests.testbed.object_storage import azurite
from tests.testbed.vault import RefusedError, Vault
from wizard.manifests.postgres import CA_PATH
from wizard.plan.render import Rendering

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

DAGS = Path(__file__).parent / "dags"
SENTENCE = "this line is in the log of the task"
SECONDS = 240
# Six sessions side by side, as each `/wait` has one.
SESSIONS = """
import asyncio
from airflow import settings
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session_async
from sqlalchemy import select

async def state():
    async with create_session_async() as session:
        return (await session.scalars(select(DagRun.state).where(DagRun.run_id == "first"))).one()

async def main():
    try:
        return await asyncio.gather(*(state() for _ in range(6)))
    finally:
        # Connections must be closed while their event loop still runs.
        await settings.async_engine.dispose()

print([str(one) for one in asyncio.run(main())])
"""
IN_DATABASE, IN_VAULT = "kept_in_the_database", "kept_in_vault"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Postgres]:
    with database(authority) as running_server:
        yield running_server


def rendered(
    minor: str, server: Postgres, sslmode: str, pooler: str, *more: dict[str, object]
) -> Rendering:
    changes: dict[str, object] = {
        "executor.kind": "LocalExecutor",
        "installation.airflow": environments.airflow_version(minor),
        **database_answers(server, sslmode, pooler),
    }
    for one in more:
        changes |= one
    return rendering("production", changes)


@dataclass
class Installation:
    """One database of Airflow's, one payload, and pods of several renderings on it."""

    minor: str
    server: Postgres
    authority: Authority
    engine: EsoTemplate
    folder: Path
    payload: dict[str, str]
    stack: ExitStack

    def pods(
        self,
        name: str,
        made: Rendering,
        more_places: dict[str, str],
        log_connection: str = "",
        execution: int = 0,
    ) -> tuple[Pods, int]:
        """Pods of a rendering that share the payload, and the port of their API server.

        Tasks use the API server at the port `execution`, if there is one already.
        """
        logs = {LOG_KEY: log_connection} if log_connection else {}
        given = {**self.payload, **logs, "databasePassword": HOSTILE_TAIL}
        self.payload.update(new_payload(made, given))
        home = self.folder / name
        api, worker_logs, trigger_logs = ports()
        release = made.release
        places = {
            **database_places(self.server, self.authority),
            **more_places,
            "/opt/airflow": str(home),
            f"{release.names.fullname}-api-server:8080": f"127.0.0.1:{execution or api}",
            f"{release.names.fullname}-statsd": "127.0.0.1",
            "http://localhost:8080": f"http://localhost:{api}",
        }
        more = {
            "AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__API__PORT": str(api),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
            # Of the 32 processes that run tasks, two are enough here.
            "AIRFLOW__CORE__PARALLELISM": "2",
            # The DAGs do not change.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # The first request of a task makes the API server build its models: seconds of a core.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "90",
        }  # fmt: skip
        pods = Pods(
            made, found(lambda: environments.airflow(self.minor)),
            dict(self.payload), self.engine, home, places, more, chart_of(made),
        )  # fmt: skip
        pods.write_config()
        dags = Path(pods.here(pods.configuration.dags_folder))
        shutil.copytree(DAGS, dags, ignore=shutil.ignore_patterns("__pycache__"))
        self.stack.callback(pods.stop)
        return pods, api

    def start_pooler(self, pods: Pods) -> None:
        """The chart's PgBouncer with the emitted files; then pods find it."""
        config = pods.secrets["airflow-pgbouncer-config"]
        ini = config["pgbouncer.ini"].replace(CA_PATH, str(self._readable_ca()))
        assert "max_prepared_statements" in ini
        alias = pods.made.release.names.metadata_alias
        place = f"host=localhost port={self.server.port} dbname='{DATABASE}' pool_size=10"
        pooler = PgBouncer(
            found(pgbouncer_source.pgbouncer), ini, config["users.txt"], {alias: place},
            own_folder("wizard-pooler-"),
        )  # fmt: skip
        self.stack.enter_context(running(pooler))
        host = pods.made.release.names.pgbouncer_host
        pods.places = {**pods.places, f"{host}:6543": f"127.0.0.1:{pooler.port}"}

    def _readable_ca(self) -> Path:
        folder = own_folder("wizard-ca-")
        self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        copy = folder / "ca.pem"
        shutil.copy(self.authority.path, copy)
        copy.chmod(0o644)
        return copy


def chart_of(made: Rendering) -> Rendered | None:
    """What the real chart makes of the values, where AIRFLOW_CHART names it."""
    chart = programs.named("AIRFLOW_CHART")
    return Rendered.make(found(programs.helm), chart, made) if chart else None


@pytest.fixture
def new_installation(
    request: pytest.FixtureRequest,
    server: Postgres,
    authority: Authority,
    eso_template: EsoTemplate,
    tmp_path: Path,
) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda minor: Installation(
            minor, server, authority, eso_template, tmp_path, {}, stack
        )


def test_airflow_2_migrates_and_logs_in(new_installation: Any, server: Postgres) -> None:
    one = new_installation("2.11")
    pods, _ = one.pods("pods", rendered("2.11", server, "verify-full", "chart"), {})
    pods.start_job("migrateDatabaseJob", "run-airflow-migrations", "run-airflow-migrations").finish(
        SECONDS
    )
    one.start_pooler(pods)
    pods.start("scheduler", "airflow", "db", "check").finish(SECONDS)


@pytest.mark.parametrize(
    ("minor", "served", "tried"),
    # An API server costs ten times what a few sessions do: each way of TLS has one of both.
    [("3.2", "require", "verify-full"), ("3.3", "verify-full", "require")],
)
def test_airflow_runs(
    minor: str,
    served: str,
    tried: str,
    new_installation: Any,
    server: Postgres,
    kube: Kube,
    vault: Vault,
    tmp_path: Path,
) -> None:
    one: Installation = new_installation(minor)
    python = found(lambda: environments.airflow(minor))
    found(azurite)
    s3 = one.stack.enter_context(s3_logs(python, one.authority))
    azure = one.stack.enter_context(azure_logs(python))
    backend = new_backend(Cluster(kube, vault, store_of()), tmp_path / "jwt")
    made = rendered(minor, server, "verify-full", "chart", s3.answers, backend.answers)
    backend.set_up(made, {IN_VAULT: "http://user:from-vault@example.internal"})

    places = {**backend.places, **s3.places}
    pooled, port = one.pods("pooled", made, places, s3.connection)
    job = "run-airflow-migrations"
    pooled.start_job("migrateDatabaseJob", job, job).finish(SECONDS)
    one.start_pooler(pooled)

    started = [pooled.start(name) for name in ("dag-processor", "scheduler", "triggerer")]
    kept = pooled.start("api-server")
    api = Api(port, kept)
    check = pooled.start("scheduler", "airflow", "db", "check")
    pooled.start_job("createUserJob", "create-user-job", "create-user").finish(SECONDS)
    check.finish(SECONDS)
    parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    api.wait_until_healthy(*parts, seconds=SECONDS)
    api.login("admin", one.payload["adminPassword"])

    password = f"in-the-database-{HOSTILE_TAIL}"
    body = {"connection_id": IN_DATABASE, "conn_type": "http", "password": password}
    api.ask("POST", "/api/v2/connections", body)
    stored = server.sql(
        f"SELECT password FROM connection WHERE conn_id = '{IN_DATABASE}'", own(server)
    )
    assert stored.startswith("gAAAAA")

    for dag in ("proof", "deferred"):
        api.wait_for_dag(dag, SECONDS)
        api.ask("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})
    api.ask("POST", "/api/v2/dags/deferred/dagRuns", {"dag_run_id": "nap", "logical_date": None})
    expected = {
        IN_DATABASE: hashlib.sha256(password.encode()).hexdigest(),
        IN_VAULT: hashlib.sha256(b"from-vault").hexdigest(),
    }
    run_and_read(tmp_path, "first", api, s3, expected, started)
    wake_up(api, s3)
    refuse_the_payload(backend)
    pooled.stop(kept)

    # Without a pooler, with both ways of TLS. Tasks keep the API server that runs: of a second one,
    # the part for people is what differs, and half of what its start costs.
    answers = (azure.answers, backend.answers)
    direct, direct_port = one.pods(
        "direct", rendered(minor, server, served, "off", *answers), backend.places,
        azure.connection, port,
    )  # fmt: skip
    started = [direct.start("scheduler")]
    api = Api(direct_port, direct.start("api-server", "airflow", "api-server", "--apps", "core"))
    sessions, _ = one.pods(
        "sessions", rendered(minor, server, tried, "off", *answers), backend.places,
        azure.connection,
    )  # fmt: skip
    said = sessions.start("api-server", "python", "-c", SESSIONS).finish(SECONDS)
    assert str(["success"] * 6) in said
    api.wait_until_healthy("metadatabase", "scheduler", seconds=SECONDS)
    api.login("admin", one.payload["adminPassword"])
    run_and_read(tmp_path, "second", api, azure, expected, started)


def own(server: Postgres) -> str:
    """The superuser's URL of Airflow's database."""
    return server.url.removesuffix("/postgres") + "/d%20b"


def run_and_read(
    folder: Path,
    run: str,
    api: Api,
    logs: Logs,
    expected: dict[str, str],
    started: list[Process],
) -> None:
    """Run the DAG, wait for it six times at once, and read its log back."""
    released = folder / f"{run}-released"
    body = {
        "dag_run_id": run,
        "logical_date": None,
        "conf": {
            "released": str(released), "sentence": SENTENCE, "connections": list(expected),
        },
    }  # fmt: skip
    api.ask("POST", "/api/v2/dags/proof/dagRuns", body)
    deadline = time.monotonic() + SECONDS
    while (states := api.task_states("proof", run))["hold"] != "running":
        for process in started:
            process.check_running()
        assert "failed" not in states.values(), started[-1].log
        assert time.monotonic() < deadline, f"{states}\n{started[-1].log}"
        time.sleep(1)

    tasks = f"/api/v2/dags/proof/dagRuns/{run}/taskInstances"
    path = f"/api/v2/dags/proof/dagRuns/{run}/wait?interval=1&result=read"
    with ThreadPoolExecutor(6) as pool:
        begun = [Event() for _ in range(6)]
        waits = [pool.submit(api.ask, "GET", path, None, SECONDS, one) for one in begun]
        # A server that has just started takes its time for the first ones.
        all(one.wait(SECONDS / 6) for one in begun)
        time.sleep(1.5)
        assert not [one for one in waits if one.done()], [
            one.result() for one in waits if one.done()
        ]
        released.touch()
        answers = [one.result() for one in waits]
    for answer in answers:
        lines = [json.loads(line) for line in answer.splitlines() if line.strip()]
        assert lines, "an empty body"
        assert lines[0]["state"] == "running"
        assert lines[-1]["state"] == "success", [
            api.ask("GET", f"{tasks}/{one}/logs/1") for one in ("read", "hold")
        ]
        assert lines[-1]["results"] == {"read": expected}

    text = api.ask("GET", f"{tasks}/read/logs/1")
    assert SENTENCE in text
    assert [SENTENCE in one for one in wait_for_logs(logs, f"run_id={run}", "task_id=read")] == [
        True
    ]


def wait_for_logs(logs: Logs, *parts: str) -> list[str]:
    """The kept logs whose names have these parts: a supervisor uploads after its task has ended."""
    deadline = time.monotonic() + SECONDS
    while True:
        every = logs.read()
        if found := [body for name, body in every.items() if all(one in name for one in parts)]:
            return found
        assert time.monotonic() < deadline, list(every)
        time.sleep(1)


def wake_up(api: Api, logs: Logs) -> None:
    """The triggerer has run what a task waited for, and its log is where the others are."""
    run = "/api/v2/dags/deferred/dagRuns/nap"
    answer = api.ask("GET", f"{run}/wait?interval=1&result=nap", None, SECONDS)
    lines = [json.loads(line) for line in answer.splitlines() if line]
    assert lines[-1]["state"] == "success", api.ask("GET", f"{run}/taskInstances/nap/logs/1")
    assert lines[-1]["results"]["nap"].startswith("nap woken at 20")
    assert any("payload" in body for body in wait_for_logs(logs, "dag_id=deferred", ".trigger."))


def refuse_the_payload(backend: Backend) -> None:
    """The role that reads connections cannot read what the installation is made of."""
    vault = backend.cluster.vault
    assert len(backend.accounts) > 3
    for account in backend.accounts:
        token = backend.login(account)
        assert vault.request("GET", backend.path(IN_VAULT), token=token)["data"]["data"]
        with pytest.raises(RefusedError, match="permission denied"):
            vault.request("GET", backend.cluster.store.data_path, token=token)

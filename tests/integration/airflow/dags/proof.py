"""A DAG for the tests: it reads connections, says so in its log, and waits until it is released."""

# mypy: ignore-errors

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from airflow.sdk import Connection, dag, get_current_context, task


@dag(schedule=None)
def proof():
    @task
    def read() -> dict[str, str]:
        conf = get_current_context()["dag_run"].conf
        found = {}
        for name in conf["connections"]:
            password = Connection.get(name).password
            found[name] = hashlib.sha256(password.encode()).hexdigest()
        print(conf["sentence"])
        return found

    @task
    def hold() -> None:
        released = Path(get_current_context()["dag_run"].conf["released"])
        while not released.exists():
            time.sleep(0.2)

    read() >> hold()


proof()

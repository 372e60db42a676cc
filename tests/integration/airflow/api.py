"""Airflow's REST API, as a person's program uses it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from threading import Event
from typing import Any

from tests.support.pods import Process


@dataclass
class Api:
    """The API server at a port of loopback; `token` after `login`."""

    port: int
    process: Process
    token: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        seconds: float = 60,
        begun: Event | None = None,
    ) -> str:
        """The text of the answer; AssertionError with it when the status is not 2xx.

        `begun` is set once its first line is there.
        """
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json, */*"},
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                first: bytes = answer.readline()
                if begun is not None:
                    begun.set()
                text: str = (first + answer.read()).decode()
                return text
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise AssertionError(
                f"{method} {path}: {error.code} {said}\n{self.process.log}"
            ) from None

    def read(self, path: str) -> Any:
        """The answer to GET /api/v2/..., as data."""
        return json.loads(self.ask("GET", f"/api/v2/{path}"))

    def wait_until_healthy(self, *parts: str, seconds: float) -> None:
        """Return once these parts of the health report are healthy."""
        deadline = time.monotonic() + seconds
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            self.process.check_running()
            try:
                found = self.read("monitor/health")
            except (OSError, AssertionError):
                found = {}
            if found and all(found[part]["status"] == "healthy" for part in parts):
                return
            time.sleep(1)
        raise AssertionError(f"{parts} are not healthy: {found}\n{self.process.log}")

    def login(self, user: str, password: str) -> None:
        """Log in as this user."""
        body = {"username": user, "password": password}
        self.token = json.loads(self.ask("POST", "/auth/token", body))["access_token"]

    def wait_for_dag(self, dag: str, seconds: float) -> None:
        """Return once the DAG processor has stored the DAG."""
        deadline = time.monotonic() + seconds
        while dag not in [one["dag_id"] for one in self.read("dags?exclude_stale=false")["dags"]]:
            assert time.monotonic() < deadline, f"no DAG {dag}: {self.read('importErrors')}"
            time.sleep(1)

    def task_states(self, dag: str, run: str) -> dict[str, str]:
        """The state of each task of a run."""
        found = self.read(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {one["task_id"]: one["state"] for one in found}

"""The command with its outward HTTP requests counted, or killed after one of them.

`python -m tests.support.outward LOG LAST ARGS...` is `python -m wizard ARGS...` that notes the
line of every HTTP request in LOG. Once request number LAST is answered, it kills itself with
SIGKILL; 3w means the third that changes something, 3ws the same once it is sent, answered or not;
0 none. It hooks in where every HTTP client of Python passes, so that none is missed.
"""

from __future__ import annotations

import http.client
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from wizard.engine.steps import run_steps

# What changes nothing that is stored: logins, reviews, lookups, requested tokens. A port-forward is
# none of these: its WebSocket begins with a GET, which the API server's log has as such.
HARMLESS = (
    "capabilities-self", "lookup-accessor", "/login", "revoke-self", "/token", "accessreviews",
)  # fmt: skip


def writes(lines: list[str]) -> list[str]:
    """The requests that may change stored state."""
    return [
        line
        for line in lines
        if not line.startswith("GET ")
        and not line.partition("?")[0].endswith(HARMLESS)
        and "dryRun=All" not in line
    ]


def _watch(log: int, last: str) -> None:
    if "w" in last:
        # Looks change nothing that is counted, so they may follow each other closely.
        (run_steps.__kwdefaults__ or {})["interval"] = 0.2
    real, answer = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse
    counted, lines = 0, dict[int, str]()

    def begun(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:
        lines[id(self)] = f"{method} {url}"
        os.write(log, f"{method} {url}\n".encode())
        real(self, method, url, *args, **options)

    def ended(self: Any) -> Any:
        nonlocal counted
        counted += bool(writes([lines[id(self)]])) if "w" in last else 1
        killed = counted == int(last.rstrip("ws"))
        if killed and last.endswith("s"):
            os.kill(os.getpid(), signal.SIGKILL)
        response = answer(self)
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    http.client.HTTPConnection.putrequest = begun  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = ended  # type: ignore[method-assign]


def main() -> None:
    name, last, *words = sys.argv[1:]
    _watch(os.open(Path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND), last)
    sys.argv = ["airflow-wizard", *words]
    runpy.run_module("wizard", run_name="__main__")


if __name__ == "__main__":
    main()

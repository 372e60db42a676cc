"""The command, killed with SIGKILL right after a statement that changes something in PostgreSQL.

`python -m tests.support.statements LAST ARGS...` is `python -m wizard ARGS...` that ends itself
once the server has carried out writing statement number LAST; 0 lets it live. It hooks in where
every statement of psycopg passes.
"""

from __future__ import annotations

import os
import re
import runpy
import signal
import sys
from typing import Any

import psycopg

WRITES = re.compile(r"\b(CREATE|ALTER|GRANT|REVOKE|COMMENT|DROP|INSERT|UPDATE|DELETE)\b")


def _watch(last: int) -> None:
    real, done = psycopg.Cursor.execute, 0

    def execute(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        nonlocal done
        found = real(self, query, *args, **options)
        text = query if isinstance(query, str) else query.as_string(None)
        done += bool(WRITES.match(text.strip()))
        if done and done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def main() -> None:
    last, *words = sys.argv[1:]
    _watch(int(last))
    sys.argv = ["airflow-wizard", *words]
    runpy.run_module("wizard", run_name="__main__")


if __name__ == "__main__":
    main()

"""Builds and finds every part ahead: `python -m tests.testbed`; fails when one is required."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.testbed import environments, object_storage, pgbouncer_source, programs

PARTS: dict[str, Callable[[], Path]] = {
    "helm": programs.helm,
    "eso-template": programs.eso_template,
    "kube-apiserver": programs.kube_apiserver,
    "vault": programs.vault,
    "PostgreSQL": programs.postgres_bin,
    "PgBouncer": pgbouncer_source.pgbouncer,
    "Redis": programs.redis_server,
    **{
        f"Airflow {minor}": partial(environments.airflow, minor)
        for minor in environments.AIRFLOW_LOCKS
    },
    "S3": environments.object_storage,
    "Azurite": object_storage.azurite,
}


def main() -> int:
    missing = 0
    for name, find in PARTS.items():
        started = time.monotonic()
        try:
            where = str(find())
        except programs.MissingError as error:
            missing += 1
            where = f"MISSING: {error}"
        print(f"{name:14} {where}  ({time.monotonic() - started:.1f} s)", flush=True)
    return 1 if missing and programs.required() else 0


if __name__ == "__main__":
    sys.exit(main())

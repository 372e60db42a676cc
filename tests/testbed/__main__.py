"""Builds and finds every part ahead: `python -m tests.testbed`; fails when one is required."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.testbed import environments, object_storage, pgbouncer_source, programs

PARTS: dict[str, Callable[[], Path]] = {
    "helm": programs.helm,
    "eso-template": programs.eso_template,
    "kube-apiserver": programs.kube_apiserver,
    "vault": programs.vault,
    "sops": programs.sops,
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


# Go's builds one after the other: side by side they would compile what they share twice.
GO = ("helm", "eso-template", "kube-apiserver", "vault", "sops")


def main() -> int:
    others = [name for name in PARTS if name not in GO]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(_find, (GO, others)))
    return 0 if all(found) or not programs.required() else 1


def _find(names: Sequence[str]) -> bool:
    """Whether all of these are there, once each was found or built."""
    missing = 0
    for name in names:
        started = time.monotonic()
        try:
            where = str(PARTS[name]())
        except programs.MissingError as error:
            missing += 1
            where = f"MISSING: {error}"
        print(f"{name:14} {where}  ({time.monotonic() - started:.1f} s)", flush=True)
    return not missing


if __name__ == "__main__":
    sys.exit(main())

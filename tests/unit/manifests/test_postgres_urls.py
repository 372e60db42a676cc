"""The name of a database in the URLs for Airflow, which SQLAlchemy reads."""

from __future__ import annotations

import pytest

from tests.support.rendered import rendering, secret_template

DIRECT = {"database.pgbouncer.mode": "off"}
LOGIN = (
    '://airflow:{{ .databasePassword | urlquery | replace "+" "%20" }}@pg.example.internal:5432/'
)


def urls(name: str, **changes: object) -> dict[str, str]:
    more = {key.replace("__", "."): value for key, value in changes.items()}
    made = rendering("production", {**DIRECT, "database.name": name, **more})
    return secret_template(made, "airflow-metadata")


def test_a_plain_name_is_the_path() -> None:
    keys = urls("air-flow_1.x")
    assert keys["connection"] == f"postgresql{LOGIN}air-flow_1.x?sslmode=require"
    assert keys["connection-async"] == f"postgresql+asyncpg{LOGIN}air-flow_1.x?ssl=require"


@pytest.mark.parametrize(
    ("name", "encoded"), [("d b", "d%20b"), ("100%", "100%25"), ("ä?", "%C3%A4%3F")]
)
def test_another_name_is_a_parameter(name: str, encoded: str) -> None:
    """SQLAlchemy 1.4 and 2.0 take the path as it is, and decode parameters."""
    keys = urls(name)
    assert keys["connection"] == f"postgresql{LOGIN}?dbname={encoded}&sslmode=require"
    assert keys["connection-async"] == f"postgresql+asyncpg{LOGIN}?database={encoded}&ssl=require"


def test_a_parameter_always_needs_an_asynchronous_url() -> None:
    """Airflow would derive one with `dbname`, which asyncpg refuses."""
    pooled = {"database__pgbouncer__mode": "external", "database__pgbouncer__host": "pool.example"}
    keys = urls(
        "airflow", database__sslmode="disable", database__pgbouncer__database="a b", **pooled
    )
    assert keys["connection-async"].endswith("/?database=a%20b&ssl=disable")

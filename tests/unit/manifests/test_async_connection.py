"""Which installations get a URL of their own for Airflow's asynchronous sessions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import rendering, secret_template, values
from wizard.plan.overrides import check_overrides

VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"
DIRECT = {"database.pgbouncer.mode": "off"}
POOLED = {"database.pgbouncer.mode": "external", "database.pgbouncer.host": "pool.example.internal"}


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        (DIRECT, "ssl=require"),
        ({**DIRECT, "database.sslmode": "disable"}, "ssl=disable"),
        (POOLED, "ssl=require"),
        ({**DIRECT, "installation.airflow": "3.1.8"}, "ssl=require"),
        ({**DIRECT, "installation.airflow": "3.0.6"}, ""),
        ({**DIRECT, "installation.airflow": "2.11.0"}, ""),
        ({"database.pgbouncer.mode": "chart"}, ""),
    ],
)
def test_a_url_with_parameters_has_a_twin_for_asyncpg(
    changes: dict[str, object], parameter: str
) -> None:
    made = rendering("production", changes)
    keys = secret_template(made, "airflow-metadata")
    named = [item for item in values(made).get("secret", []) if item["envName"] == VARIABLE]
    if not parameter:
        assert list(keys) == ["connection"]
        assert not named
        return
    assert keys["connection-async"].endswith(f"?{parameter}")
    reference = {"secretName": "airflow-metadata", "secretKey": "connection-async"}
    assert named == [{"envName": VARIABLE, **reference}]


def test_values_add_to_the_list_of_variables_from_secrets() -> None:
    own = {"envName": "MY_TOKEN", "secretName": "mine", "secretKey": "token"}
    made = rendering("production", DIRECT)
    ours: list[Any] = values(made)["secret"]
    for given in ([own], [*ours, own]):
        assert check_overrides(made, {"secret": given}) == ([], [])
        more = rendering("production", {**DIRECT, "values": {"secret": given}})
        assert values(more)["secret"] == [*ours, own]

"""The admin user follows the auth manager in effect, wherever that is set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import findings, rendering, values

SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
KEYCLOAK = "airflow.providers.keycloak.auth_manager.keycloak_auth_manager.KeycloakAuthManager"
NAME = "AIRFLOW__CORE__AUTH_MANAGER"
WITHOUT: dict[str, dict[str, Any]] = {
    "airflow.cfg": {"values": {"config": {"core": {"auth_manager": SIMPLE}}}},
    "a variable": {"environment.variables": {NAME: KEYCLOAK}},
    "text": {"values": {"extraEnv": f"- name: {NAME}\n  value: {SIMPLE}\n"}},
    "the API server's own": {"values": {"apiServer": {"env": [{"name": NAME, "value": SIMPLE}]}}},
}
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
WITH: dict[str, dict[str, Any]] = {
    "FAB": {"environment.variables": {NAME: FAB}},
    "one's own": {"values": {"config": {"core": {"auth_manager": "acme.auth.Manager"}}}},
    "a Secret": {
        "values": {"secret": [{"envName": NAME, "secretName": "s", "secretKey": "k"}]},
        "secrets.extra": [{"name": "s", "from": "existing"}],
    },
    "another component": {"values": {"triggerer": {"env": [{"name": NAME, "value": SIMPLE}]}}},
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_manager_without_users_gets_no_job(name: str) -> None:
    """Nothing else changes, and the answers keep the admin for the way back."""
    made = rendering(changes=WITHOUT[name])
    off = rendering(changes={**WITHOUT[name], "admin.create": False})
    assert {p: f for p, f in made.tree.items() if f.logical not in {"answers"}} == {
        p: f for p, f in off.tree.items() if f.logical not in {"answers"}
    }
    assert values(made)["createUserJob"]["enabled"] is False
    assert "create: true" in made.tree.by_logical("answers").text
    [warning] = made.warnings
    assert warning.startswith("admin.create has no effect: ")
    assert not [one for one in findings(made) if one.is_error]
    assert off.warnings == ()


@pytest.mark.parametrize("name", WITH)
def test_other_managers_keep_the_job(name: str) -> None:
    made = rendering(changes=WITH[name])
    assert values(made)["createUserJob"]["enabled"] is True
    assert made.warnings == ()

"""Values whose release nothing names, or whose objects are renamed: no name is guessed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.checks.trees import external_secret, store
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout

NAMED = {"fullnameOverride": "data"}
POOLED: dict[str, Any] = {
    "executor": "KubernetesExecutor",
    "airflowVersion": "3.2.2",
    "postgresql": {"enabled": False},
    "pgbouncer": {"enabled": True},
    "data": {"metadataSecretName": "database"},
    "networkPolicies": {"enabled": True},
    "rbac": {"create": False},
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "pods", "namespace": "airflow"},
    "subjects": [{"kind": "ServiceAccount", "name": "data-airflow-scheduler"}],
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"},
}
ROUTE = {
    "apiVersion": "traefik.io/v1alpha1",
    "kind": "IngressRoute",
    "metadata": {"name": "ui", "namespace": "airflow"},
    "spec": {"routes": [{"services": [{"name": "data-api-server", "port": 8080}]}]},
}


def found(values: dict[str, Any], host: str, *objects: dict[str, Any]) -> set[str]:
    """Rules and messages about a values file beside a composed connection to `host`."""
    secret = external_secret("database", {"connection": f"postgresql://a:{{{{ .a }}}}@{host}/d"})
    files = {
        "values.yaml": yaml.safe_dump(values).encode(),
        "secrets.yaml": yaml.safe_dump_all([secret, store(), *objects]).encode(),
    }
    made = run_checks(files, chart="1.22.0", airflow="3.2.2", installation=Layout(), whole=True)
    return {f"{one.rule} {one.where}: {one.message} ({one.fix.text})" for one in made}


def rules(values: dict[str, Any], host: str, *objects: dict[str, Any]) -> set[str]:
    return {one.partition(" ")[0] for one in found(values, host, *objects)}


@pytest.mark.parametrize("named", [{}, NAMED, {"useStandardNaming": True}])
def test_the_pooler_of_a_release_that_nothing_names_is_known_by_its_ending(
    named: dict[str, Any],
) -> None:
    values = {**POOLED, **named}
    assert "values.unused-host" not in rules(values, "data-pgbouncer.airflow.svc:6543")
    assert "values.unused-host" in rules(values, "pg.example.internal:5432")
    off = {**values, "pgbouncer": {"enabled": False}}
    # A pooler of one's own may have such a name: with an unknown release, it is not the chart's.
    assert "values.missing-host" not in rules(off, "data-pgbouncer.airflow.svc:6543")


@pytest.mark.parametrize("named", [{}, NAMED])
def test_variables_that_lead_to_the_own_services_are_right(named: dict[str, Any]) -> None:
    core = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
    database = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    own = [
        {"name": core, "value": "http://data-api-server:8080/execution/"},
        {"name": database, "value": "postgresql://data-pgbouncer:6543/d"},
    ]
    here = found({**POOLED, **named, "env": own}, "data-pgbouncer")
    assert not [one for one in here if "execution-api" in one or "configuration.pgbouncer" in one]
    others = [
        {"name": core, "value": "http://elsewhere:8080/execution/"},
        {"name": database, "value": "postgresql://pg.example.internal/d"},
    ]
    there = found({**POOLED, **named, "env": others}, "data-pgbouncer")
    told = [one for one in there if "execution-api" in one or "configuration.pgbouncer" in one]
    assert len(told) == 2
    assert not [one for one in told if "airflow-" in one]
    assert any("RELEASE-pgbouncer" in one for one in told)


@pytest.mark.parametrize("named", [{}, NAMED])
def test_roles_and_routes_of_the_person_count(named: dict[str, Any]) -> None:
    values = {**POOLED, **named}
    bare = found(values, "data-pgbouncer")
    assert any(one.startswith("configuration.pod-launching") for one in bare)
    assert not [one for one in bare if "release: airflow" in one]
    bound = rules(values, "data-pgbouncer", BINDING)
    assert "configuration.pod-launching" not in bound
    peers = {"ingress": {"from": [{"podSelector": {"matchLabels": {"tier": "airflow"}}}]}}
    admitting = {**values, "apiServer": {"networkPolicy": peers}}
    told = found(admitting, "data-pgbouncer", ROUTE)
    assert any("IngressRoute leads to the UI" in one for one in told)


def test_names_with_a_template_are_not_expanded_by_a_guess() -> None:
    """`{{ .Release.Name }}` is of a release that nothing names."""
    values = {
        **POOLED,
        "imagePullSecrets": [{"name": "{{ .Release.Name }}-pull"}],
        "secret": [
            {"envName": "A", "secretName": "{{ .Release.Name }}-own", "secretKey": "a"},
        ],
        "extraSecrets": {"{{ .Release.Name }}-own": {"stringData": "a: {{ .b }}"}},
    }
    assert not [one for one in found(values, "data-pgbouncer") if "airflow-" in one]

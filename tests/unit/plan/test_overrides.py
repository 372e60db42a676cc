"""`values` may add to the answers and tune them, never contradict them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import PEM, answers, dig, rendering, values
from wizard.errors import AnswersError
from wizard.formats.nested import put_value
from wizard.plan.guarded_keys import refuse_guarded_values

CHART_POOLER: dict[str, object] = {"database.pgbouncer.mode": "chart"}
WITH_CA = {"database.ca.file": "pg.pem", "database.sslmode": "verify-full"}


def judged(values: dict[str, Any], changes: dict[str, object] | None = None) -> list[str]:
    more: dict[str, object] = {**(changes or {}), "values": values}
    assets = {"database.ca.file": PEM} if "database.ca.file" in more else {}
    return refuse_guarded_values(answers("production", more), rendering("production", more), assets)


def refusals(values: dict[str, Any], changes: dict[str, object] | None = None) -> dict[str, str]:
    with pytest.raises(AnswersError) as caught:
        judged(values, changes)
    assert caught.value.exit_code == 3
    return {problem.key: problem.message for problem in caught.value.problems}


def nested(key: str, value: object) -> dict[str, Any]:
    return dict(put_value({}, tuple(key.split(".")), value))


@pytest.mark.parametrize(
    ("key", "value", "instead", "changes"),
    [
        ("postgresql.enabled", True, "database.kind", {}),
        ("postgresql.auth.username", "x", "database.kind", {}),
        ("pgbouncer.enabled", False, "database.pgbouncer.mode", CHART_POOLER),
        ("pgbouncer.enabled", True, "database.pgbouncer.mode", {"database.pgbouncer.mode": "off"}),
        ("pgbouncer.enabled", "true", "database.pgbouncer.mode", CHART_POOLER),
        ("pgbouncer.maxClientConn", 9, "database.pgbouncer.max_client_conn", CHART_POOLER),
        ("executor", "LocalExecutor", "executor.kind", {}),
        ("config.core.executor", "LocalExecutor", "executor.kind", {}),
        ("redis.enabled", False, "broker.kind", {}),
        ("postgresql", None, "database.kind", {}),
        ("redis.persistence.enabled", False, "broker.persistence", {}),
        ("data.metadataConnection.host", "db", "database.host", {}),
        ("airflowVersion", "2.11.0", "installation.airflow", {}),
        ("images.airflow.tag", "3.1.0", "installation.image.tag", {}),
        ("dags.gitSync.enabled", False, "dags.source", {}),
        ("dags.gitSync.repo", "https://x", "dags.repo", {}),
        ("dags.gitSync.branch", "other", "dags.ref", {}),
        ("dags.gitSync.period", "9s", "dags.period", {}),
        ("networkPolicies.enabled", True, "environment.network_policies",
         {"environment.network_policies": False}),
        ("workers.celery.keda.enabled", True, "executor.workers.autoscaling",
         {"executor.workers.autoscaling": "none"}),
        ("workers.keda.enabled", True, "executor.workers.autoscaling",
         {"installation.chart": "1.19.0", "executor.workers.autoscaling": "none"}),
        ("createUserJob.enabled", False, "admin.create", {}),
        ("createUserJob.args", ["true"], "admin", {}),
        ("env", [], "environment.variables", {}),
        ("env", {}, "environment.variables", {}),
        ("fullnameOverride", "x", "installation.release", {}),
        ("useStandardNaming", True, "installation.release", {}),
        ("ports.pgbouncer", 5432, "chart's default port", CHART_POOLER),
        ("volumes", [{"name": "database-ca", "emptyDir": {}}], "no rendered item", WITH_CA),
        ("volumes", [], "no rendered item", WITH_CA),
        ("createUserJob.env", [{"name": "AIRFLOW_DEFAULT_USERNAME", "value": "x"}], "admin", {}),
    ],
)  # fmt: skip
def test_what_a_question_owns_is_refused(
    key: str, value: object, instead: str, changes: dict[str, object]
) -> None:
    found = refusals(nested(key, value), changes)

    assert set(found) == {f"values.{key}"}
    assert instead in found[f"values.{key}"]


def test_every_contradiction_is_told_at_once() -> None:
    values = {"postgresql": {"enabled": True}, "pgbouncer": {"enabled": False},
              "fernetKeySecretName": "x"}  # fmt: skip

    found = refusals(values, CHART_POOLER)

    assert set(found) == {
        "values.postgresql.enabled", "values.pgbouncer.enabled", "values.fernetKeySecretName",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("postgresql.enabled", False),
        ("pgbouncer.resources", {"limits": {"cpu": "1"}}),
        ("redis.resources", {"limits": {"cpu": "1"}}),
        ("redis.persistence", {}),
        ("labels", {"team": "data"}),
        ("affinity", {"nodeAffinity": {}}),
        ("extraEnv", "- name: A\n  value: b\n"),
        ("extraEnvFrom", "- secretRef:\n    name: x\n    optional: true\n"),
        ("scheduler.env", [{"name": "A", "value": "b"}]),
        ("config.core.parallelism", 7),
        ("dags.gitSync.resources", {"limits": {"cpu": "1"}}),
        ("volumes", [{"name": "x", "emptyDir": {}}]),
        ("flower.enabled", True),
        ("statsd.enabled", False),
        ("executor", "CeleryExecutor"),
    ],
)
def test_what_no_question_covers_passes_silently(key: str, value: object) -> None:
    assert judged(nested(key, value)) == []


EXPOSED: dict[str, object] = {
    "access.kind": "ingress",
    "access.base_url": "https://airflow.example.com",
    "access.tls.secret": "ui",
    "secrets.extra": [
        {"name": "all", "from": "existing", "env": "all"},
        {"name": "files", "from": "existing", "mount": "/opt/airflow/files"},
    ],
}
EVERY = "- secretRef:\n    name: all\n"


@pytest.mark.parametrize("value", [[], [{"emptyDir": {}}], [{"name": ["x"]}], [{"name": {"a": 1}}]])
def test_an_item_needs_a_name_of_its_own(value: object) -> None:
    found = refusals(nested("volumes", value), EXPOSED)
    assert list(found) == ["values.volumes"] or set(found) <= {"values.volumes.0", "values.volumes"}
    assert "give only items whose name" in next(iter(found.values()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("env", [{"name": "A", "value": "b"}]),
        ("apiServer.env", [{"name": "A", "value": "b"}]),
        ("createUserJob.env", [{"name": "A", "value": "b"}]),
        ("volumes", [{"name": "x", "emptyDir": {}}]),
        ("volumeMounts", [{"name": "x", "mountPath": "/x"}]),
        ("secret", [{"envName": "A", "secretName": "all", "secretKey": "a"}]),
        ("extraEnvFrom", "# Mine.\n- configMapRef: {name: x}\n"),
        ("extraEnvFrom", "  - configMapRef: {name: x}\n"),
        ("extraEnvFrom", f"{EVERY}- configMapRef: {{name: x}}  # mine\n"),
        ("extraEnvFrom", f"- configMapRef: {{name: x}}\n{EVERY}"),
    ],
)
def test_a_list_may_be_added_to(key: str, value: object) -> None:
    """The rendered items stay in front, and each item is there once."""
    before = dig(values(rendering("production", EXPOSED)), key) or []
    assert judged(nested(key, value), EXPOSED) == []
    found = dig(values(rendering("production", {**EXPOSED, "values": nested(key, value)})), key)
    if isinstance(value, str):
        assert yaml.safe_load(found) == [
            {"secretRef": {"name": "all"}}, {"configMapRef": {"name": "x"}},
        ]  # fmt: skip
        assert ("ine" in found) == ("ine" in value)
        return
    assert isinstance(value, list)
    assert found == [*before, *value]
    assert before or key == "secret"
    again = nested(key, [*before, *value])
    assert judged(again, EXPOSED) == []
    assert dig(values(rendering("production", {**EXPOSED, "values": again})), key) == found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scheduler.replicas", 7),
        ("images.migrationsWaitTimeout", 60),
        ("workers.celery.persistence.size", "77Gi"),
        ("config.celery.worker_concurrency", 3),
    ],
)
def test_tuning_is_overridden_with_a_warning(key: str, value: object) -> None:
    assert judged(nested(key, value)) == [f"values.{key} overrides another answer"]

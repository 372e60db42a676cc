"""Rules on the configuration in effect: red where it is wrong, green where it only looks so."""

from __future__ import annotations

import pytest

from tests.unit.checks.changes import judge
from tests.unit.checks.test_red_and_green import (
    Change,
    attribute,
    both,
    env,
    pooled,
    value,
    without,
)
from tests.unit.checks.trees import APPLICATION, METADATA, Case, external_secret, good
from wizard.chart.own_templates import CONFIG_TEMPLATES

DIRECT = "apps/airflow/secrets/airflow-metadata-direct.yaml"
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
SWITCH = f"enableBuiltInSecretEnvVars.{CONNECTION}"


def direct(case: Case) -> None:
    """PgBouncer, and a Secret whose URL leads past it."""
    pooled(case)
    template = case.objects[METADATA]["spec"]["target"]["template"]["data"]["connection"]
    url = template.replace("airflow-pgbouncer.airflow:6543", "pg.example.internal:5432")
    case.objects[DIRECT] = external_secret("airflow-metadata-direct", {"connection": url})
    case.objects["apps/airflow/kustomization.yaml"]["resources"].append(
        DIRECT.removeprefix("apps/airflow/")
    )


def from_secret(name: str, secret: str, key: str = "connection") -> str:
    return f"- name: {name}\n  valueFrom: {{secretKeyRef: {{name: {secret}, key: {key}}}}}\n"


def past_pooler(name: str) -> str:
    return from_secret(name, "airflow-metadata-direct")


def off(*names: str) -> Change:
    return both(*(value(f"enableBuiltInSecretEnvVars.{name}", False) for name in names))


KUBERNETES = both(
    value("executor", "KubernetesExecutor"),
    value("redis", {"enabled": False}),
    value("data.brokerUrlSecretName", "unused"),
    value("logs.persistence.enabled", True),
)
# what it is, rule, place, severity, change
RED: list[tuple[str, str, str, str, Change]] = [
    ("two lists", "configuration.duplicate-variable", "scheduler.env[0]", "error", both(
        value("env", [{"name": "A", "value": "1"}]), env("scheduler.env", "A", "1"))),
    ("text and list", "configuration.duplicate-variable", "extraEnv", "error", both(
        value("env", [{"name": "A", "value": "1"}]), value("extraEnv", "- {name: A, value: x}\n"))),
    ("list of Secrets", "configuration.duplicate-variable", "secret[0]", "error", both(
        value("env", [{"name": "A", "value": "1"}]),
        value("secret", [{"envName": "A", "secretName": "airflow-admin",
                          "secretKey": "password"}]))),
    ("a template of a name", "configuration.duplicate-variable", "extraEnv", "error", both(
        value("env", [{"name": "airflow", "value": "1"}]),
        value("extraEnv", "- name: '{{ .Release.Name }}'\n  value: x\n"))),
    ("the chart's connection", "configuration.duplicate-variable", "extraEnv", "error",
     value("extraEnv", from_secret(CONNECTION, "airflow-metadata"))),
    ("git-sync", "configuration.duplicate-variable", "dags.gitSync.env[0]", "error",
     env("dags.gitSync.env", "GITSYNC_PERIOD", "5s")),
    ("a set of workers", "configuration.duplicate-variable", "workers.celery.sets[0].env[0]",
     "error", both(value("env", [{"name": "A", "value": "1"}]), value("workers.celery.sets", [
         {"name": "big", "env": [{"name": "A", "value": "2"}]}]))),
    ("a Job", "configuration.duplicate-variable", "migrateDatabaseJob.env[0]", "error",
     env("migrateDatabaseJob.env", "PYTHONUNBUFFERED", "0")),
    ("a task pod", "configuration.duplicate-variable", "workers.kubernetes.env[0]", "warning", both(
        KUBERNETES, value("env", [{"name": "A", "value": "1"}]),
        env("workers.kubernetes.env", "A", "2"))),
    ("executor", "configuration.executor", "env[0]", "error",
     env("env", "AIRFLOW__CORE__EXECUTOR", "LocalExecutor")),
    ("executor in one component", "configuration.executor", "scheduler.env[0]", "error",
     env("scheduler.env", "AIRFLOW__CORE__EXECUTOR", "LocalExecutor")),
    ("executor from a Secret", "configuration.executor", "extraEnv", "error",
     value("extraEnv", from_secret("AIRFLOW__CORE__EXECUTOR", "airflow-admin", "username"))),
    ("executor in airflow.cfg", "configuration.executor", "config.core.executor", "error",
     value("config.core.executor", "LocalExecutor")),
    ("DAGs elsewhere", "configuration.dags-folder", "env[0]", "error",
     env("env", "AIRFLOW__CORE__DAGS_FOLDER", "/opt/dags")),
    ("DAGs elsewhere in airflow.cfg", "configuration.dags-folder", "config.core.dags_folder",
     "error", value("config.core.dags_folder", "/opt/airflow/dags")),
    ("DAGs below", "configuration.dags-folder", "env[0]", "warning",
     env("env", "AIRFLOW__CORE__DAGS_FOLDER", "/opt/airflow/dags/repo/dags")),
    ("examples", "configuration.two-places", "env[0]", "warning",
     env("env", "AIRFLOW__CORE__LOAD_EXAMPLES", "True")),
    ("any option", "configuration.two-places", "apiServer.env[0]", "warning", both(
        value("config.api.instance_name", "a"),
        env("apiServer.env", "AIRFLOW__API__INSTANCE_NAME", "b"))),
    ("base URL", "configuration.two-places", "env[0]", "warning", both(
        value("config.api.base_url", "https://a.example/x"),
        env("env", "AIRFLOW__API__BASE_URL", "http://localhost:8080/x"))),
    ("base URL by its old name", "configuration.two-places", "env[0]", "warning", both(
        value("config.api.base_url", "https://a.example"),
        env("env", "AIRFLOW__WEBSERVER__BASE_URL", "http://localhost:8080"))),
    ("path of the base URL", "configuration.two-places", "env[0]", "error", both(
        value("config.api.base_url", "https://a.example"),
        env("env", "AIRFLOW__API__BASE_URL", "https://a.example/x"))),
    ("port", "configuration.port", "env[0]", "error", env("env", "AIRFLOW__API__PORT", "9090")),
    ("port in airflow.cfg", "configuration.port", "config.api.port", "error",
     value("config.api.port", 9090)),
    ("port by its old name", "configuration.port", "env[0]", "error",
     env("env", "AIRFLOW__WEBSERVER__WEB_SERVER_PORT", "9090")),
    ("loopback", "configuration.port", "apiServer.env[0]", "error",
     env("apiServer.env", "AIRFLOW__API__HOST", "127.0.0.1")),
    ("execution API on loopback", "configuration.execution-api", "env[0]", "error",
     env("env", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://localhost:8080/execution/")),
    ("execution API without its path", "configuration.execution-api", "env[0]", "error", both(
        value("config.api.base_url", "https://a.example/x"),
        env("env", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
            "http://airflow-api-server:8080/execution/"))),
    ("execution API elsewhere", "configuration.execution-api", "env[0]", "warning",
     env("env", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api.example/execution/")),
    ("execution API at a path that only a variable has", "configuration.execution-api", "env[0]",
     "error", env("env", "AIRFLOW__API__BASE_URL", "https://a.example/x")),
    ("execution API at a path of the API server's own variable", "configuration.execution-api",
     "apiServer.env[0]", "error",
     env("apiServer.env", "AIRFLOW__API__BASE_URL", "https://a.example/x")),
    ("past PgBouncer", "configuration.pgbouncer", "extraEnv", "error", both(
        direct, off(CONNECTION), value("extraEnv", past_pooler(CONNECTION)))),
    ("past PgBouncer by the old name", "configuration.pgbouncer", "extraEnv", "error", both(
        direct, off(CONNECTION),
        value("extraEnv", past_pooler("AIRFLOW__CORE__SQL_ALCHEMY_CONN")))),
    ("past PgBouncer asynchronously", "configuration.pgbouncer", "extraEnv", "error", both(
        direct, value("extraEnv", past_pooler(f"{CONNECTION}_ASYNC")))),
    ("past PgBouncer in the task pod", "configuration.pgbouncer", "extraEnv", "error", both(
        KUBERNETES, direct, value("extraEnv", past_pooler(CONNECTION)))),
    ("a command for the connection", "configuration.pgbouncer", "env[0]", "warning", both(
        pooled, off(CONNECTION), env("env", f"{CONNECTION}_CMD", "cat /x"))),
    ("a form that loses", "configuration.no-effect", "env[0]", "warning",
     env("env", f"{CONNECTION}_CMD", "cat /x")),
    ("a form that Airflow does not read", "configuration.no-effect", "env[0]", "warning",
     env("env", "AIRFLOW__CORE__EXECUTOR_CMD", "cat /x")),
    ("no connection", "configuration.missing-secret", SWITCH, "error", off(CONNECTION)),
    ("no Fernet key", "configuration.missing-secret",
     "enableBuiltInSecretEnvVars.AIRFLOW__CORE__FERNET_KEY", "error",
     off("AIRFLOW__CORE__FERNET_KEY")),
    ("no token key in the scheduler", "configuration.missing-secret",
     "enableBuiltInSecretEnvVars.AIRFLOW__API_AUTH__JWT_SECRET", "error", both(
        off("AIRFLOW__API_AUTH__JWT_SECRET"),
        value("apiServer.env", [{"name": "AIRFLOW__API_AUTH__JWT_SECRET", "valueFrom": {
            "secretKeyRef": {"name": "airflow-jwt-secret", "key": "jwt-secret"}}}]))),
]  # fmt: skip
CMD = [{"name": f"{CONNECTION}_CMD", "value": "cat /x"}]
GREEN: dict[str, Change] = {
    "the chart's own template of the folder": value(
        "config.core.dags_folder", '{{ include "airflow_dags" . }}'),
    "the chart's other templates": value("config", {
        f"a{number}": {"b": text} for number, text in enumerate(CONFIG_TEMPLATES)}),
    "the chart's own template of the executor": value(
        "config.core.executor", "{{ .Values.executor }}"),
    "the chart's own template of the port": value(
        "config.api.port", "{{ .Values.ports.apiServer }}"),
    "a key of Airflow 2": off("AIRFLOW__WEBSERVER__SECRET_KEY"),
    "the same executor": env("env", "AIRFLOW__CORE__EXECUTOR", "CeleryExecutor"),
    "the chart's folder": env("env", "AIRFLOW__CORE__DAGS_FOLDER", "/opt/airflow/dags/repo/"),
    "the same port": env("env", "AIRFLOW__API__PORT", "8080"),
    "the chart's execution API": env(
        "env", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "http://airflow-api-server.airflow.svc:8080/execution/"),
    "a base URL that the API server does not read": both(
        env("triggerer.env", "AIRFLOW__API__BASE_URL", "https://a.example/x"),
        env("env", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
            "http://airflow-api-server:8080/execution/")),
    "a base URL without a path, by a variable": env(
        "env", "AIRFLOW__API__BASE_URL", "https://a.example/"),
    "an option in one place": env("env", "AIRFLOW__API__INSTANCE_NAME", "a"),
    "one variable in two components": both(
        env("scheduler.env", "A", "1"), env("triggerer.env", "A", "2")),
    "a Job without the common variables": both(
        value("env", [{"name": "A", "value": "1"}]), env("migrateDatabaseJob.env", "A", "2")),
    "workers' list instead of the common one": both(
        value("workers.celery.env", [{"name": "A", "value": "1"}]),
        value("workers.celery.sets", [{"name": "big", "env": [{"name": "A", "value": "2"}]}])),
    "envFrom below env": both(
        value("env", [{"name": "username", "value": "1"}]),
        value("extraEnvFrom", "- secretRef: {name: airflow-admin}\n")),
    "PgBouncer by another way": both(
        pooled, off(CONNECTION), value("createUserJob.enabled", False),
        value("migrateDatabaseJob.env", CMD),
        value("extraEnv", from_secret(CONNECTION, "airflow-metadata"))),
    "no PgBouncer": both(
        off(CONNECTION), value("migrateDatabaseJob.env", CMD), value("createUserJob.env", CMD),
        value("env", CMD)),
    "a command of one's own": env("env", "MY_CMD", "cat /x"),
    "turned off, and in a Secret that cannot be seen": both(
        off("AIRFLOW__API_AUTH__JWT_SECRET"), lambda case: case.outside(more=None),
        value("extraEnvFrom", "- secretRef: {name: more}\n")),
    "the webserver's port of Airflow 2": both(
        attribute("airflow", "2.11.0"), value("airflowVersion", "2.11.0"),
        value("webserverSecretKeySecretName", "web"), without("apiServer"),
        lambda case: case.outside(web=("webserver-secret-key",)),
        env("env", "AIRFLOW__WEBSERVER__WEB_SERVER_PORT", "8080")),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "where", "severity", "change"), [one[1:] for one in RED],
                         ids=[one[0] for one in RED])  # fmt: skip
def test_red(rule: str, where: str, severity: str, change: Change) -> None:
    assert (rule, where, severity) in judge(change)


@pytest.mark.parametrize("name", GREEN)
def test_green(name: str) -> None:
    assert judge(GREEN[name]) == []


def test_a_duplicate_names_both_places_and_no_value() -> None:
    case = good()
    secret = "correct-horse-" + "battery"
    case.set("apps/airflow/airflow-values.yaml", "env", [{"name": "A", "value": "1"}])
    env("triggerer.env", "A", secret)(case)
    [found] = [one for one in case.run() if one.rule == "configuration.duplicate-variable"]
    assert found.where == "triggerer.env[0]"
    assert "env[0]" in found.message
    assert secret not in repr(found)


def test_values_of_an_application_are_judged_too() -> None:
    case = good()
    own = {"scheduler": {"env": [{"name": "AIRFLOW__CORE__EXECUTOR", "value": "X"}]}}
    case.set(APPLICATION, "spec.sources.0.helm.valuesObject", own)
    [found] = [one for one in case.run() if one.rule == "configuration.executor"]
    assert found.where == "spec.sources[0].helm.valuesObject.scheduler.env[0]"


def test_a_missing_form_is_asked_for_where_it_is_missing() -> None:
    """A Job without the variables of the other containers has a list of its own."""

    def places(*changes: Change) -> str:
        case = good()
        both(off(CONNECTION), *changes)(case)
        [one] = [one for one in case.run() if one.rule == "configuration.missing-secret"]
        return one.fix.text.partition(" in ")[2].removesuffix(", or write true")

    assert places() == "env, migrateDatabaseJob.env, createUserJob.env"
    everywhere = value("env", CMD)
    assert places(everywhere) == "migrateDatabaseJob.env, createUserJob.env"
    assert places(everywhere, value("migrateDatabaseJob.env", CMD)) == "createUserJob.env"
    custom = value("createUserJob.applyCustomEnv", True)
    assert places(everywhere, custom) == "migrateDatabaseJob.env"

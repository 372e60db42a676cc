"""Secrets that the chart makes itself, or reads under a name of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chart_secrets import MADE
from tests.unit.checks.changes import judge
from tests.unit.checks.test_red_and_green import (
    Change,
    both,
    pgbouncer,
    value,
    written,
)
from tests.unit.checks.trees import METADATA, Case, good
from wizard.findings import Finding

CHART_SECRET = "values.chart-secret"
KEYTAB = "airflow-kerberos-keytab"
FLOWER = value("flower.enabled", True)
TRIGGERER = value("triggerer", {"keda": {"enabled": True}})


def changed(values: dict[str, Any]) -> Change:
    def change(case: Case) -> None:
        if version := values.get("airflowVersion"):
            case.airflow = version
        for key, new in values.items():
            value(key, new)(case)

    return change


def found(*changes: Change) -> list[Finding]:
    case = good()
    both(*changes)(case)
    return case.run()


@pytest.mark.parametrize("template", MADE)
def test_a_secret_of_the_charts_own_is_an_error_in_our_trees(template: str) -> None:
    values, rule, where = MADE[template]
    ours = both(written, changed(values))
    assert (rule, where, "error") in judge(ours)
    if rule == CHART_SECRET:
        [one] = [one for one in found(ours) if one.rule == rule]
        assert "SecretName" in one.fix.text or "secretName" in one.fix.text or (
            "extraVolumes" in one.fix.text or one.fix.question in one.fix.text
        )  # fmt: skip
        # Others may let the chart write a Secret, as long as no password is in Git.
        assert CHART_SECRET not in {rule for rule, *_ in judge(changed(values))}


NAMED: dict[str, dict[str, Any]] = {
    "elasticsearch": {"elasticsearch.secretName": "mine"},
    "opensearch": {"opensearch.secretName": "mine"},
    "registry": {"imagePullSecrets": [{"name": "mine"}]},
    "result-backend-connection": {"data.resultBackendSecretName": "mine"},
    "pgbouncer-certificates": {"pgbouncer.ssl": {"ca": None}},
}


@pytest.mark.parametrize("template", NAMED)
def test_a_named_secret_keeps_the_chart_from_making_one(template: str) -> None:
    ours = both(written, changed(MADE[template][0]), changed(NAMED[template]))
    assert CHART_SECRET not in {rule for rule, *_ in judge(ours)}


def test_the_keytab_is_read_under_a_fixed_name() -> None:
    on = value("kerberos.enabled", True)
    missing = ("reference.secret", "kerberos.enabled", "error")
    for change, question in ((on, ""), (both(written, on), "secrets.extra")):
        assert judge(change) == [missing]
        [one] = [one for one in found(change) if one.rule == "reference.secret"]
        assert KEYTAB in one.message
        assert "kerberos.keytab" in one.fix.text
        assert one.fix.question == question
    there = lambda case: case.outside(airflow_kerberos_keytab=("kerberos.keytab",))  # noqa: E731
    assert judge(both(on, there)) == []
    other = lambda case: case.outside(airflow_kerberos_keytab=("keytab",))  # noqa: E731
    assert judge(both(on, other)) == [("reference.key", "kerberos.enabled", "error")]
    # Nobody knows what the chart calls it there.
    assert judge(both(on, value("fullnameOverride", "x"))) == judge(value("fullnameOverride", "x"))


KEDA_KEY = [("reference.key", "data.metadataSecretName", "error")]
KEDA: dict[str, tuple[Change, Any]] = {
    "triggerer past PgBouncer": (both(pgbouncer, TRIGGERER), KEDA_KEY),
    "triggerer through PgBouncer": (
        both(pgbouncer, value("triggerer", {"keda": {"enabled": True, "usePgbouncer": True}})),
        [],
    ),
    "no PgBouncer": (TRIGGERER, []),
    "no triggerer": (
        both(pgbouncer, value("triggerer", {"enabled": False, "keda": {"enabled": True}})),
        [],
    ),
    "workers through PgBouncer": (
        both(pgbouncer, value("workers.celery.keda", {"enabled": True})), [],
    ),
    "workers past PgBouncer": (
        both(pgbouncer, value("workers.celery.keda", {"enabled": True, "usePgbouncer": False})),
        KEDA_KEY,
    ),
    "deprecated keys": (
        both(pgbouncer, value("workers.keda", {"enabled": True, "usePgbouncer": False})), KEDA_KEY,
    ),
    "other URL variables off": (
        both(pgbouncer, TRIGGERER, value("enableBuiltInSecretEnvVars", {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": False, "AIRFLOW_CONN_AIRFLOW_DB": False,
        })),
        KEDA_KEY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEDA)
def test_keda_past_pgbouncer_reads_a_key_of_its_own(name: str) -> None:
    change, expected = KEDA[name]
    references = [one for one in judge(change) if one[0].startswith("reference.")]
    assert references == expected
    if expected:
        [one] = [one for one in found(change) if one.rule == "reference.key"]
        assert "kedaConnection" in one.fix.text
        assert one.fix.text.startswith("add the key kedaConnection, or let KEDA connect")
        assert "usePgbouncer: true" in one.fix.text
        [one] = [one for one in found(both(written, change)) if one.rule == "reference.key"]
        assert one.fix.text.startswith("let KEDA connect through PgBouncer (usePgbouncer: true")


def test_the_key_for_keda_can_be_there() -> None:
    def with_key(case: Case) -> None:
        url = "postgresql://airflow@pg.example.internal:5432/airflow"
        case.set(METADATA, "spec.target.template.data.kedaConnection", url)

    found = judge(both(pgbouncer, TRIGGERER, with_key))
    assert [one for one in found if one[0].startswith("reference.")] == []


def test_flower_without_a_login() -> None:
    open_flower = ("configuration.flower", "flower.enabled", "warning")
    assert open_flower in judge(FLOWER)
    assert open_flower in judge(both(written, FLOWER))
    inside = value("ingress.flower", {"enabled": True, "hosts": [{"name": "f.example.com"}]})
    messages = {one.message for one in found(FLOWER, inside) if one.rule == "configuration.flower"}
    assert any("Ingress" in one for one in messages)
    login = "AIRFLOW__CELERY__FLOWER_BASIC_AUTH"
    text = f"- name: {login}\n  valueFrom: {{secretKeyRef: {{name: airflow-admin, key: password}}}}"
    port = [{"name": "FLOWER_PORT", "value": "5555"}]
    assert open_flower in judge(value("flower", {"enabled": True, "env": port}))
    for change in (
        value("flower", {"enabled": True, "secretName": "mine"}),
        both(FLOWER, value("executor", "LocalExecutor")),
        both(FLOWER, value("extraEnv", text)),
        *(
            value("flower", {"enabled": True, "env": [{"name": name, "value": "x"}]})
            for name in ("FLOWER_AUTH", "FLOWER_AUTH_PROVIDER", "FLOWER_OAUTH2_KEY")
        ),
    ):
        assert "configuration.flower" not in {rule for rule, *_ in judge(change)}
